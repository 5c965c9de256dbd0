import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { toFile, type OpenAI } from 'openai'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { NamedOrigin } from '../support/named-origin.ts'
import { isLinux } from '../support/process.ts'
import { startRecorder, type Recorded, type Recorder } from '../support/recorder.ts'
import { openaiAt, raised, statusOf } from '../support/sdk.ts'
import { manyTimes, startTwo } from '../support/workers.ts'

setDefaultTimeout(20_000)

describe('D21 D22: clients stay with a backend that is a process', () => {
  test('until it dies, then with who answered, also when it is back', async () => {
    await using one = await NamedOrigin.start('one')
    await using two = await NamedOrigin.start('two')
    await using gateway = await startGateway(`
logging: { format: json }
backends: [{ name: one, url: "${one.url}/v1" }, { name: two, url: "${two.url}/v1" }]
models:
  m:
    strategy: round_robin
    affinity: { by: "header:x-session" }
    routes: [{ backend: one, model: up }, { backend: two, model: up }]
fallback: { cooldown_seconds: 1 }
`)
    const ask = async (session: string): Promise<string> => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-session': session },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
      })
      const told = (await response.json()) as { choices: { message: { content: string } }[] }
      return told.choices[0]?.message.content ?? ''
    }
    const sessions = Array.from({ length: 10 }, (_, at) => `s${at}`)
    const homes = new Map<string, string>()
    for (const session of sessions) homes.set(session, await ask(session))
    expect([...homes.values()].filter((name) => name === 'one')).toHaveLength(5)
    for (const session of sessions) expect(await ask(session)).toBe(homes.get(session) ?? '')

    await one.kill()
    for (const session of sessions) expect(await ask(session)).toBe('two')
    const moved = /"repinned_from":"one\/up","repinned_why":"([^"]+)"/
    await gateway.told(moved)
    expect(gateway.output().match(new RegExp(moved, 'g'))).toHaveLength(5)

    await one.start()
    // A new client finds it again, those that left it do not come back.
    await Bun.sleep(1100)
    const others = await Promise.all(Array.from({ length: 4 }, async (_, at) => await ask(`another ${at}`)))
    expect(others.toSorted()).toEqual(['one', 'one', 'two', 'two'])
    for (const session of sessions) expect(await ask(session)).toBe('two')
  })
})

describe('files, batches and answers go where they were made', () => {
  let recorders: Readonly<Record<'a' | 'b', Recorder>>
  let gateway: RunningGateway
  let client: OpenAI

  beforeAll(async () => {
    recorders = { a: startRecorder(), b: startRecorder() }
    for (const [name, recorder] of Object.entries(recorders)) recorder.answer = (request) => provide(name, request)
    gateway = await startGateway(`
proxy_api_key: sk-client-of-this-test
backends:
  - { name: a, url: "${recorders.a.url}/v1", api_key: sk-key-of-backend-a }
  - { name: b, url: "${recorders.b.url}/v1", api_key: sk-key-of-backend-b }
models:
  alias-a: { routes: [{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }] }
  alias-b: { routes: [{ backend: b, model: up }] }
owned_ids: { resources: all }
`)
    client = openaiAt({ url: gateway.url, apiKey: 'sk-client-of-this-test' })
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    for (const recorder of Object.values(recorders)) await recorder.stop()
  })

  /** What the backends were asked since the last look. */
  function asked(): Record<'a' | 'b', string[]> {
    const told = (recorder: Recorder): string[] =>
      recorder.seen.splice(0).map(({ method, target, headers }) => {
        expect(headers['authorization']).toStartWith('Bearer sk-key-of-backend-')
        expect(headers['x-llm-proxy-model']).toBeUndefined()
        return `${method} ${target}`
      })
    return { a: told(recorders.a), b: told(recorders.b) }
  }

  test('by the official SDK of OpenAI: a file, a batch of it, what came of it', async () => {
    const at = { headers: { 'x-llm-proxy-model': 'alias-b' } }
    const text = '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{}}\n'
    const file = await client.files.create({ file: await toFile(Buffer.from(text), 'in.jsonl'), purpose: 'batch' }, at)
    expect(file.id).toBe('file-b-made')
    expect(recorders.b.seen[0]?.body).toContain(text)
    const window = { endpoint: '/v1/chat/completions', completion_window: '24h' } as const
    const batch = await client.batches.create({ input_file_id: file.id, ...window })
    expect((await client.batches.retrieve(batch.id)).output_file_id).toBe('file-b-out')
    expect(await (await client.files.content('file-b-out')).text()).toBe('<p>made by b')
    expect((await client.batches.cancel(batch.id)).id).toBe(batch.id)
    expect((await client.files.delete(file.id)).deleted).toBe(true)
    expect(asked()).toEqual({
      a: [],
      b: [
        'POST /v1/files',
        'POST /v1/batches',
        'GET /v1/batches/batch_b-made',
        'GET /v1/files/file-b-out/content',
        'POST /v1/batches/batch_b-made/cancel',
        'DELETE /v1/files/file-b-made',
      ],
    })
  })

  test('answers and conversations, whole and as streams', async () => {
    const first = await client.responses.create({ model: 'alias-b', input: 'hi' })
    await client.responses.create({ model: 'alias-a', input: 'more', previous_response_id: first.id })
    expect((await client.responses.retrieve(first.id)).id).toBe(first.id)
    await client.responses.inputItems.list(first.id)
    await client.responses.cancel(first.id)
    await client.responses.delete(first.id)
    const events = await client.responses.create({ model: 'alias-b', input: 'hi', stream: true })
    let streamed = ''
    for await (const event of events) if (event.type === 'response.completed') streamed = event.response.id
    await client.responses.retrieve(streamed)
    const conversation = await client.conversations.create({}, { headers: { 'x-llm-proxy-model': 'alias-b' } })
    await client.conversations.items.create(conversation.id, { items: [] })
    await client.responses.create({ model: 'alias-a', input: 'hi', conversation: conversation.id })
    expect(asked()).toEqual({
      a: [],
      b: [
        'POST /v1/responses',
        'POST /v1/responses',
        'GET /v1/responses/resp_b-made',
        'GET /v1/responses/resp_b-made/input_items',
        'POST /v1/responses/resp_b-made/cancel',
        'DELETE /v1/responses/resp_b-made',
        'POST /v1/responses',
        'GET /v1/responses/resp_b-streamed',
        'POST /v1/conversations',
        'POST /v1/conversations/conv_b-made/items',
        'POST /v1/responses',
      ],
    })
  })

  test('what nobody made is told in words of ours, which say what to do', async () => {
    const error = await raised(client.files.retrieve('file-of-nobody'))
    expect(statusOf(error)).toBe(404)
    expect(String(error)).toContain('x-llm-proxy-model: <alias>')
    const list = await raised(client.files.list().then((page) => page.data))
    expect([statusOf(list), String(list).includes('x-llm-proxy-model')]).toEqual([400, true])
    expect(asked()).toEqual({ a: [], b: [] })
    expect((await client.files.list({}, { headers: { 'x-llm-proxy-model': 'alias-a' } })).data[0]?.id).toBe(
      'file-a-listed',
    )
    expect((await client.files.retrieve('file-a-listed')).id).toBe('file-a-listed')
    expect(asked()).toEqual({ a: ['GET /v1/files', 'GET /v1/files/file-a-listed'], b: [] })
  })

  test('a file of 40 MB goes up while it comes, and byte by byte', async () => {
    const bytes = Buffer.alloc(40 * 1024 ** 2, 'llm-proxy ')
    const file = await toFile(bytes, 'large.bin')
    const at = { headers: { 'x-llm-proxy-model': 'alias-b' } }
    await client.files.create({ file, purpose: 'assistants' }, at)
    const body = recorders.b.seen[0]?.body ?? ''
    expect(body.length).toBeGreaterThan(bytes.length)
    expect(body.split('llm-proxy ')).toHaveLength(bytes.length / 10 + 1)
    recorders.b.seen.length = 0
  })
})

test.skipIf(!isLinux)('what one of several workers learned all of them know', async () => {
  const recorders = { a: startRecorder(), b: startRecorder() }
  for (const [name, recorder] of Object.entries(recorders)) recorder.answer = (request) => provide(name, request)
  try {
    await using gateway = await startTwo(`
backends: [{ name: a, url: "${recorders.a.url}/v1" }, { name: b, url: "${recorders.b.url}/v1" }]
models: { m: { routes: [{ backend: a, model: up }] }, n: { routes: [{ backend: b, model: up }] } }
`)
    // A connection of its own for each request, so that all workers are asked.
    const ask = async (path: string, method = 'GET', headers: Record<string, string> = {}): Promise<number> => {
      const body = method === 'POST' ? { body: '{}' } : {}
      const sent = { method, headers: { ...headers, connection: 'close' }, ...body }
      const response = await fetch(`${gateway.url}${path}`, sent)
      await response.text()
      return response.status
    }
    const headers = { 'content-type': 'application/json', 'x-llm-proxy-model': 'n' }
    expect(await ask('/v1/conversations', 'POST', headers)).toBe(200)
    // They tell each other within a tenth of a second.
    await Bun.sleep(300)
    for (let times = 0; times < manyTimes; times += 1) {
      expect(await ask('/v1/conversations/conv_b-made')).toBe(200)
    }
    expect(recorders.a.seen).toEqual([])
  } finally {
    for (const recorder of Object.values(recorders)) await recorder.stop()
  }
})

/** As OpenAI answers: nobody has what another one made. */
function provide(name: string, { method, target, body }: Recorded): Response {
  const { pathname } = new URL(target, 'http://origin')
  const [, , collection = '', id = '', action] = pathname.split('/')
  if (id !== '' && !id.includes(`${name}-`)) {
    return Response.json({ error: { message: `No ${collection} "${id}" here`, code: 'not_found' } }, { status: 404 })
  }
  if (action === 'content') return new Response(pageOf(name), { headers: { 'content-type': 'text/html' } })
  if (method === 'DELETE') return Response.json({ id, deleted: true })
  if (action === 'input_items' || action === 'items') return Response.json({ object: 'list', data: [] })
  if (collection === 'files' && method === 'GET' && id === '') {
    return Response.json({ object: 'list', data: [{ id: `file-${name}-listed`, object: 'file' }], has_more: false })
  }
  const prefix = { files: 'file-', batches: 'batch_', responses: 'resp_', conversations: 'conv_' }[collection] ?? ''
  if (collection === 'responses' && body.includes('"stream":true')) return streamOf(`resp_${name}-streamed`)
  const one = { id: id === '' ? `${prefix}${name}-made` : id, object: collection }
  if (collection === 'batches') return Response.json({ ...one, output_file_id: `file-${name}-out` })
  return Response.json({ ...one, status: 'completed', output: [{ type: 'message', id: 'msg_1', content: [] }] })
}

/** What no model would answer with, in two pieces. */
function pageOf(name: string): ReadableStream<string> {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue('<p>made by ')
      await Bun.sleep(50)
      controller.enqueue(name)
      controller.close()
    },
  })
}

function streamOf(id: string): Response {
  const response = { id, object: 'response', output: [] }
  const events = [
    { type: 'response.created', response: { ...response, status: 'in_progress' } },
    { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta: 'hi' },
    { type: 'response.completed', response: { ...response, status: 'completed' } },
  ]
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
  return new Response(text, { headers: { 'content-type': 'text/event-stream' } })
}
