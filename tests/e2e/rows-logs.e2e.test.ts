import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { askChat } from '../support/ask.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { rawClient, rawRequest, chatRequest } from '../support/raw-client.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'

const dated = /_\d{4}-\d\d-\d\d\.log$/
const stamp = String.raw`\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]`

/** Every file below a folder. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function generalLog(gateway: RunningGateway): string {
  return filesBelow(join(gateway.directory, 'logs'))
    .filter((file) => /proxy_[^/\\]*$/.test(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('')
}

async function logged(gateway: RunningGateway, pattern: RegExp): Promise<string> {
  return await eventually(
    () => pattern.test(generalLog(gateway)) && generalLog(gateway),
    () => `${generalLog(gateway)}\nwithout ${String(pattern)}`,
  )
}

const models = `
backends:
  - { name: a, url: "mock://a", api_key: sk-ab0123456789cdef }
  - { name: b, url: "mock://b" }
models:
  good: { routes: [{ backend: a, model: ok, priority: 1 }] }
  switching: { routes: [{ backend: a, model: e500, priority: 1 }, { backend: b, model: ok, priority: 2 }] }
  bad: { routes: [{ backend: a, model: e500+bad, priority: 1 }, { backend: b, model: e503+bad, priority: 2 }] }
  measured: { routes: [{ backend: a, model: e500+measured, priority: 1 }, { backend: b, model: e503+measured, priority: 2 }] }
  cut: { routes: [{ backend: a, model: scut, priority: 1 }] }
fallback: { cooldown_seconds: 300 }
`

describe('the general log', () => {
  let gateway: RunningGateway
  beforeAll(async () => {
    gateway = await startGateway(`proxy_api_key: sk-client
${models}
logging: { level: debug, general_file: ./logs/proxy.log, enable_metrics: true }
`)
  })
  afterAll(async () => await gateway[Symbol.asyncDispose]())
  const auth = { authorization: 'Bearer sk-client' }

  test('B51: its name has the date, and B55: it begins with counts and address', async () => {
    const text = await logged(gateway, /listening on/)
    const [file = '', ...others] = filesBelow(join(gateway.directory, 'logs'))
    expect([others, basename(file)]).toEqual([[], expect.stringMatching(/^proxy_\d{4}-\d\d-\d\d\.log$/)])
    expect(text).toMatch(new RegExp(String.raw`^${stamp} \[INFO\] Loaded 2 backends, 5 model aliases`, 'm'))
    expect(text).toMatch(
      new RegExp(String.raw`^${stamp} \[INFO\] LLM Proxy .*listening on http://127\.0\.0\.1:\d+$`, 'm'),
    )
  })

  test('B54, B56, B57: a request is told by two lines of the documented form', async () => {
    const { headers } = await askChat(gateway.url, 'good', {}, auth)
    const id = headers.get('x-request-id') ?? ''
    expect(id).toMatch(/^req_[0-9a-f]{24}$/)
    const text = await logged(gateway, new RegExp(`${id}. Request finished`))
    const line = (rest: string): RegExp => new RegExp(String.raw`^${stamp} \[INFO\] \[${id}\] ${rest}$`, 'm')
    expect(text).toMatch(line('Request received: model=good client=127\\.0\\.0\\.1 .*'))
    expect(text).toMatch(line('Request finished: backend=a status=200 duration=\\d+ms .*'))
  })

  test('B53: levels have their documented meaning', async () => {
    await askChat(gateway.url, 'good', {}, { authorization: 'Bearer sk-wrong' })
    await askChat(gateway.url, 'switching', {}, auth)
    await askChat(gateway.url, 'switching', {}, auth)
    await askChat(gateway.url, 'bad', {}, auth)
    await rawRequest(gateway.url, { ...chatRequest('cut'), headers: { 'content-type': 'application/json', ...auth } })
    const text = await logged(gateway, /Stream broken/)
    expect(text).toMatch(/\[WARN\] \[req_\w+\] Request refused: status=401 code=invalid_api_key client=127\.0\.0\.1/)
    expect(text).toMatch(/\[WARN\] \[req_\w+\] Attempt failed: backend=a model=e500 status=500/)
    expect(text).toMatch(/\[INFO\] \[req_\w+\] Switching backend: a\/e500 → b\/ok \(l1\)/)
    expect(text).toMatch(/\[DEBUG\] \[req_\w+\] Route skipped: backend=a model=e500 reason=it is cooling down/)
    expect(text).toMatch(/\[ERROR\] \[req_\w+\] Request failed: status=503 /)
    expect(text).toMatch(/\[WARN\] \[req_\w+\] Stream broken: backend=a /)
  })

  test('B53: a client that leaves is no failure', async () => {
    await using origin = await rawOrigin(() => {})
    await using quiet = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
    using client = await rawClient(quiet.url)
    client.send(chatRequest('m'))
    await origin.arrived(1)
    client.close()
    await quiet.told(/\[INFO\] \[req_\w+\] Client closed the connection: backend=a /)
    expect(quiet.output()).not.toMatch(/\[ERROR\]|Attempt failed/)
  })

  test('B60: without separate files the whole block stands in the general log, at level debug', async () => {
    await askChat(gateway.url, 'good', { tag: 'block-of-this-test' }, auth)
    const text = await logged(gateway, /block-of-this-test/)
    expect(text).toMatch(/\[DEBUG\] \[req_\w+\] Request record\n/)
    // Every further line of a block is indented, so that each unindented line is a record.
    for (const line of text.split('\n')) if (line !== '') expect(line).toMatch(/^\[\d{4}-| {4}/)
  })

  test('B64: enable_metrics tells attempts, total time and the time of each attempt', async () => {
    await askChat(gateway.url, 'good', {}, auth)
    const { headers } = await askChat(gateway.url, 'measured', {}, auth)
    const text = await logged(gateway, new RegExp(`\\[metrics\\] request=${headers.get('x-request-id')} `))
    expect(text).toMatch(
      /\[INFO\] .*\[metrics\] request=req_\w+ model=measured state=failed backend=b attempts=2 total=\d+ms backends=\[a=\d+ms, b=\d+ms\]/,
    )
    expect(text).toMatch(/\[metrics\] request=req_\w+ model=good state=success backend=a attempts=1 /)
  })

  test('B61: a configured key is shown by its ends', async () => {
    await askChat(gateway.url, 'good', { note: 'my key is sk-ab0123456789cdef, keep it' }, auth)
    const text = await logged(gateway, /my key is/)
    expect(text).toContain('my key is sk-ab****cdef, keep it')
    expect(text).not.toContain('sk-ab0123456789cdef')
  })

  test('B54: no client can write lines of its own, nor colours, into the log', async () => {
    const forged = 'x\n[2026-01-13 09:41:00] [ERROR] forged\r\u001b[31m\u2028red\u202e'
    expect((await askChat(gateway.url, forged, {}, auth)).status).toBe(404)
    const text = await logged(gateway, /forged/)
    for (const line of text.split(/\r\n|[\n\r\u2028]/)) expect(line).not.toMatch(/^\[2026-01-13 09:41:00\]/)
    for (const character of ['\u001b', '\u202e']) expect(text + gateway.output()).not.toContain(character)
  })

  test('the console tells what the file tells, without colour where it is no terminal', async () => {
    const id = (await askChat(gateway.url, 'good', {}, auth)).headers.get('x-request-id') ?? ''
    const text = await logged(gateway, new RegExp(`${id}. Request finished`))
    expect(gateway.output()).not.toContain('\u001b[')
    const line = text.split('\n').find((each) => each.includes(`${id}] Request finished`)) ?? ''
    await gateway.told(new RegExp(line.slice(22, 60).replaceAll(/[[\]]/g, String.raw`\$&`)))
  })
})

describe('sizes and forms', () => {
  test('B52: a full file goes on in .1 and .2, and no line is lost or torn', async () => {
    await using gateway = await startGateway(`${models}
logging: { general_file: ./logs/proxy.log, max_file_size_mb: 0.005 }
`)
    for (let turn = 0; turn < 60; turn += 1) expect((await askChat(gateway.url, 'good')).status).toBe(200)
    const count = (): number => generalLog(gateway).match(/Request finished/g)?.length ?? 0
    await eventually(
      () => count() === 60,
      () => `${count()} lines`,
    )
    const files = filesBelow(join(gateway.directory, 'logs')).map((file) => basename(file))
    expect(files.some((file) => dated.test(file))).toBe(true)
    for (const part of ['.1', '.2']) expect(files.some((file) => file.endsWith(`.log${part}`))).toBe(true)
    for (const file of filesBelow(join(gateway.directory, 'logs'))) {
      expect(statSync(file).size).toBeLessThanOrEqual(0.005 * 1_048_576)
      expect(readFileSync(file, 'utf8')).toMatch(/^(\[.*\n)+$/)
    }
  })

  test('the ruling on the log form: JSON lines', async () => {
    await using gateway = await startGateway(`${models}
logging: { format: json, general_file: ./logs/proxy.log }
`)
    const { headers } = await askChat(gateway.url, 'good')
    const text = await logged(gateway, /request_finished/)
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.at(-1)).toMatchObject({
      level: 'info',
      event: 'request_finished',
      request_id: headers.get('x-request-id'),
      backend: 'a',
      status: 200,
    })
  })

  test('the ruling on the log form: Chinese', async () => {
    await using gateway = await startGateway(`${models}
logging: { language: zh, general_file: ./logs/proxy.log }
`)
    await askChat(gateway.url, 'switching')
    const text = await logged(gateway, /请求成功/)
    expect(text).toMatch(/\[INFO\] LLM Proxy 启动,监听地址: http/)
    expect(text).toMatch(/\[req_\w+\] 收到请求: 模型=switching 客户端=127\.0\.0\.1\n/)
    expect(text).toMatch(/\[req_\w+\] 请求成功: 后端=b 状态=200 耗时=\d+ms\n/)
  })

  test('a log file that cannot be written fails no request, and is told', async () => {
    await using gateway = await startGateway(`${models}
logging: { general_file: ./config.yaml/proxy.log }
`)
    expect((await askChat(gateway.url, 'good')).status).toBe(200)
    await gateway.told(/\[ERROR\] Cannot write .*proxy\.log: /)
    expect((await askChat(gateway.url, 'good')).status).toBe(200)
  })
})

describe('files of requests', () => {
  let gateway: RunningGateway
  beforeAll(async () => {
    gateway = await startGateway(`proxy_api_key: sk-client-0123456789
${models}
logging:
  general_file: ./logs/proxy.log
  separate_files: true
  request_dir: ./logs/{model}/requests
  error_dir: ./logs/errors
`)
  })
  afterAll(async () => await gateway[Symbol.asyncDispose]())
  const auth = { authorization: 'Bearer sk-client-0123456789' }

  async function fileOf(folder: string, id: string): Promise<string> {
    const path = await eventually(
      () => filesBelow(join(gateway.directory, folder)).find((file) => basename(file) === `${id}.log`),
      () => filesBelow(gateway.directory).join('\n'),
    )
    return await eventually(() => readFileSync(path, 'utf8') || undefined)
  }

  test('B58: each request has a file with headers, body, attempts and result', async () => {
    const { headers } = await askChat(gateway.url, 'switching', { tag: 'in the body' }, { ...auth, 'X-Odd': 'yes' })
    const text = await fileOf('logs', headers.get('x-request-id') ?? '')
    expect(text).toMatch(/^x-odd: yes$/m)
    expect(text).toMatch(/^authorization: Bearer sk-cl\*{4}6789$/m)
    expect(text).toContain('"tag":"in the body"')
    for (const part of [
      'Attempt 1',
      'Backend: a',
      'Model: e500',
      'Attempt 2',
      'Backend: b',
      'Model: ok',
      'Result: success',
    ])
      expect(text).toContain(part)
  })

  test('B59: error_dir has files of failed requests only', async () => {
    const good = (await askChat(gateway.url, 'good', {}, auth)).headers.get('x-request-id') ?? ''
    const bad = (await askChat(gateway.url, 'bad', {}, auth)).headers.get('x-request-id') ?? ''
    const cut = await rawRequest(gateway.url, {
      ...chatRequest('cut'),
      headers: { ...auth, 'content-type': 'application/json' },
    })
    await fileOf('logs', good)
    expect(await fileOf('logs/errors', bad)).toContain('Result: failed')
    expect(await fileOf('logs/errors', cut.headers.get('x-request-id') ?? '')).toContain('Result: broken')
    const failed = filesBelow(join(gateway.directory, 'logs/errors')).map((file) => basename(file))
    expect(failed).not.toContain(`${good}.log`)
  })

  test('B60: the general log then has no blocks', async () => {
    const id = (await askChat(gateway.url, 'good', {}, auth)).headers.get('x-request-id') ?? ''
    await fileOf('logs', id)
    expect(await logged(gateway, new RegExp(`${id}. Request finished`))).not.toContain('Request record')
  })

  test('N122: no brace of a template gets into the name of a file', async () => {
    await fileOf('logs', (await askChat(gateway.url, 'good', {}, auth)).headers.get('x-request-id') ?? '')
    const names = readdirSync(gateway.directory, { recursive: true }).map(String)
    expect(names.filter((name) => /[{}]/.test(name))).toEqual([])
    expect(names.some((name) => /model[/\\]requests/.test(name))).toBe(true)
  })

  test('strangers leave no files', async () => {
    const id =
      (await askChat(gateway.url, 'good', {}, { authorization: 'Bearer no' })).headers.get('x-request-id') ?? ''
    await gateway.told(new RegExp(`${id}. Request refused`))
    await fileOf('logs', (await askChat(gateway.url, 'good', {}, auth)).headers.get('x-request-id') ?? '')
    expect(filesBelow(gateway.directory).filter((file) => file.includes(id))).toEqual([])
  })
})

describe('B116: dumps', () => {
  let origin: RawOrigin
  let gateway: RunningGateway
  beforeAll(async () => {
    origin = await rawOrigin((peer) => {
      const model = /"model":"([^"]*)"/.exec(peer.request.body.toString())?.[1]
      if (model === 'fails') return peer.write(plainAnswer('{"error":{"message":"no"}}', ['X-Try: one'], '500 No'))
      if (model === 'streams')
        return peer.write(
          chunkedHead() +
            chunk('data: {"choices":[{"index":0,"delta":{"content":"piece one"}}]}\n\n') +
            chunk('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n') +
            chunk(''),
        )
      peer.write(plainAnswer('{"choices":[]}', ['Content-Type: application/json', 'X-Up: yes']))
    })
    gateway = await startGateway(`proxy_api_key: sk-client-0123456789
backends: [{ name: a, url: "${origin.url.origin}/v1", api_key: sk-backend-0123456789 }]
models:
  m: { routes: [{ backend: a, model: fails, priority: 1 }, { backend: a, model: works, priority: 2 }] }
  s: { routes: [{ backend: a, model: streams, priority: 1 }] }
logging: { categories: { request_body: { level: info, path: ./dumps } } }
fallback: { cooldown_seconds: 0 }
`)
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await origin.stop()
  })
  const auth = { authorization: 'Bearer sk-client-0123456789' }

  async function dumpsOf(id: string, last: string): Promise<Record<string, string>> {
    const isOfIt = (file: string): boolean => file.includes(id)
    const folder = join(gateway.directory, 'dumps')
    await eventually(
      () => filesBelow(folder).some((file) => isOfIt(file) && basename(file) === last && statSync(file).size > 0),
      () => filesBelow(gateway.directory).join('\n'),
    )
    const files = filesBelow(folder).filter(isOfIt)
    return Object.fromEntries(files.map((file) => [basename(file), readFileSync(file, 'utf8')]))
  }

  test('every message of a request has its file, masked, and the difference has one too', async () => {
    const { headers } = await askChat(gateway.url, 'm', { note: 'sk-ant-REALLYSECRET123' }, auth)
    const dumps = await dumpsOf(headers.get('x-request-id') ?? '', 'request_diff.json')
    expect(Object.keys(dumps).toSorted()).toEqual([
      'client_request.httpdump',
      'client_response.httpdump',
      'request_diff.json',
      'upstream_request.attempt1.httpdump',
      'upstream_request.httpdump',
      'upstream_response.attempt1.httpdump',
      'upstream_response.httpdump',
    ])
    expect(dumps['client_request.httpdump']).toStartWith('POST /v1/chat/completions HTTP/1.1\n')
    expect(dumps['client_request.httpdump']).toContain('"model":"m"')
    expect(dumps['upstream_request.httpdump']).toContain('"model":"works"')
    expect(dumps['upstream_response.attempt1.httpdump']).toStartWith('HTTP/1.1 500\n')
    expect(dumps['client_response.httpdump']).toContain('x-up: yes')
    expect(dumps['client_response.httpdump']).toContain('{"choices":[]}')
    // Nothing but the model was changed, and that is our work.
    expect(JSON.parse(dumps['request_diff.json'] ?? '')).toEqual({
      comparable: true,
      added: {},
      removed: {},
      modified: {},
    })
    const all = Object.values(dumps).join('\n')
    for (const secret of ['sk-client-0123456789', 'sk-backend-0123456789', 'sk-ant-REALLYSECRET123'])
      expect(all).not.toContain(secret)
  })

  test('a stream is dumped too', async () => {
    const answer = await rawRequest(gateway.url, {
      ...chatRequest('s'),
      headers: { ...auth, 'content-type': 'application/json' },
    })
    const dumps = await dumpsOf(answer.headers.get('x-request-id') ?? '', 'client_response.httpdump')
    expect(dumps['upstream_response.httpdump']).toContain('piece one')
    expect(dumps['client_response.httpdump']).toContain('[DONE]')
  })
})

describe('secrets', () => {
  const secrets = {
    client: 'sk-client-canary-4f1b2c3d',
    backend: 'sk-backend-canary-9a8b7c6d',
    odd: 'odd key/with+signs=&%"quotes"',
    fallback: 'default-canary-without-prefix-77',
    header: 'header-canary-value-1234567890',
    anthropic: 'sk-ant-api03-canaryAAAABBBBCCCC',
    project: 'sk-proj-canaryAAAABBBBCCCCDDDD',
    google: 'AIzaSyCanaryAAAABBBBCCCCDDDDEEEEFFFF',
    token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ',
    query: 'query-canary-value-abcdef123',
    bearer: 'opaque-bearer-canary-abcdef',
    basic: 'dXNlcjpjYW5hcnktcGFzc3dvcmQ=',
    cookie: 'cookie-canary-value-abcdef',
  }
  const settings = `
proxy_api_key: ${secrets.client}
upstream_default_key: ${secrets.fallback}
`

  test.each(['text', 'json'])(
    'B63, N005, N128: none of them gets into any file or onto the console (%s)',
    async (format) => {
      await using origin = await rawOrigin((peer) => {
        // A backend that repeats what it was sent, keys and all, as an error and as an answer.
        const echo = JSON.stringify({
          error: { message: `bad key ${JSON.stringify(peer.request.headers)} in ${peer.request.target}` },
        })
        const body = peer.request.body.toString()
        if (body.includes('"breaks"')) peer.reset()
        else
          peer.write(
            plainAnswer(
              body.includes('"echoes"') ? echo : `{"choices":[],"echo":${JSON.stringify(echo)}}`,
              ['Content-Type: application/json', `X-Echo-Key: ${secrets.backend}`],
              body.includes('"echoes"') ? '400 Bad' : '200 OK',
            ),
          )
      })
      await using gateway = await startGateway(`${settings}
backends:
  - { name: a, url: "${origin.url.origin}/v1", api_key: ${secrets.backend}, protocol: any, headers: { X-Extra-Token: ${secrets.header} } }
  - { name: b, url: "${origin.url.origin}/v1", protocol: any, api_key: '${secrets.odd}' }
  - { name: c, url: "${origin.url.origin}/v1", protocol: any }
models:
  answers: { routes: [{ backend: a, model: answers, priority: 1 }] }
  echoes: { routes: [{ backend: a, model: echoes, priority: 1 }, { backend: b, model: echoes, priority: 2 }, { backend: c, model: echoes, priority: 3 }] }
  odd: { routes: [{ backend: b, model: answers, priority: 1 }] }
  plain: { routes: [{ backend: c, model: answers, priority: 1 }] }
  breaks: { routes: [{ backend: a, model: breaks, priority: 1 }] }
logging:
  level: debug
  format: ${format}
  general_file: ./logs/proxy.log
  separate_files: true
  enable_metrics: true
  categories: { request_body: { level: debug, path: ./logs/dumps } }
fallback: { cooldown_seconds: 0 }
`)
      const spread = {
        note: `keys: ${Object.values(secrets)
          .filter(
            (secret) =>
              secret !== secrets.query &&
              secret !== secrets.basic &&
              secret !== secrets.cookie &&
              secret !== secrets.bearer,
          )
          .join(' , ')}`,
        api_key: secrets.query,
        text: `Authorization: Bearer ${secrets.bearer}`,
      }
      const headers = {
        'x-api-key': secrets.client,
        'x-forwarded-authorization': `Bearer ${secrets.bearer}`,
        'proxy-authorization': `Basic ${secrets.basic}`,
        cookie: `session=${secrets.cookie}`,
        'x-note': `${secrets.anthropic} ${secrets.project} ${secrets.google} ${secrets.token}`,
      }
      const query = `?key=${secrets.client}&api_key=${secrets.query}&token=${secrets.query}&signature=${secrets.query}&x=${encodeURIComponent(secrets.odd)}`
      const ids: string[] = []
      for (const model of ['answers', 'echoes', 'odd', 'plain', 'breaks', 'unknown', secrets.project]) {
        const answer = await rawRequest(gateway.url, {
          method: 'POST',
          path: `/v1/chat/completions${query}`,
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ model, messages: [], ...spread }),
        })
        ids.push(answer.headers.get('x-request-id') ?? '')
      }
      // Turned away, each with a secret in an odd place.
      await askChat(gateway.url, 'answers', spread, { authorization: `Bearer ${secrets.token}` })
      await askChat(gateway.url, 'answers', spread, { authorization: `Basic ${secrets.basic}` })
      await rawRequest(gateway.url, { path: `/v1/models/${secrets.anthropic}?key=${secrets.query}` })
      await rawRequest(gateway.url, { method: 'POST', path: `/nowhere/${secrets.google}`, body: '{}' })
      const last = await askChat(gateway.url, 'answers', spread, { authorization: `Bearer ${secrets.client}` })
      ids.push(last.headers.get('x-request-id') ?? '')
      const isThere = (id: string): boolean =>
        filesBelow(gateway.directory).some((file) => basename(file) === `${id}.log`)
      await eventually(
        () => ids.every(isThere),
        () => filesBelow(gateway.directory).join('\n'),
      )
      expect(await gateway.stop()).toBe(0)

      const files = filesBelow(gateway.directory).filter((file) => file !== gateway.configFile)
      expect(files.length).toBeGreaterThan(30)
      const texts = [
        ...files.map((file) => ({ where: file, text: readFileSync(file, 'utf8') })),
        { where: 'console', text: gateway.output() },
      ]
      expect(texts.map(({ text }) => text).join('')).toContain('****')
      const leaks = texts.flatMap(({ where, text }) =>
        Object.entries(secrets).flatMap(([name, secret]) =>
          [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
            .filter((form) => text.includes(form))
            .map(
              (form) =>
                `${name} in ${where}: …${text.slice(Math.max(0, text.indexOf(form) - 60), text.indexOf(form) + form.length)}`,
            ),
        ),
      )
      expect(leaks).toEqual([])
    },
  )

  test('B62: with mask_sensitive off they are raw', async () => {
    await using gateway = await startGateway(`${models}
logging: { level: debug, general_file: ./logs/proxy.log, mask_sensitive: false }
`)
    await askChat(gateway.url, 'good', { note: 'raw sk-ab0123456789cdef' }, { 'x-api-key': 'sk-raw-client-key' })
    const text = await logged(gateway, /raw sk-/)
    expect(text).toContain('raw sk-ab0123456789cdef')
    expect(text).toContain('x-api-key: sk-raw-client-key')
  })
})

describe('B86: the address of the client', () => {
  test.each([
    {
      name: 'a forged X-Forwarded-For of a stranger is not believed',
      trusted: '',
      forwarded: '203.0.113.9',
      client: '127.0.0.1',
    },
    {
      name: 'a trusted proxy is believed',
      trusted: 'trusted_proxies: ["127.0.0.0/8"]',
      forwarded: '203.0.113.9',
      client: '203.0.113.9',
    },
    {
      name: 'what stands left of the first stranger is not believed',
      trusted: 'trusted_proxies: ["127.0.0.1/32", "10.0.0.0/8"]',
      forwarded: '1.2.3.4, 203.0.113.9, 10.0.0.7',
      client: '203.0.113.9',
    },
  ])('$name', async ({ trusted, forwarded, client }) => {
    await using gateway = await startGateway(`${models}\n${trusted}\n`)
    await askChat(gateway.url, 'good', {}, { 'X-Forwarded-For': forwarded })
    const [, told] = await gateway.told(/Request received: model=good client=(\S+)/)
    expect(told).toBe(client)
  })
})
