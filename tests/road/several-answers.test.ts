import { describe, expect, test } from 'bun:test'
import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
import { chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { dataEvent, namedEvent } from '../support/streams.ts'
import { sentBy } from '../support/upstream.ts'

/* `compat.n: fanout`: several answers of a backend that gives one at a time. */

async function roadOn(backend: string, upstream: Upstream): Promise<Road> {
  return await openRoad(
    `compat: { n: fanout }
backends: [{ name: a, ${backend} }]
models: { m: { routes: [{ backend: a, model: up }] } }`,
    upstream,
  )
}

const claude = 'url: "http://claude", protocol: anthropic'

function bodyOf(request: OutgoingRequest): JsonObject {
  return asObject(JSON.parse(sentBy(request).toString())) ?? {}
}

function claudeCalls(id: string): Response {
  const content = [{ type: 'tool_use', id, name: 'look', input: { at: id } }]
  const usage = { input_tokens: 3, output_tokens: 2 }
  return Response.json({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'up',
    content,
    stop_reason: 'tool_use',
    usage,
  })
}

describe('§3: n > 1 where the operator says compat.n: fanout', () => {
  test('a Chat client gets the calls of each answer under its own number', async () => {
    let asked = 0
    const road = await roadOn(claude, () => claudeCalls(`toolu_${(asked += 1)}`))
    const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }]
    const body = (await (await road.chat('m', { n: 3, tools })).json()) as {
      choices: { index: number; finish_reason: string; message: { tool_calls: { id: string }[] } }[]
      usage: JsonObject
    }
    expect(body.choices.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(body.choices.flatMap(({ message }) => message.tool_calls.map(({ id }) => id)).toSorted()).toEqual([
      'toolu_1',
      'toolu_2',
      'toolu_3',
    ])
    expect(body.choices.map((choice) => choice.finish_reason)).toEqual(['tool_calls', 'tool_calls', 'tool_calls'])
    expect(body.usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 6 })
  })

  test('streamed, too: every choice has its role, its text and one end', async () => {
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [],
      model: 'up',
      usage: { input_tokens: 1 },
    }
    const road = await roadOn(claude, () =>
      eventStream([
        namedEvent({ type: 'message_start', message }),
        namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
        namedEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hi' } }),
        namedEvent({ type: 'content_block_stop', index: 0 }),
        namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
        namedEvent({ type: 'message_stop' }),
      ]),
    )
    const stream = await (await road.chat('m', { n: 2, stream: true })).text()
    const choices = stream
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .flatMap((event) => (JSON.parse(event.slice(6)) as { choices: JsonObject[] }).choices)
    for (const index of [0, 1]) {
      const own = choices.filter((choice) => choice['index'] === index)
      expect(asObject(own[0]?.['delta'])?.['role']).toBe('assistant')
      expect(own.map(({ delta }) => asText(asObject(delta)?.['content']) ?? '').join('')).toBe('hi')
      expect(own.map((choice) => choice['finish_reason']).filter((reason) => reason !== null)).toEqual(['stop'])
    }
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test('a seed counts up, so that not all say the same', async () => {
    const road = await roadOn('url: "http://local", protocol: ollama', () =>
      Response.json({ model: 'up', message: { role: 'assistant', content: 'hi' }, done: true, done_reason: 'stop' }),
    )
    await (await road.chat('m', { n: 3, seed: 7 })).text()
    expect(road.sent.map((request) => asObject(bodyOf(request)['options'])?.['seed'])).toEqual([7, 8, 9])
  })

  test.each([
    { backend: 'url: "http://x", protocol: anthropic', model: 'messages' },
    { backend: 'url: "http://x/v2", protocol: cohere', model: 'cohere' },
    { backend: 'url: "http://x", protocol: bedrock', model: 'converse' },
    { backend: 'url: "http://x", protocol: ollama', model: 'ollama' },
    { backend: 'url: "http://x/v1", apis: [responses]', model: 'responses' },
  ])('a backend of the form $model is asked once for each', async ({ backend }) => {
    const road = await roadOn(backend, () => chatAnswer())
    const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }], generationConfig: { candidateCount: 2 } }
    const path = '/v1beta/models/m:generateContent'
    await (await road.fetch(path, { method: 'POST', body: JSON.stringify(body) })).text()
    expect(road.sent).toHaveLength(2)
  })

  test('who gives several at a time is asked for all of them', async () => {
    const road = await roadOn('url: "http://g", protocol: gemini', () =>
      Response.json({
        candidates: [0, 1].map((index) => ({ index, content: { parts: [{ text: 'hi' }] }, finishReason: 'STOP' })),
      }),
    )
    const body = (await (await road.chat('m', { n: 2 })).json()) as { choices: unknown[] }
    expect([road.sent.length, body.choices.length]).toEqual([1, 2])
  })

  test.each([{ n: 129 }, { n: 1e9 }, { n: 2.5 }])('B68: n: $n is refused before anybody is asked', async ({ n }) => {
    const road = await roadOn(claude, () => chatAnswer())
    const response = await road.chat('m', { n })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { param: 'n' } })
    expect(road.sent).toEqual([])
  })

  test('what goes through as it is, is never split', async () => {
    const road = await roadOn('url: "http://o/v1"', () => chatAnswer())
    await (await road.chat('m', { n: 3 })).text()
    expect(road.sent.map((request) => bodyOf(request)['n'])).toEqual([3])
  })

  test('an error event before any content fails the whole attempt', async () => {
    const failed = namedEvent({ type: 'error', error: { type: 'overloaded_error', message: 'full' } })
    let asked = 0
    const road = await roadOn(claude, () =>
      (asked += 1) === 1 ? eventStream([dataEvent({})], 'open') : eventStream([failed]),
    )
    const response = await road.chat('m', { n: 2, stream: true })
    expect(response.status).toBeGreaterThanOrEqual(500)
  })
})
