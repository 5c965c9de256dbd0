import { beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
import { eventLoopTurns, letPass, reading } from '../support/chat-road.ts'
import { broken, chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { untilStopped, whenDone } from '../support/scripted.ts'
import { namedEvent } from '../support/streams.ts'
import { sentBy } from '../support/upstream.ts'

/*
 * A request with several prompts to backends that know one at a time: each prompt is a request of its own to the same
 * backend, and all of them are one attempt.
 */

const backends = `
backends:
  - { name: claude, url: "http://claude", protocol: anthropic }
  - { name: gpt, url: "http://gpt/v1", apis: [chat] }
  - { name: spare, url: "http://spare", protocol: anthropic }
  - { name: keyed, url: "http://keyed", protocol: anthropic, api_key: key-of-claude }
  - { name: native, url: "http://native/v1" }`

async function roadOn(names: readonly string[], upstream: Upstream, more = ''): Promise<Road> {
  const routes = names.map((name, at) => `{ backend: ${name}, model: up, priority: ${at} }`).join(', ')
  return await openRoad(`${more}${backends}\nmodels: { m: { routes: [${routes}] } }`, upstream)
}

async function complete(road: Road, asked: JsonObject, init: RequestInit = {}): Promise<Response> {
  const body = JSON.stringify({ model: 'm', ...asked })
  return await road.fetch('/v1/completions', { method: 'POST', body, ...init })
}

function bodyOf(request: OutgoingRequest): JsonObject {
  return asObject(JSON.parse(sentBy(request).toString())) ?? {}
}

/** The text that the user says in it. */
function promptOf(request: OutgoingRequest): string {
  const { content } = asObject(asList(bodyOf(request)['messages'])[0]) ?? {}
  return asText(content) ?? asText(asObject(asList(content)[0])?.['text']) ?? ''
}

function claudeSays(text: string, usage: JsonObject = { input_tokens: 3, output_tokens: 2 }): Response {
  return Response.json({
    id: `msg_${text}`,
    type: 'message',
    role: 'assistant',
    model: 'up',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
    usage,
  })
}

/** A stream of Claude in these pieces. */
function claudeStream(texts: readonly string[], how: 'clean' | 'cut' | 'open' = 'clean', hasEnd = true): Response {
  return eventStream(claudeEvents(texts, hasEnd), how)
}

function claudeEvents(texts: readonly string[], hasEnd = true): string[] {
  const usage = { input_tokens: 3, output_tokens: 1 }
  const message = { id: 'msg_up', type: 'message', role: 'assistant', content: [], model: 'up', usage }
  const end = [
    namedEvent({ type: 'content_block_stop', index: 0 }),
    namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
    namedEvent({ type: 'message_stop' }),
  ]
  return [
    namedEvent({ type: 'message_start', message }) +
      namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...texts.map((text) => namedEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    ...(hasEnd ? end : []),
  ]
}

interface Chunk {
  readonly choices: readonly { readonly index: number; readonly text: string; readonly finish_reason: string | null }[]
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number }
  readonly error?: { readonly message: string }
  readonly id?: string
}

/** The events of a stream; `[DONE]` is left out. */
function chunksOf(stream: string): Chunk[] {
  return stream
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice(6)) as Chunk)
}

/** What each choice of a stream said, and why it ended. */
function saidBy(stream: string): Map<number, { text: string; finish: string | null }> {
  const said = new Map<number, { text: string; finish: string | null }>()
  for (const { choices = [] } of chunksOf(stream)) {
    for (const { index, text, finish_reason: finish } of choices) {
      const before = said.get(index)
      if (before?.finish != null) throw new Error(`Choice ${index} goes on behind its end`)
      said.set(index, { text: (before?.text ?? '') + text, finish })
    }
  }
  return said
}

// What is loaded with the first requests takes real time, and that of these tests is not.
beforeAll(async () => {
  const road = await roadOn(['claude'], (request) =>
    bodyOf(request)['stream'] === true ? claudeStream(['hi']) : claudeSays('hi'),
  )
  await complete(road, { prompt: ['a', 'b'] })
  await (await complete(road, { prompt: ['a', 'b'], stream: true })).text()
})

describe('§14.1: several prompts and a backend of another form', () => {
  test('each is asked for by itself, and all are one answer, in their order, with one sum of usage', async () => {
    const road = await roadOn(['claude'], (request) => claudeSays(`re ${promptOf(request)}`))
    const response = await complete(road, { prompt: ['a', 'b', 'c'], max_tokens: 9 })
    expect(response.headers.get('x-llm-proxy-warnings')).toBe('adapted:completion_as_chat')
    expect(await response.json()).toMatchObject({
      object: 'text_completion',
      model: 'm',
      choices: ['a', 'b', 'c'].map((prompt, index) => ({ text: `re ${prompt}`, index, finish_reason: 'stop' })),
      usage: { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 },
    })
    expect(road.sent.map(promptOf)).toEqual(['a', 'b', 'c'])
    expect(road.sent.map((request) => bodyOf(request)['max_tokens'])).toEqual([9, 9, 9])
    expect(road.settled[0]).toMatchObject({
      outcome: 'complete',
      attempts: [{ backend: 'claude', status: 200, translation: { parts: 3 } }],
    })
    const told = road.lines.find(({ event }) => event === 'request_translated')
    expect(told?.fields).toMatchObject({ parts: 3 })
  })

  test('n answers to each stand together: index = prompt × n + k', async () => {
    const road = await roadOn(['gpt'], async (request) => {
      const body = asObject(await chatAnswer().json()) ?? {}
      const message = { role: 'assistant', content: promptOf(request) }
      const choices = [1, 0].map((index) => ({ index, message, finish_reason: 'stop' }))
      return Response.json({ ...body, choices })
    })
    const body = (await (await complete(road, { prompt: ['a', 'b'], n: 2 })).json()) as Chunk
    const texts = body.choices.toSorted((one, other) => one.index - other.index).map(({ text }) => text)
    expect(texts).toEqual(['a', 'a', 'b', 'b'])
    expect(road.sent.map((request) => bodyOf(request)['n'])).toEqual([2, 2])
  })

  test('a backend that knows prompts gets them as they came', async () => {
    const road = await roadOn(['native'], () => Response.json({ object: 'text_completion', choices: [] }))
    await (await complete(road, { prompt: ['a', 'b'] })).text()
    expect(road.sent.map(bodyOf)).toEqual([{ model: 'up', prompt: ['a', 'b'] }])
    expect(road.settled[0]?.attempts[0]?.translation).toBeUndefined()
  })

  test('four are under way at once, and no more', async () => {
    let running = 0
    let most = 0
    const road = await roadOn(['claude'], async (request, { clock }) => {
      running++
      most = Math.max(most, running)
      await clock.sleep(100)
      running--
      return claudeSays(promptOf(request))
    })
    const prompt = Array.from({ length: 10 }, (_, at) => `p${at}`)
    const { value: response } = await whenDone(road.clock, complete(road, { prompt }))
    const { choices } = (await response.json()) as Chunk
    expect(choices.map(({ text }) => text)).toEqual(prompt)
    expect(most).toBe(4)
  })

  test.each([
    { why: 'more than 16 prompts', asked: { prompt: Array(17).fill('a') }, param: 'prompt' },
    { why: 'tokens', asked: { prompt: ['a', [1, 2]] }, param: 'prompt' },
    { why: 'the best of some', asked: { prompt: ['a', 'b'], best_of: 2 }, param: 'best_of' },
    { why: 'two answers to each of Claude', asked: { prompt: ['a', 'b'], n: 2 }, param: 'n' },
  ])('$why are refused before anybody is asked', async ({ asked, param }) => {
    const road = await roadOn(['claude'], () => claudeSays('no'))
    const response = await complete(road, asked)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'unsupported_by_backend', param } })
    expect(road.sent).toEqual([])
  })
})

describe('one of several requests fails', () => {
  test('and the whole attempt with it: the next route is asked for all of them', async () => {
    const road = await roadOn(['claude', 'spare'], (request) =>
      request.url.hostname === 'claude' && promptOf(request) === 'b'
        ? Response.json({ error: { type: 'overloaded_error', message: 'full' } }, { status: 529 })
        : claudeSays(`${request.url.hostname} ${promptOf(request)}`),
    )
    const body = (await (await complete(road, { prompt: ['a', 'b', 'c'] })).json()) as Chunk
    expect(body.choices.map(({ text }) => text)).toEqual(['spare a', 'spare b', 'spare c'])
    expect(road.settled[0]?.attempts).toMatchObject([
      { backend: 'claude', failure: { reason: 'status' } },
      { backend: 'spare', status: 200 },
    ])
    expect(road.lines.map(({ event }) => event)).toContain('route_cooled')
  })

  test('and without another route its own error is told', async () => {
    const error = { type: 'error', error: { type: 'invalid_request_error', message: 'prompt b is odd' } }
    const road = await roadOn(['claude'], (request) =>
      promptOf(request) === 'b' ? Response.json(error, { status: 400 }) : claudeSays('yes'),
    )
    const response = await complete(road, { prompt: ['a', 'b'] })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('prompt b is odd') } })
  })

  test('and the others, which would cost money for nothing, are ended or never sent', async () => {
    let ended = 0
    const road = await roadOn(['claude'], async (request) => {
      if (promptOf(request) === 'b') return broken('connect', 'refused')
      const failure = await untilStopped(request.stop)
      ended++
      return failure
    })
    const prompt = Array.from({ length: 8 }, (_, at) => 'abcdefgh'[at] ?? '')
    expect((await complete(road, { prompt })).status).toBe(502)
    await eventLoopTurns()
    expect([road.sent.length, ended]).toEqual([4, 3])
  })

  test('because of a redirect, an empty answer, a web page or no JSON', async () => {
    for (const odd of [
      () => new Response('', { status: 302 }),
      () => new Response(''),
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      () => new Response('{"half":', { headers: { 'content-type': 'application/json' } }),
      () => Response.json({ type: 'error', error: { type: 'api_error', message: 'in a 200' } }),
    ]) {
      const road = await roadOn(['claude', 'spare'], (request) =>
        request.url.hostname === 'claude' && promptOf(request) === 'c' ? odd() : claudeSays(promptOf(request)),
      )
      const response = await complete(road, { prompt: ['a', 'b', 'c', 'd', 'e'] })
      const { choices } = (await response.json()) as Chunk
      expect(choices.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd', 'e'])
      expect(road.settled[0]?.attempts.map(({ backend }) => backend)).toEqual(['claude', 'spare'])
    }
  })

  test('because it takes too long: the deadline is that of all of them', async () => {
    const road = await roadOn(
      ['claude'],
      async (request) => (promptOf(request) === 'b' ? await untilStopped(request.stop) : claudeSays('yes')),
      'fallback: { deadline: 5s }',
    )
    const { value: response, tookMs } = await whenDone(road.clock, complete(road, { prompt: ['a', 'b'] }))
    expect(response.status).toBe(504)
    expect(tookMs).toBeLessThan(5500)
  })

  test('the client leaves: all are ended, and no route is blamed', async () => {
    const leaving = new AbortController()
    let ended = 0
    const road = await roadOn(['claude'], async (request) => {
      const failure = await untilStopped(request.stop)
      ended++
      return failure
    })
    const asking = complete(road, { prompt: ['a', 'b', 'c'] }, { signal: leaving.signal })
    // Only who waits is listened for.
    await letPass(road.clock, 250)
    leaving.abort()
    expect((await asking).status).toBe(499)
    expect([road.sent.length, ended]).toEqual([3, 3])
    expect(road.settled[0]?.outcome).toBe('client_closed')
  })

  test('one that waits for a connection which others of the same request have is sent behind them', async () => {
    let busy = 0
    const road = await roadOn(['claude'], async (request, { clock }) => {
      if (busy >= 1) {
        await clock.sleep(10)
        if (busy >= 1) return broken('queue', 'timeout')
      }
      busy++
      await clock.sleep(1000)
      busy--
      return claudeSays(promptOf(request))
    })
    const asking = complete(road, { prompt: ['a', 'b', 'c', 'd', 'e'] })
    const { value: response } = await whenDone(road.clock, asking)
    const { choices } = (await response.json()) as Chunk
    expect(choices.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(road.settled[0]?.attempts).toHaveLength(1)
  })
})

describe('§14.1: several prompts, streamed', () => {
  test('chunks of all come as they come, each under its own number, and the stream ends once', async () => {
    const road = await roadOn(['claude'], (request) =>
      claudeStream([`${promptOf(request)}1 `, `${promptOf(request)}2`]),
    )
    const asked = { prompt: ['a', 'b', 'c', 'd', 'e', 'f'], stream: true, stream_options: { include_usage: true } }
    const stream = await (await complete(road, asked)).text()
    expect([...saidBy(stream)].toSorted(([one], [other]) => one - other)).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name, at) => [at, { text: `${name}1 ${name}2`, finish: 'stop' }]),
    )
    const chunks = chunksOf(stream)
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 18, completion_tokens: 12 })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(stream.split('[DONE]')).toHaveLength(2)
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(road.settled[0]).toMatchObject({ outcome: 'complete', attempts: [{ translation: { parts: 6 } }] })
  })

  test('a first piece goes out while others have not begun', async () => {
    const road = await roadOn(['claude'], async (request) =>
      promptOf(request) === 'a' ? await untilStopped(request.stop) : claudeStream(['there'], 'open', false),
    )
    const leaving = new AbortController()
    const response = await complete(road, { prompt: ['a', 'b'], stream: true }, { signal: leaving.signal })
    const reader = response.body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    expect(chunksOf(new TextDecoder().decode(value))[0]?.choices).toMatchObject([{ index: 1, text: 'there' }])
    await reader?.cancel()
    leaving.abort()
  })

  test('one that is refused before any content makes the whole attempt fail, with its own status', async () => {
    const road = await roadOn(['claude', 'spare'], async (request, { clock }) => {
      if (request.url.hostname === 'spare') return claudeStream([`spare ${promptOf(request)}`])
      if (promptOf(request) === 'a') return claudeStream([], 'open', false)
      await clock.sleep(1000)
      return Response.json({ error: { message: 'slow down' } }, { status: 429, headers: { 'retry-after': '7' } })
    })
    const asked = { prompt: ['a', 'b'], stream: true }
    const { value: stream } = await whenDone(
      road.clock,
      complete(road, asked).then(async (response) => response.text()),
    )
    expect([...saidBy(stream).values()].map(({ text }) => text).toSorted()).toEqual(['spare a', 'spare b'])
    expect(road.settled[0]?.attempts).toMatchObject([
      { backend: 'claude', failure: { reason: 'status', status: 429, retryAfterMs: 7000 } },
      { backend: 'spare' },
    ])
  })

  test.each([
    { how: 'is refused', odd: () => Response.json({ error: { message: 'no' } }, { status: 500 }) },
    { how: 'breaks off', odd: () => claudeStream(['half'], 'cut', false) },
    { how: 'ends too early', odd: () => claudeStream(['half'], 'clean', false) },
    { how: 'cannot be reached', odd: () => broken('connect', 'refused') },
    {
      how: 'ends in an error event',
      odd: () => eventStream([namedEvent({ type: 'error', error: { type: 'overloaded_error', message: 'full' } })]),
    },
  ])('one that $how after content of another: no choice ends, and the client is told', async ({ odd }) => {
    const road = await roadOn(['claude', 'spare'], async (request, { clock }) => {
      if (promptOf(request) === 'a') return claudeStream(['all of it'])
      await clock.sleep(1000)
      return odd()
    })
    const told = reading(road, complete(road, { prompt: ['a', 'b'], stream: true }))
    await letPass(road.clock, 5000, () => told.ended !== undefined)
    const { text: stream } = told
    expect(saidBy(stream).get(0)).toEqual({ text: 'all of it', finish: null })
    expect(chunksOf(stream).at(-1)?.error?.message).toBeString()
    expect(stream).not.toContain('[DONE]')
    expect(road.settled[0]?.outcome).not.toBe('complete')
    expect(road.sent.map(({ url }) => url.hostname)).not.toContain('spare')
  })

  const odd = { type: 'error', error: { type: 'invalid_request_error', message: 'key-of-claude: prompt b is odd' } }

  test('one that is refused for what it asks, after content of another: told in its own words, and no route rests', async () => {
    const road = await roadOn(['keyed'], async (request, { clock }) => {
      if (promptOf(request) === 'b') {
        await clock.sleep(1000)
        return Response.json(odd, { status: 400 })
      }
      return claudeStream(['all of it'])
    })
    const told = reading(road, complete(road, { prompt: ['a', 'b'], stream: true }))
    await letPass(road.clock, 5000, () => told.ended !== undefined)
    expect(saidBy(told.text).get(0)).toEqual({ text: 'all of it', finish: null })
    // Nobody is told the key.
    expect(chunksOf(told.text).at(-1)?.error?.message).toBe('****: prompt b is odd')
    expect(told.text).not.toContain('[DONE]')
    expect(road.settled[0]?.outcome).not.toBe('complete')
    const next = await complete(road, { prompt: ['a', 'c'], stream: true })
    expect([...saidBy(await next.text()).values()].map(({ text }) => text)).toEqual(['all of it', 'all of it'])
  })

  test.each([401, 403, 429, 500])(
    'a refusal with %i after content of another is the fault of its route',
    async (status) => {
      const road = await roadOn(['keyed'], async (request, { clock }) => {
        if (promptOf(request) === 'b') {
          await clock.sleep(1000)
          return Response.json(odd, { status })
        }
        return claudeStream(['all of it'])
      })
      const told = reading(road, complete(road, { prompt: ['a', 'b'], stream: true }))
      await letPass(road.clock, 5000, () => told.ended !== undefined)
      expect(told.text).not.toContain('is odd')
      expect((await complete(road, { prompt: ['a'] })).status).toBe(503)
    },
  )

  test('held back until it is complete, it is all or nothing', async () => {
    const road = await roadOn(
      ['claude', 'spare'],
      async (request, { clock }) => {
        if (request.url.hostname === 'spare') return claudeStream([`spare ${promptOf(request)}`])
        if (promptOf(request) === 'a') return claudeStream(['all of it'])
        await clock.sleep(5000)
        return claudeStream(['half'], 'cut', false)
      },
      'streaming: { hold: true }',
    )
    const asked = { prompt: ['a', 'b'], stream: true }
    const { value: stream } = await whenDone(
      road.clock,
      complete(road, asked).then(async (response) => response.text()),
    )
    expect([...saidBy(stream).values()].map(({ text }) => text).toSorted()).toEqual(['spare a', 'spare b'])
    expect(stream).toContain('[DONE]')
  })

  test('an upstream that does not hang up behind its last word keeps nobody waiting', async () => {
    const road = await roadOn(['claude'], (request) => claudeStream([promptOf(request)], 'open'))
    const prompt = ['a', 'b', 'c', 'd', 'e', 'f']
    const { value: stream, tookMs } = await whenDone(
      road.clock,
      complete(road, { prompt, stream: true }).then(async (response) => response.text()),
    )
    expect([...saidBy(stream).values()].map(({ text }) => text).toSorted()).toEqual(prompt)
    expect(stream).toContain('[DONE]')
    expect(tookMs).toBeLessThan(5000)
    expect(road.settled[0]?.outcome).toBe('complete')
  })

  test('backends that answer without a stream are streams all the same', async () => {
    const road = await roadOn(['claude'], (request) => claudeSays(promptOf(request)))
    const stream = await (await complete(road, { prompt: ['a', 'b'], stream: true })).text()
    expect([...saidBy(stream)].toSorted(([one], [other]) => one - other)).toEqual([
      [0, { text: 'a', finish: 'stop' }],
      [1, { text: 'b', finish: 'stop' }],
    ])
  })

  test('whatever the order in which pieces come, each choice says what its prompt was answered', async () => {
    const part = fc.record({
      texts: fc.array(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      pauses: fc.array(fc.nat({ max: 50 }), { minLength: 5, maxLength: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 2, maxLength: 9 }), async (parts) => {
        const road = await roadOn(['claude'], async (request, { clock }) => {
          const { texts = [], pauses = [] } = parts[Number(promptOf(request))] ?? {}
          await clock.sleep(pauses[0] ?? 0)
          return slowly(claudeEvents(texts), async (at) => clock.sleep(pauses[at % pauses.length] ?? 0))
        })
        const asking = complete(road, { prompt: parts.map((_, at) => String(at)), stream: true })
        const { value: stream } = await whenDone(
          road.clock,
          asking.then(async (response) => response.text()),
          60_000,
          10,
        )
        const said = [...saidBy(stream)].toSorted(([one], [other]) => one - other)
        expect(said).toEqual(parts.map(({ texts }, at) => [at, { text: texts.join(''), finish: 'stop' }]))
      }),
      { numRuns: 30 },
    )
  })
})

function slowly(events: readonly string[], pause: (at: number) => Promise<void>): Response {
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const event = events[at]
      await pause(at)
      at += 1
      if (event === undefined) controller.close()
      else controller.enqueue(new TextEncoder().encode(event))
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

test('logs that keep what was sent have the bodies of all of them', async () => {
  const road = await roadOn(
    ['claude'],
    (request) => claudeSays(promptOf(request)),
    'logging: { separate_files: true }\n',
  )
  await (await complete(road, { prompt: ['a', 'b'] })).text()
  const sent = Buffer.from(road.settled[0]?.attempts[0]?.sent?.body ?? []).toString()
  expect(sent.split('\n').map((line) => asList((JSON.parse(line) as JsonObject)['messages']).length)).toEqual([1, 1])
})
