import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import type { StreamForm } from '#core/endpoint.ts'
import {
  done,
  error,
  fin,
  finished,
  goodEvents,
  goodJson,
  json,
  rst,
  said,
  streamed,
  type Script,
} from '../support/fault-origin.ts'
import { expectGoodAccounts, faultLab, recordOf, within, type FaultLab } from '../support/fault-origin-lab.ts'
import { startGateway } from '../support/gateway.ts'
import { isLinux, residentBytes } from '../support/process.ts'
import { chatRequest, rawClient, rawRequest, type ClientRequest } from '../support/raw-client.ts'
import { chunk, chunkedHead, rawOrigin } from '../support/raw-origin.ts'
import { sampleStreams, type SampleStream } from '../support/streams.ts'
import { toxicProxy } from '../support/toxics.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

/** The path of a stream's form; a model's name stands in it or in the body. */
const paths: Readonly<Record<StreamForm, string>> = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
  gemini_sse: '/v1beta/models/{model}:streamGenerateContent?alt=sse',
  gemini_array: '/v1beta/models/{model}:streamGenerateContent',
  ndjson: '/api/chat',
}

const types: Readonly<Record<StreamForm, string>> = {
  chat: 'text/event-stream',
  completions: 'text/event-stream',
  responses: 'text/event-stream',
  messages: 'text/event-stream',
  gemini_sse: 'text/event-stream',
  gemini_array: 'application/json',
  ndjson: 'application/x-ndjson',
}

function requestOf(form: StreamForm, model: string): ClientRequest {
  const path = paths[form].replace('{model}', encodeURIComponent(model))
  return { ...chatRequest(model), path: form === 'ndjson' && model.includes('Ollama text') ? '/api/generate' : path }
}

/** How the form tells an error behind the bytes that were sent: its code or its sentence. */
function errorBehind(form: StreamForm, text: string, sent: string): string {
  const tail = text.slice(sent.length)
  switch (form) {
    case 'chat':
    case 'completions':
      return JSON.parse(/^data: (\{.*\})\n\n$/.exec(tail)?.[1] ?? 'null').error.code
    case 'responses': {
      const [, first = '', last = ''] =
        /^event: error\ndata: (\{.*\})\n\nevent: response\.failed\ndata: (\{.*\})\n\n$/.exec(tail) ?? []
      expect(JSON.parse(last).response.status).toBe('failed')
      return JSON.parse(first).message
    }
    case 'messages': {
      const told = JSON.parse(/^event: error\ndata: (\{.*\})\n\n$/.exec(tail)?.[1] ?? 'null')
      expect(told).toMatchObject({ type: 'error', error: { type: expect.any(String) } })
      return told.error.message
    }
    case 'gemini_sse': {
      const [, event = '', bare = ''] = /^data: (\{.*\})\n\n(\{.*\})$/.exec(tail) ?? []
      expect(JSON.parse(bare)).toEqual(JSON.parse(event))
      return JSON.parse(bare).error.message
    }
    case 'gemini_array': {
      const elements = JSON.parse(text)
      return elements.at(-1).error?.message ?? elements.at(-1)[0].error.message
    }
    case 'ndjson':
      return JSON.parse(/^(\{.*\})\n$/.exec(tail)?.[1] ?? 'null').error
  }
}

/** What goes wrong after some content; `sent` are whole events that came before it, `next` is the one after them. */
const breaks: Readonly<
  Record<
    string,
    { readonly script: (sent: string, next: string) => Script; readonly outcome: string; readonly says: RegExp }
  >
> = {
  'F28: FIN without the last chunk': {
    script: (sent) => [chunk(sent), 50, fin],
    outcome: 'upstream_broke',
    says: /upstream_error|stream_incomplete|connection broke|ended the stream/,
  },
  'F29, F42: RST in the middle of an event': {
    script: (sent, next) => [chunk(sent) + chunk(next.slice(0, next.length / 2)), 50, rst],
    outcome: 'upstream_broke',
    says: /upstream_error|connection broke/,
  },
  'F29, F42: FIN in the middle of an event': {
    script: (sent, next) => [chunk(sent) + chunk(next.slice(0, 9)), 50, fin],
    outcome: 'upstream_broke',
    says: /upstream_error|stream_incomplete|connection broke|ended the stream/,
  },
  'F30: a clean end without its marker': {
    script: (sent) => [chunk(sent), 50, chunk('')],
    outcome: 'upstream_broke',
    says: /stream_incomplete|ended the stream before/,
  },
  'F31: a bad size of a chunk': {
    script: (sent) => [chunk(sent), 50, 'zz\r\nxx\r\n'],
    outcome: 'upstream_broke',
    says: /upstream_error|connection broke/,
  },
  'F33: silence': {
    script: (sent) => [chunk(sent)],
    outcome: 'stalled',
    says: /upstream_timeout|streaming\.idle_timeout/,
  },
  'F33: silence in the middle of an event': {
    script: (sent, next) => [chunk(sent) + chunk(next.slice(0, 9))],
    outcome: 'stalled',
    says: /upstream_timeout|streaming\.idle_timeout/,
  },
}

const cases = Object.keys(breaks).flatMap((name) =>
  sampleStreams.map((stream) => ({ name, stream, form: stream.name })),
)
const modelOfCase = (name: string, stream: SampleStream): string => `${name.replaceAll(/\W+/g, '-')} ${stream.name}`

describe('a stream that breaks after content', () => {
  let lab: FaultLab

  beforeAll(async () => {
    const faults = cases.map(({ name, stream }): [string, Script] => {
      const sent = stream.events.slice(0, stream.contentAt + 1).join('')
      const script = breaks[name]?.script(sent, stream.events[stream.contentAt + 1] ?? '') ?? []
      return [modelOfCase(name, stream), [chunkedHead(types[stream.form]), ...script]]
    })
    lab = await faultLab(
      Object.fromEntries(faults),
      'streaming: { idle_timeout: 300ms, heartbeat: 0 }\nfallback: { cooldown_seconds: 30, max_retries: 9 }',
    )
  })

  afterAll(async () => {
    await expectGoodAccounts(lab.gateway)
    await lab[Symbol.asyncDispose]()
  })

  test.concurrent.each(cases)(
    '$name is told in the words of $form, behind whole events only',
    async ({ name, stream }) => {
      const { outcome, says } = breaks[name] ?? { outcome: '', says: /^$/ }
      const model = `${modelOfCase(name, stream)} 2nd`
      const answer = await rawRequest(lab.gateway.url, requestOf(stream.form, model))
      const sent = stream.events.slice(0, stream.contentAt + 1).join('')
      expect([answer.status, answer.text.startsWith(sent)]).toEqual([200, true])
      expect(errorBehind(stream.form, answer.text, sent)).toMatch(says)
      // Programs that do not look into events see a connection that did not end as it should; Responses have a last event
      // that says so, and some of their clients would tell of the connection alone.
      expect(answer.isWhole).toBe(stream.form === 'responses')
      const record = await recordOf(lab.gateway, answer.headers.get('x-request-id') ?? '')
      expect(record).toMatchObject({ event: 'stream_broken', outcome, attempts: 1, status: 200, backend: 'bad' })
      expect(record.bytes).toBe(Buffer.byteLength(sent))
      // Nothing is tried again after content, and its route rests.
      expect([lab.origin.asked(model).length, lab.second.asked(model.replace(/ 2nd$/, '')).length]).toEqual([1, 0])
      if (!name.startsWith('F30'))
        await within(lab.origin.asked(model)[0]?.gone ?? Promise.resolve(), 'the end of the upstream connection')
      const cooled = lab.lines('route_cooled').filter((line) => line['request_id'] === record.request_id)
      expect(cooled).toHaveLength(1)
    },
  )
})

test.concurrent.each(sampleStreams.map((stream) => ({ stream, form: stream.name })))(
  'F37: a stream of $form that does not end is cut at max_duration, in its own words',
  async ({ stream }) => {
    const sent = stream.events.slice(0, stream.contentAt + 1).join('')
    const more = stream.events[stream.contentAt] ?? ''
    const next = stream.form === 'gemini_array' ? more.replace(/^\[/, ',') : more
    const endless = Array.from({ length: 100 }, () => [50, chunk(next)]).flat()
    await using lab = await faultLab(
      { endless: [chunkedHead(types[stream.form]) + chunk(sent), ...endless] },
      'streaming: { max_duration: 500ms, heartbeat: 0 }',
    )
    const startedMs = performance.now()
    const answer = await rawRequest(lab.gateway.url, requestOf(stream.form, 'endless 2nd'))
    expect(performance.now() - startedMs).toBeWithin(450, 3000)
    expect(answer.isWhole).toBe(stream.form === 'responses')
    const whole = answer.text.slice(0, answer.text.lastIndexOf(next) + next.length)
    expect(whole).toBe(sent + next.repeat((whole.length - sent.length) / next.length))
    expect(errorBehind(stream.form, answer.text, whole)).toMatch(/upstream_timeout|streaming\.max_duration/)
    const record = await recordOf(lab.gateway, answer.headers.get('x-request-id') ?? '')
    expect(record).toMatchObject({ event: 'stream_broken', outcome: 'stalled', attempts: 1 })
    expect(record.reason).toContain('streaming.max_duration')
    await within(lab.origin.asked('endless 2nd')[0]?.gone ?? Promise.resolve(), 'the end of the upstream connection')
    // It was not the route's fault.
    expect(lab.lines('route_cooled')).toEqual([])
  },
)

describe.concurrent('F32: signs of life', () => {
  const sign = /: keep-alive\n\n/g
  const settings = 'streaming: { heartbeat: 200ms }\ntimeout: { first_byte: 5s }'

  test.each([
    { name: 'before the head', script: [900, streamed(goodEvents), chunk('')] },
    { name: 'between head and content', script: [chunkedHead(), 900, chunk(goodEvents) + chunk('')] },
    {
      name: 'between two events',
      script: [streamed(said('good ')), 900, chunk(said('answer') + finished + done) + chunk('')],
    },
  ] satisfies { name: string; script: Script }[])('come $name, and cost no byte of the answer', async ({ script }) => {
    await using lab = await faultLab({ slow: script }, settings)
    using client = await rawClient(lab.gateway.url)
    const startedMs = performance.now()
    const exchange = client.send(chatRequest('slow'))
    expect((await exchange.head).status).toBe(200)
    await exchange.begun
    expect(performance.now() - startedMs).toBeLessThan(800)
    const answer = await exchange.ended
    expect([answer.isWhole, answer.text.replaceAll(sign, '')]).toEqual([true, goodEvents])
    expect(answer.text.match(sign)?.length ?? 0).toBeWithin(2, 5)
    const record = await recordOf(lab.gateway, answer.headers.get('x-request-id') ?? '')
    // What is counted is the answer, not the signs of life.
    expect(record).toMatchObject({ event: 'request_finished', attempts: 1, bytes: goodEvents.length })
  })

  test.each([
    { name: 'an error status', script: [500, error('503 Busy')] },
    { name: 'an end before content', script: [500, chunkedHead() + chunk(': hello\n\n'), 100, fin] },
    { name: 'silence', script: [] },
    { name: 'a reset', script: [500, rst] },
  ] satisfies { name: string; script: Script }[])(
    'are not the answer: after them $name still leads on silently',
    async ({ script }) => {
      await using lab = await faultLab({ slow: script }, settings.replace('5s', '900ms'))
      const { answer, record } = await lab.ask('slow 2nd', { stream: true })
      expect([answer.status, answer.isWhole, answer.text.replaceAll(sign, '')]).toEqual([200, true, goodEvents])
      expect(answer.text).toMatch(sign)
      expect(record).toMatchObject({ event: 'request_finished', attempts: 2, backend: 'good' })
    },
  )

  test('when no route is left behind them, the failure is told in the stream', async () => {
    await using lab = await faultLab({ slow: [500, error('503 Busy', [], 'overloaded')] }, settings)
    const { answer, record } = await lab.ask('slow', { stream: true })
    expect([answer.status, answer.isWhole]).toEqual([200, false])
    const told = answer.text.replaceAll(sign, '')
    expect(JSON.parse(/^data: (\{.*\})\n\n$/.exec(told)?.[1] ?? 'null')).toMatchObject({
      error: { code: 'overloaded' },
    })
    expect(answer.text).not.toContain('[DONE]')
    expect(record.event).toMatch(/request_failed|stream_broken/)
    await expectGoodAccounts(lab.gateway)
  })
})

describe('bytes', () => {
  const odd =
    '\u{feff}: a comment\r\n\r\nretry: 3000\r\nid: 7\r\n\r\nevent: x\r\ndata: {"choices":[{"index":0,\r\ndata: "delta":{"content":"Grüße 🙂 模型"}}]}\r\n\r\n' +
    'data:{"choices":[{"index":0,"delta":{"content":"no blank"}}],"unknown":{"kept":1.10}}\n\nunknown: field\n\n' +
    finished.replaceAll('\n', '\r\n') +
    done
  const streams = [
    ...sampleStreams.map((stream) => ({ name: stream.name, form: stream.form, text: stream.events.join('') })),
    { name: 'odd events', form: 'chat' as const, text: odd },
  ]

  test.concurrent.each(streams)(
    'F34, F41: a stream of $name comes through a line of single bytes as it was sent',
    async ({ name, form, text }) => {
      await using origin = await rawOrigin((peer) => peer.write(chunkedHead(types[form]) + chunk(text) + chunk('')))
      await using line = await toxicProxy(origin.url, { down: [{ kind: 'slicer', bytes: 1 }] })
      await using far = await startGateway(`
logging: { format: json }
backends: [{ name: a, url: "${line.url.origin}", protocol: any }]
models: { "${name}": { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
      await using near = await toxicProxy(new URL(far.url), { up: [{ kind: 'slicer', bytes: 7, variation: 6 }] })
      const answer = await rawRequest(near.url.origin, requestOf(form, name))
      expect([answer.status, answer.isWhole]).toEqual([200, true])
      expect(answer.text).toBe(text)
      expect(await recordOf(far, answer.headers.get('x-request-id') ?? '')).toMatchObject({
        event: 'request_finished',
        bytes: Buffer.byteLength(text),
      })
    },
  )

  test.each([
    {
      name: 'slowly and unevenly',
      toxics: [
        { kind: 'latency', ms: 20, jitterMs: 20 },
        { kind: 'slicer', bytes: 40, variation: 39 },
      ],
    },
    { name: 'with little bandwidth', toxics: [{ kind: 'bandwidth', bytesPerSecond: 4000 }] },
    { name: 'with a late end', toxics: [{ kind: 'slow_close', ms: 300 }] },
  ] as const)('F34: a stream that comes $name is the same stream', async ({ toxics }) => {
    await using origin = await rawOrigin((peer) =>
      peer.end(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${goodEvents.repeat(3)}`),
    )
    await using line = await toxicProxy(origin.url, { down: [...toxics] })
    await using lab = await faultLab({ m: { url: line.url.origin } })
    const { answer } = await lab.ask('m', { stream: true })
    expect([answer.isWhole, answer.text]).toEqual([true, goodEvents.repeat(3)])
  })

  test.each([
    { name: 'cut by the line', toxic: { kind: 'limit_data', bytes: 700 }, outcome: 'upstream_broke' },
    { name: 'reset by the line', toxic: { kind: 'reset', afterMs: 150 }, outcome: 'upstream_broke' },
    { name: 'lost on the line', toxic: { kind: 'timeout', ms: 0 }, outcome: undefined },
  ] as const)('F28, F29, F10: a stream that is $name is not told as complete', async ({ toxic, outcome }) => {
    await using origin = await rawOrigin((peer) => {
      peer.write(streamed(said('one')))
      const timer = setInterval(() => peer.write(chunk(said('more'))), 20)
      void peer.gone.then(() => clearInterval(timer))
    })
    await using line = await toxicProxy(origin.url, { down: [toxic] })
    await using lab = await faultLab(
      { m: { url: line.url.origin } },
      'timeout: { first_byte: 400ms }\nstreaming: { time_to_first_token: 400ms, idle_timeout: 400ms }',
    )
    const { answer, record } = await lab.ask('m 2nd', { stream: true })
    if (outcome === undefined) {
      expect([answer.isWhole, answer.text, record.attempts]).toEqual([true, goodEvents, 2])
    } else {
      expect([answer.isWhole, answer.text.startsWith(said('one'))]).toEqual([false, true])
      expect(answer.text).toMatch(/data: \{"error":\{.*\}\}\n\n$/)
      expect(record).toMatchObject({ event: 'stream_broken', outcome, attempts: 1 })
    }
    await expectGoodAccounts(lab.gateway)
  })

  test('F40: what the upstream compressed against our wish stays as it is, and is not taken for a stream that could be watched', async () => {
    const packed = gzipSync(goodJson)
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`
    const stream = gzipSync(goodEvents)
    await using lab = await faultLab({
      body: [Buffer.concat([Buffer.from(head), packed])],
      stream: [
        Buffer.concat([
          Buffer.from(
            `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: ${stream.length}\r\n\r\n`,
          ),
          stream,
        ]),
      ],
    })
    const response = await fetch(`${lab.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model":"body","messages":[]}',
      decompress: false,
    })
    expect([
      response.headers.get('content-encoding'),
      Buffer.from(await response.arrayBuffer()).equals(packed),
    ]).toEqual(['gzip', true])
    const { answer, record } = await lab.ask('stream 2nd', { stream: true })
    expect([answer.text, record.attempts]).toEqual([goodEvents, 2])
  })
})

describe.skipIf(!isLinux)('amounts', () => {
  test('F35: a burst of ten thousand events arrives whole and in order, in bounded memory', async () => {
    const events = Array.from({ length: 10_000 }, (_, at) => said(`event ${at} `))
    await using lab = await faultLab({
      burst: [
        chunkedHead(),
        ...batches(events, 500).map((batch) => batch.map(chunk).join('')),
        chunk(finished + done) + chunk(''),
      ],
    })
    const before = residentBytes(lab.gateway.pid)
    const answers = await Promise.all(
      [1, 2, 3].map(async () => await rawRequest(lab.gateway.url, chatRequest('burst'))),
    )
    for (const { text, isWhole } of answers)
      expect([isWhole, text === events.join('') + finished + done]).toEqual([true, true])
    expect(residentBytes(lab.gateway.pid) - before).toBeLessThan(100_000_000)
    await expectGoodAccounts(lab.gateway)
  })

  test('F36: an event of 20 MB is passed on in no time, and the stream goes on', async () => {
    const large = said('x'.repeat(20_000_000))
    await using lab = await faultLab({
      large: [
        streamed(said('before')),
        ...batches([...(large.match(/[^]{1,60000}/g) ?? [])], 1).map(([part = '']) => chunk(part)),
        chunk(said('after') + finished + done) + chunk(''),
      ],
    })
    const before = residentBytes(lab.gateway.pid)
    const { answer, tookMs } = await lab.ask('large', { stream: true })
    expect([answer.isWhole, answer.text === said('before') + large + said('after') + finished + done]).toEqual([
      true,
      true,
    ])
    expect(tookMs).toBeLessThan(6000)
    expect(residentBytes(lab.gateway.pid) - before).toBeLessThan(150_000_000)
  })

  test('F36: as the first content too', async () => {
    const large = said('x'.repeat(20_000_000))
    await using lab = await faultLab({ large: [chunkedHead() + chunk(large) + chunk(finished + done) + chunk('')] })
    const { answer } = await lab.ask('large 2nd', { stream: true })
    expect([answer.isWhole, answer.text === large + finished + done]).toEqual([true, true])
  })
})

test('F26, F30: a JSON body where a stream was asked for is passed on, and one that is cut is not told as whole', async () => {
  await using lab = await faultLab({ whole: [json(goodJson)], cut: [json(goodJson).slice(0, -10), 50, fin] })
  expect((await lab.ask('whole', { stream: true })).answer).toMatchObject({
    status: 200,
    text: goodJson,
    isWhole: true,
  })
  const { answer } = await lab.ask('cut 2nd', { stream: true })
  expect([answer.text, answer.isWhole]).toEqual([goodEvents, true])
})

function batches<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size))
}
