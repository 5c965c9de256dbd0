import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway } from '../support/gateway.ts'

// Processes start slowly on a busy machine.
setDefaultTimeout(20_000)

const examples = join(import.meta.dir, '../../docs/examples')
const parley = readFileSync(join(examples, 'converter-parley.ts'), 'utf8')
const minimal = readFileSync(join(examples, 'converter-minimal.ts'), 'utf8')

interface Asked {
  readonly path: string
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** A provider of a kind of its own. */
class Provider implements AsyncDisposable {
  readonly asked: Asked[] = []
  readonly #server: ReturnType<typeof Bun.serve>

  constructor(answer: (asked: Asked) => Response) {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        const body = (await request.json()) as Record<string, unknown>
        const asked = { path: new URL(request.url).pathname, headers: request.headers, body }
        this.asked.push(asked)
        return answer(asked)
      },
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }
}

function linesOf(lines: readonly unknown[]): Response {
  const headers = { 'content-type': 'application/x-ndjson' }
  return new Response(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { headers })
}

const weather = [
  { op: 'muse', t: 'They want ' },
  { op: 'muse', t: 'weather.' },
  { op: 'say', t: 'Let me ' },
  { op: 'tick' },
  { op: 'say', t: 'look…' },
  { op: 'use', no: 0, id: 'u1', call: 'get_weather' },
  { op: 'with', no: 0, t: '{"city":' },
  { op: 'with', no: 0, t: '"Graz"}' },
  { op: 'bye', why: 'uses', spent: { heard: 21, said: 9, mused: 4 } },
]

function configOf(url: string, more = '', converters = '[parley.ts]'): string {
  return `proxy_api_key: sk-client
converters: ${converters}
backends:
  - { name: odd, url: "${url}/base", api_key: sk-parley, converter: parley }
  - { name: spare, url: "mock://spare" }
models:
  m: { routes: [{ backend: odd, model: parley-9 }] }
  safe: { routes: [{ backend: odd, model: parley-9, priority: 1 }, { backend: spare, model: ok, priority: 2 }] }
${more}`
}

async function post(url: string, path: string, body: unknown): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    authorization: 'Bearer sk-client',
    'anthropic-version': '2023-06-01',
  }
  return await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

const tool = { name: 'get_weather', description: 'Weather of a city', schema: { type: 'object', properties: {} } }

/** What stands at a path of JSON; undefined where nothing does. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((held, step) => (held as Record<string, unknown> | null | undefined)?.[step], value)
}

function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const list = at(value, ...path)
  return Array.isArray(list) ? list : []
}

function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const text = at(value, ...path)
  return typeof text === 'string' ? text : ''
}

/** What a client of each form sends, and where it finds the text. */
const clients = [
  {
    form: 'chat',
    path: '/v1/chat/completions',
    body: {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello?' },
      ],
      max_tokens: 50,
    },
    text: (answer: unknown) => at(answer, 'choices', 0, 'message', 'content'),
    usage: ['usage.prompt_tokens', 'usage.completion_tokens'],
  },
  {
    form: 'responses',
    path: '/v1/responses',
    body: { instructions: 'Be brief.', input: 'Hello?', max_output_tokens: 50 },
    text: (answer: unknown) => {
      const message = listAt(answer, 'output').find((item) => at(item, 'type') === 'message')
      return at(message, 'content', 0, 'text')
    },
    usage: ['usage.input_tokens', 'usage.output_tokens'],
  },
  {
    form: 'messages',
    path: '/v1/messages',
    body: { system: 'Be brief.', messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 50 },
    text: (answer: unknown) => at(answer, 'content', 0, 'text'),
    usage: ['usage.input_tokens', 'usage.output_tokens'],
  },
  {
    form: 'gemini',
    path: '/v1beta/models/m:generateContent',
    body: {
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }],
      generationConfig: { maxOutputTokens: 50 },
    },
    text: (answer: unknown) => at(answer, 'candidates', 0, 'content', 'parts', 0, 'text'),
    usage: ['usageMetadata.promptTokenCount', 'usageMetadata.candidatesTokenCount'],
  },
]

describe('C1416 converters: a file of the user asks a provider of its own kind', () => {
  test.each(clients)('converters and backends[].converter: a client of $form is answered', async (client) => {
    await using provider = new Provider(() =>
      Response.json({ talk: 't1', said: [{ t: 'Hi.' }], why: 'done', spent: { heard: 7, said: 2 } }),
    )
    await using gateway = await startGateway(configOf(provider.url), { files: { 'parley.ts': parley } })
    const answer = await post(gateway.url, client.path, { model: 'm', ...client.body })
    const body: unknown = await answer.json()
    expect({
      status: answer.status,
      text: client.text(body),
      usage: client.usage.map((path) => at(body, ...path.split('.'))),
    }).toEqual({
      status: 200,
      text: 'Hi.',
      usage: [7, 2],
    })
    const [asked] = provider.asked
    expect({ path: asked?.path, key: asked?.headers.get('authorization'), body: asked?.body }).toEqual({
      path: '/base/v3/talk',
      key: 'Bearer sk-parley',
      body: {
        engine: 'parley-9',
        live: false,
        briefing: 'Be brief.',
        turns: [{ who: 'you', says: [{ t: 'Hello?' }] }],
        words_max: 50,
      },
    })
    expect(asked?.headers.get('x-parley-edition')).toBe('2026-01')
  })

  test('a stream of its own lines is a stream of Chat, with thoughts, calls and usage', async () => {
    await using provider = new Provider(() => linesOf(weather))
    await using gateway = await startGateway(configOf(provider.url), { files: { 'parley.ts': parley } })
    const answer = await post(gateway.url, '/v1/chat/completions', {
      model: 'm',
      stream: true,
      stream_options: { include_usage: true },
      reasoning_effort: 'high',
      tools: [
        { type: 'function', function: { name: tool.name, description: tool.description, parameters: tool.schema } },
      ],
      messages: [{ role: 'user', content: 'Weather in Graz?' }],
    })
    const chunks = (await answer.text())
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line): unknown => JSON.parse(line.slice('data: '.length)))
    const choices = chunks.flatMap((chunk) => listAt(chunk, 'choices'))
    expect(choices.map((choice) => textAt(choice, 'delta', 'content')).join('')).toBe('Let me look…')
    expect(choices.map((choice) => textAt(choice, 'delta', 'reasoning_content')).join('')).toBe('They want weather.')
    const calls = choices.flatMap((choice) => listAt(choice, 'delta', 'tool_calls'))
    expect(calls[0]).toMatchObject({ id: 'u1', function: { name: 'get_weather' } })
    expect(calls.map((call) => textAt(call, 'function', 'arguments')).join('')).toBe('{"city":"Graz"}')
    expect(choices.map((choice) => textAt(choice, 'finish_reason')).join('')).toBe('tool_calls')
    expect(at(chunks.at(-1), 'usage')).toMatchObject({ prompt_tokens: 21, completion_tokens: 9 })
    expect(provider.asked[0]?.body).toMatchObject({ live: true, muse: 'high', abilities: [{ call: 'get_weather' }] })
  })

  test('a stream is one of Messages too, and a whole answer becomes one where the converter reads no streams', async () => {
    await using provider = new Provider(({ path }) =>
      path === '/complete' ? Response.json({ completion: 'All at once.' }) : linesOf(weather),
    )
    const yaml = `proxy_api_key: sk-client
converters: [parley.ts, minimal.ts]
backends:
  - { name: odd, url: "${provider.url}", converter: parley }
  - { name: plain, url: "${provider.url}", converter: minimal }
models:
  m: { routes: [{ backend: odd, model: p }] }
  n: { routes: [{ backend: plain, model: q }] }
`
    await using gateway = await startGateway(yaml, { files: { 'parley.ts': parley, 'minimal.ts': minimal } })
    const request = {
      stream: true,
      max_tokens: 50,
      tools: [{ name: tool.name, input_schema: tool.schema }],
      messages: [{ role: 'user', content: 'Hello?' }],
    }
    const told = await (await post(gateway.url, '/v1/messages', { ...request, model: 'm' })).text()
    const names = [...told.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name).filter((name) => name !== 'ping')
    expect(names[0]).toBe('message_start')
    expect(names.slice(-2)).toEqual(['message_delta', 'message_stop'])
    expect(told).toContain('"stop_reason":"tool_use"')
    const { tools: _tools, ...plain } = request
    const whole = await (await post(gateway.url, '/v1/messages', { ...plain, model: 'n' })).text()
    expect(whole).toContain('All at once.')
    expect(whole).toContain('event: message_stop')
    // What it does not take is not sent.
    const refused = await post(gateway.url, '/v1/messages', { ...request, model: 'n' })
    expect(refused.status).toBe(400)
    expect(await refused.text()).toContain('tools are not supported')
  })

  test('an error is told in the words and with the status that the converter gives it', async () => {
    await using provider = new Provider(() =>
      Response.json({ oops: { why: 'Too many at once.', sort: 'slow_down', again_s: 7 } }, { status: 420 }),
    )
    await using gateway = await startGateway(configOf(provider.url), { files: { 'parley.ts': parley } })
    const answer = await post(gateway.url, '/v1/chat/completions', {
      model: 'm',
      messages: [{ role: 'user', content: 'x' }],
    })
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('7')
    expect(await answer.json()).toMatchObject({ error: { message: 'Too many at once.' } })
  })

  const faults = [
    {
      name: 'writing the request',
      code: `writeRequest() { throw new Error('ink is out') }, readAnswer() { return {} },`,
    },
    { name: 'reading the answer', code: `writeRequest() { return { path: '', body: {} } }, readAnswer() { throw 7 },` },
    {
      name: 'opening a stream',
      code: `writeRequest() { return { path: '', body: {} } }, readAnswer() { return {} }, openStream() { return 1 },`,
      stream: true,
    },
    {
      name: 'reading a stream',
      code: `writeRequest() { return { path: '', body: {} } }, readAnswer() { return {} },
        openStream() { return { push() { return [{ kind: 'riddle' }] } } },`,
      stream: true,
    },
    {
      name: 'answering late',
      code: `async writeRequest() { return { path: '', body: {} } }, readAnswer() { return {} },`,
    },
  ]
  test.each(faults)('what fails while $name costs that attempt: 502, or another route', async ({ code, stream }) => {
    await using provider = new Provider(() =>
      stream === true ? linesOf([{ a: 1 }]) : Response.json({ completion: 'lost' }),
    )
    const file = `export const converter = { contract: 1, name: 'parley', framing: 'lines', ${code} }`
    await using gateway = await startGateway(configOf(provider.url), { files: { 'parley.ts': file } })
    const body = { messages: [{ role: 'user', content: 'x' }], stream: stream ?? false }
    const alone = await post(gateway.url, '/v1/chat/completions', { model: 'm', ...body })
    expect(alone.status).toBe(502)
    const told = await alone.text()
    expect(told).toContain('converter \\"parley\\" failed: ')
    const saved = await post(gateway.url, '/v1/chat/completions', { model: 'safe', ...body })
    expect(saved.status).toBe(200)
    await saved.text()
  })
})

describe('files of converters', () => {
  test('a change of the file, or of one that it imports, counts without a restart; a bad one leaves the old one', async () => {
    await using provider = new Provider(({ body }) => Response.json({ completion: String(body['prompt']) }))
    const helper = (word: string): string => `export const word: string = '${word}'`
    const file = (more = ''): string => `import { word } from './word.ts'
      export const converter = { contract: 1, name: 'parley',
        writeRequest: () => ({ path: '/x', body: { prompt: word } }),
        readAnswer: (body: { completion: string }) => ({ parts: [{ kind: 'text', text: body.completion + '${more}' }], finish: 'stop' }) }`
    await using gateway = await startGateway(configOf(provider.url), {
      files: { 'parley.ts': file(), 'word.ts': helper('one') },
    })
    const said = async (): Promise<unknown> => {
      const answer = await post(gateway.url, '/v1/chat/completions', {
        model: 'm',
        messages: [{ role: 'user', content: 'x' }],
      })
      return at(await answer.json(), 'choices', 0, 'message', 'content')
    }
    expect(await said()).toBe('one')
    writeFileSync(join(gateway.directory, 'word.ts'), helper('two'))
    await gateway.told(/reloaded: version=2 changes=converter parley: changed$/m, 5000)
    expect(await said()).toBe('two')
    writeFileSync(join(gateway.directory, 'parley.ts'), 'export const converter: = 1')
    const [refusal] = await gateway.told(/\[WARN\] Cannot reload .*converters\[0\].*/, 5000)
    expect(refusal).toContain('file "parley.ts" cannot be loaded: parley.ts:1:25: Unexpected =')
    expect(await said()).toBe('two')
    writeFileSync(join(gateway.directory, 'parley.ts'), file('!'))
    await gateway.told(/reloaded: version=3/, 5000)
    expect(await said()).toBe('two!')
  })

  test('one that was repaired is asked at once: its routes do not wait for the end of their cooldown', async () => {
    await using provider = new Provider(() => Response.json({ completion: 'well' }))
    const file = (body: string): string => `export const converter = { contract: 1, name: 'parley',
        writeRequest: () => ({ path: '/x', body: {} }), readAnswer: (body: { completion: string }) => { ${body} } }`
    const good = `return { parts: [{ kind: 'text', text: body.completion }], finish: 'stop' }`
    await using gateway = await startGateway(configOf(provider.url, 'fallback: { cooldown_seconds: 600 }'), {
      files: { 'parley.ts': file(`throw new Error('a slip')`) },
    })
    const ask = async (): Promise<number> => {
      const body = { model: 'm', messages: [{ role: 'user', content: 'x' }] }
      const answer = await post(gateway.url, '/v1/chat/completions', body)
      await answer.text()
      return answer.status
    }
    expect([await ask(), await ask()]).toEqual([502, 503])
    writeFileSync(join(gateway.directory, 'parley.ts'), file(good))
    await gateway.told(/reloaded: version=2 changes=converter parley: changed$/m, 5000)
    expect(await ask()).toBe(200)
  })

  test('a start with one that cannot be used tells file and reason, and ends', async () => {
    await using gateway = await startGateway(configOf('http://127.0.0.1:1', '', '[gone.ts]'), { waits: false })
    expect(await gateway.exited).not.toBe(0)
    expect(gateway.output()).toContain('converters[0]: file "gone.ts" cannot be read: there is no such file')
  })
})
