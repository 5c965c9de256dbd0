import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { toFile } from 'openai'
import type { StreamForm } from '#core/endpoint.ts'
import type { MockRecord } from '#mock/exchange.ts'
import { startMockServer, type MockServer } from '#mock/server.ts'
import { systemClock } from '#ports/clock.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { chunk, chunkedHead, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'
import { geminiAt, openaiAt, surfaceAt, surfaceNames, type FetchLike } from '../support/sdk.ts'
import { sampleStreams } from '../support/streams.ts'

const received: MockRecord[] = []
let mock: MockServer
let odd: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  // One time and one chance for ever: the same request gets the same bytes.
  const ports = { clock: { ...systemClock, wallMs: () => 1_768_297_260_000 }, random: { unit: () => 0.5 } }
  const onRequest = (record: MockRecord): void => void received.push(record)
  mock = startMockServer({ host: '127.0.0.1', port: 0 }, ports, { onRequest })
  odd = await rawOrigin((peer) => {
    const sample = sampleStreams.find(({ name }) => peer.request.header('x-sample') === name)
    const form = sample?.form ?? 'chat'
    const text = oddly(sample?.events ?? [], form)
    peer.write(chunkedHead(typeOf[form] ?? 'text/event-stream'))
    for (const byte of Buffer.from(text)) peer.write(Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]))
    peer.write(chunk(''))
  })
  const models = answers.map((model) => `  "alias/${model}": { routes: [{ backend: mock, model: "${model}" }] }`)
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: mock, url: "${mock.url}", protocol: any }
  - { name: odd, url: "${odd.url.origin}", protocol: any }
models:
${models.join('\n')}
  odd: { routes: [{ backend: odd, model: ok }] }
fallback: { cooldown_seconds: 0 }
`)
})

beforeEach(() => void (received.length = 0))

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([mock.stop(), odd.stop()])
})

/** Models whose answers differ in shape; the last ones are errors. */
const answers = ['ok', 'ok+gz', 'tokens=400', 'e400', 'e418', 'e500'] as const

describe.each(surfaceNames)('%s', (name) => {
  describe.each(['ask', 'stream'] as const)('%s', (call) => {
    test.each(answers)(
      'B39, B40, B41, B104: "%s" is byte for byte what the backend itself would say',
      async (model) => {
        const direct = new Recorder()
        const proxied = new Recorder()
        const provider = surfaceAt(name, { url: mock.url, fetch: direct.fetch })
        const through = surfaceAt(name, { url: gateway.url, fetch: proxied.fetch })
        // Errors are answers, too: what counts is what came over the wire.
        await provider[call](model).catch(() => {})
        await through[call](`alias/${model}`).catch(() => {})

        expect(proxied.heard).toEqual(direct.heard)
        // The backend sees the request that the SDK would have sent it: path, query, body, and the SDK's own headers.
        const [wanted, seen] = received.map(requestAsSeen)
        expect(received.length).toBe(2)
        expect(seen).toEqual(wanted)
      },
    )
  })
})

test('B39: an upload keeps every byte but those of the model', async () => {
  const recorder = new Recorder()
  const file = await toFile(Buffer.from('RIFF\r\n--not-a-boundary\r\nname="model"\r\n\r\nalias/ok\r\n'), 'a.wav')
  const client = openaiAt({ url: gateway.url, fetch: recorder.fetch })
  await client.audio.transcriptions.create({ file, language: 'de', model: 'alias/ok', prompt: 'alias/ok ü' })
  const sent = recorder.said.at(-1)?.toString('latin1') ?? ''
  // The one of the form, behind the one in the file.
  const field = 'name="model"\r\n\r\nalias/ok\r\n--'
  const at = sent.lastIndexOf(field)
  const wanted = sent.slice(0, at) + field.replace('alias/ok', 'ok') + sent.slice(at + field.length)
  expect(Buffer.from(received[0]?.body ?? []).toString('latin1')).toBe(wanted)
})

test('B39: a batch of embeddings is renamed as the SDK itself would name it', async () => {
  await geminiAt({ url: mock.url }).models.embedContent({ model: 'ok', contents: ['models/alias/ok', 'b'] })
  await geminiAt({ url: gateway.url }).models.embedContent({ model: 'alias/ok', contents: ['models/alias/ok', 'b'] })
  expect(requestAsSeen(received[1])).toEqual(requestAsSeen(received[0]))
})

/** Bodies as no serialiser would write them; `MODEL` stands for the model with its quotes. */
const bodies = [
  { name: 'numbers beyond doubles', text: '{"seed":9007199254740993,"t":1.10,"e":1E400,"z":-0.0,"model":MODEL}' },
  {
    name: 'characters that encoders escape',
    text: '{"model":MODEL,"a":"<a>&\'/\u2028\u2029\u007f","b":"\\u003ca\\u003e\\/"}',
  },
  {
    name: 'keys out of order and twice',
    text: '{"z":1,"b":2,"model":MODEL,"a":3,"10":4,"9":5,"x":1,"x":2,"__proto__":{"y":1}}',
  },
  { name: 'white space everywhere', text: ' \r\n{\t"model" \n:\r MODEL ,\n "messages" : [ ] ,"n" : { } }\n\n ' },
  { name: 'characters of every length', text: '{"ä":"𝄞🙂\\ud834\\udd1e\\ud800","model":MODEL,"zh":"通义千问"}' },
  {
    name: 'models in other places',
    text: '{"messages":[{"model":"x"},"\\"model\\":\\"y\\""],"model":MODEL,"tools":{"model":null}}',
  },
  { name: 'an escaped key', text: '{"\\u006dodel":MODEL,"messages":[]}' },
] as const

describe.each([
  { path: '/v1/chat/completions?a=b%20c&d' },
  { path: '/v1/embeddings' },
  { path: '/v1/responses' },
  { path: '/v1/messages?beta=true' },
  { path: '/v1/anything/else' },
])('POST $path', ({ path }) => {
  test.each(bodies)('B39, N106, N208: keeps $name', async ({ text }) => {
    const response = await post(path, text.replace('MODEL', '"alias\\/ok"'))
    await response.text()
    expect(Buffer.from(received[0]?.body ?? []).toString()).toBe(text.replace('MODEL', '"ok"'))
    expect(`${received[0]?.path}?${received[0]?.query}`).toBe(path.includes('?') ? path : `${path}?`)
  })
})

describe('a Gemini request', () => {
  test.each([
    {
      name: 'a model that stands in the path only',
      text: '{ "contents":[{"parts":[{"text":"<a>"}]}], "n":9007199254740993 }',
    },
    {
      name: 'a field that is called model',
      text: '{"contents":[{"parts":[{"functionCall":{"args":{"model":"models/alias/ok"}}}]}]}',
    },
  ])('B39: keeps a body with $name', async ({ text }) => {
    const response = await post('/v1beta/models/alias%2Fok:generateContent?x=%20y', text)
    await response.text()
    expect(Buffer.from(received[0]?.body ?? []).toString()).toBe(text)
    expect([received[0]?.path, received[0]?.query]).toEqual(['/v1beta/models/ok:generateContent', 'x=%20y'])
  })
})

describe('a stream in odd pieces', () => {
  const pathOf: Readonly<Record<string, string>> = {
    chat: '/v1/chat/completions',
    completions: '/v1/completions',
    responses: '/v1/responses',
    messages: '/v1/messages',
    gemini_sse: '/v1beta/models/odd:streamGenerateContent?alt=sse',
    gemini_array: '/v1beta/models/odd:streamGenerateContent',
    ndjson: '/api/chat',
  }

  test.each(sampleStreams)('B41, N201: $name, byte by byte, with CRLF and comments', async ({ name, form, events }) => {
    const response = await post(pathOf[form] ?? '', '{"model":"odd","stream":true}', { 'x-sample': name })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(oddly(events, form))
  })
})

const typeOf: Partial<Record<StreamForm, string>> = {
  gemini_array: 'application/json',
  ndjson: 'application/x-ndjson',
}

/** The same events as few servers frame them: CRLF, and a comment, or a blank line, between every two. */
function oddly(events: readonly string[], form: StreamForm): string {
  if (form === 'gemini_array') return events.join('')
  const between = form === 'ndjson' ? ' ' : ': ü\r\n'
  return events.map((event) => `${between}\r\n${event.replaceAll('\n', '\r\n')}`).join('')
}

async function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const authorization = 'Bearer sk-test'
  return await fetch(gateway.url + path, {
    method: 'POST',
    body,
    headers: { ...headers, authorization, 'content-type': 'application/json' },
  })
}

/** Headers of a hop or of a key; all others are the client's own and must arrive as they were sent. */
const ofTheHop = new Set(['host', 'connection', 'content-length', 'accept-encoding', 'authorization', 'x-goog-api-key'])

function requestAsSeen(record: MockRecord | undefined): object {
  if (record === undefined) throw new Error('No request arrived')
  const { method, path, query, headers, body } = record
  const own = [...headers].filter(([name]) => !ofTheHop.has(name))
  return { method, path, query, headers: own, body: Buffer.from(body).toString() }
}

/** Headers that the gateway sets, with its id, or that belong to the connection. */
const ofTheGateway = new Set([
  'connection',
  'content-length',
  'date',
  'request-id',
  'transfer-encoding',
  'x-accel-buffering',
  'x-llm-proxy-upstream-id',
  'x-request-id',
  'x-stream-status',
])

/** A fetch that keeps what went over it, as bytes. */
class Recorder {
  readonly said: Buffer[] = []
  readonly heard: { status: number; headers: [string, string][]; body: string }[] = []

  readonly fetch: FetchLike = async (input, init) => {
    const request = input instanceof Request ? new Request(input, init) : new Request(String(input), init)
    const body = await request.bytes()
    this.said.push(Buffer.from(body))
    // As it comes: what is compressed stays so.
    const response = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body,
      decompress: false,
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    const headers = [...response.headers].filter(([name]) => !ofTheGateway.has(name))
    this.heard.push({ status: response.status, headers, body: bytes.toString('latin1') })
    const plain = response.headers.get('content-encoding') === 'gzip' ? Bun.gunzipSync(bytes) : bytes
    return new Response(plain, { status: response.status, headers })
  }
}
