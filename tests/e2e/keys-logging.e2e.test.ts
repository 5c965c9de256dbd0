import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { chatRequest, rawRequest } from '../support/raw-client.ts'

const key = 'sk-gateway-0123456789abcdef'

/** On Windows a process cannot be asked to stop, so nothing tells when its last line is written. */
const onPosix = describe.skipIf(process.platform === 'win32')

/** What a run left behind: two good requests, one that no backend answered, one with a wrong key. */
interface Leavings {
  readonly output: string
  /** Every file below the working directory, by its path from there; day and request id made plain. */
  readonly files: Readonly<Record<string, string>>
}

async function runWith(logging: string, requests = 2): Promise<Leavings> {
  await using gateway = await startGateway(
    `
proxy_api_key: ${key}
backends: [{ name: up, url: "mock://up" }, { name: down, url: "mock://down" }]
models:
  good: { routes: [{ backend: up, model: ok }] }
  bad: { routes: [{ backend: down, model: e500, priority: 1 }, { backend: up, model: e503, priority: 2 }] }
logging: { ${logging} }
`,
    { waits: false },
  )
  const url = await addressOf(gateway)
  for (let count = 0; count < requests; count += 1) await rawRequest(url, chatRequest('good', {}, key))
  await rawRequest(url, chatRequest('bad', {}, key))
  await rawRequest(url, chatRequest('good', {}, 'sk-wrong-0123456789abcdef'))
  // The end writes what waits.
  expect(await gateway.stop()).toBe(0)
  return { output: gateway.output(), files: filesBelow(gateway.directory) }
}

/** Whatever level, form and language the log has, the command to try is shown. */
async function addressOf(gateway: RunningGateway): Promise<string> {
  const [, address = ''] = await gateway.told(/^curl (http:\/\/[^/\s]+)/m)
  return address.replace('localhost', '127.0.0.1')
}

function filesBelow(directory: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'config.yaml') continue
    const path = join(entry.parentPath, entry.name)
    const plain = path
      .slice(directory.length + 1)
      .replaceAll('\\', '/')
      .replace(/\d{4}-\d{2}-\d{2}/, 'DAY')
      .replace(/req_[0-9a-f]{24}/, 'ID')
    files[plain] = (files[plain] ?? '') + readFileSync(path, 'utf8')
  }
  return files
}

onPosix('logging.level', () => {
  test.each([
    { level: 'debug', seen: ['DEBUG', 'INFO', 'WARN', 'ERROR'] },
    { level: 'info', seen: ['INFO', 'WARN', 'ERROR'] },
    { level: 'warn', seen: ['WARN', 'ERROR'] },
    { level: 'error', seen: ['ERROR'] },
  ])('B53: $level is the least that is written', async ({ level, seen }) => {
    const { output } = await runWith(`level: ${level}`)
    expect(['DEBUG', 'INFO', 'WARN', 'ERROR'].filter((tag) => output.includes(`[${tag}]`))).toEqual([...seen])
  })
})

onPosix('where the log goes', () => {
  test('B51: logging.general_file has its day in its name and every line of the console', async () => {
    const without = await runWith('level: info')
    expect(without.files).toEqual({})
    const { output, files } = await runWith('general_file: ./where/proxy.log')
    expect(Object.keys(files)).toEqual(['where/proxy_DAY.log'])
    const lines = files['where/proxy_DAY.log']?.trim().split('\n') ?? []
    expect(lines.length).toBeGreaterThan(8)
    for (const line of lines) expect(output).toContain(line)
  })

  test.each([
    { size: 'enable_metrics: false', parts: false },
    { size: 'max_file_size_mb: 0.001', parts: true },
    { size: 'max_file_size_mb: 1', parts: false },
  ])('B52: logging.max_file_size_mb splits it: { $size }', async ({ size, parts }) => {
    const { files } = await runWith(`general_file: ./proxy.log, ${size}`, 8)
    expect([Object.keys(files).includes('proxy_DAY.log.1'), Object.keys(files).includes('proxy_DAY.log.2')]).toEqual([
      parts,
      parts,
    ])
    for (const [name, text] of Object.entries(files)) {
      if (parts) expect([name, text.length <= 1049]).toEqual([name, true])
      expect(text).toEndWith('\n')
    }
  })
})

onPosix('the form of the log', () => {
  test.each([
    { format: 'text', isJson: false },
    { format: 'json', isJson: true },
  ])('B54: logging.format $format', async ({ format, isJson }) => {
    const { files } = await runWith(`general_file: ./proxy.log, format: ${format}`)
    for (const line of files['proxy_DAY.log']?.trim().split('\n') ?? ['nothing']) {
      if (isJson) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), event: expect.any(String) })
      else expect(line).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] \[(?:INFO|WARN|ERROR)\] /)
    }
  })

  test.each([
    { language: 'en', says: 'Request received: model=good', not: '收到请求' },
    { language: 'zh', says: '收到请求: 模型=good', not: 'Request received' },
  ])('B55 B56: logging.language $language', async ({ language, says, not }) => {
    const { output } = await runWith(`language: ${language}`)
    expect(output).toContain(says)
    expect(output).not.toContain(not)
  })

  test.each([
    { logging: 'level: info', lines: 0 },
    { logging: 'enable_metrics: true', lines: 3 },
  ])('B64: logging.enable_metrics adds a line of figures per request: { $logging }', async ({ logging, lines }) => {
    const { output } = await runWith(logging)
    const metrics = output.match(/.*\[metrics\].*/g) ?? []
    expect(metrics.length).toBe(lines)
    if (lines === 0) return
    expect(metrics.at(-1)).toMatch(/state=failed backend=up attempts=2 total=\d+ms backends=\[down=\d+ms, up=\d+ms\]/)
  })
})

onPosix('D79: logging.timezone', () => {
  test.each([
    { zone: 'Pacific/Kiritimati', hours: 14, offset: '+14:00' },
    { zone: 'Pacific/Pago_Pago', hours: -11, offset: '-11:00' },
  ])(
    'is the zone of lines, files and folders, and the page gets to know it: $zone',
    async ({ zone, hours, offset }) => {
      await using gateway = await startGateway(
        `
proxy_api_key: ${key}
admin: { key: admin-${key} }
backends: [{ name: up, url: "mock://up" }]
models: { good: { routes: [{ backend: up, model: ok }] } }
logging:
  timezone: ${zone}
  general_file: ./logs/a.log
  separate_files: true
  request_dir: "./asked/{date}"
  categories: { request_body: { level: debug } }
`,
        { env: { TZ: 'Asia/Shanghai' } },
      )
      const started = Date.now()
      await rawRequest(gateway.url, chatRequest('good', {}, key))
      const { text } = await rawRequest(gateway.url, {
        path: '/admin/status',
        headers: { 'x-api-key': `admin-${key}` },
      })
      expect(JSON.parse(text)).toMatchObject({ zone })
      expect(await gateway.stop()).toBe(0)
      const there = (ms: number): string => new Date(ms + hours * 3_600_000).toISOString()
      const days = [started - 5000, Date.now()].map((ms) => there(ms).slice(0, 10))
      const [, day = '', time = ''] =
        /\[(\S+) (\S+)\] \[INFO\] \[req_\w+\] Request finished/.exec(gateway.output()) ?? []
      expect(day).toBeOneOf(days)
      expect(Math.abs(Date.parse(`${day}T${time}${offset}`) - started)).toBeLessThan(20_000)
      expect(existsSync(join(gateway.directory, `logs/a_${day}.log`))).toBe(true)
      expect(existsSync(join(gateway.directory, `logs/dumps/${day}`))).toBe(true)
      const [record = ''] = readdirSync(join(gateway.directory, `asked/${day}`))
      const told = readFileSync(join(gateway.directory, `asked/${day}`, record), 'utf8')
      const [, exact = ''] = /^Time: (.*)$/m.exec(told) ?? []
      expect(exact).toEndWith(offset)
      expect(Math.abs(Date.parse(exact) - started)).toBeLessThan(20_000)
    },
  )

  test('follows a reload, also by its other name, and another zone than a known one is refused', async () => {
    const config = (zone: string): string => `
backends: [{ name: up, url: "mock://up" }]
models: { good: { routes: [{ backend: up, model: ok }] } }
${zone}
`
    await using gateway = await startGateway(config(''), { env: { TZ: 'UTC' } })
    gateway.rewrite(config('timezone: Pacific/Kiritimati'))
    const [line, stamp = ''] = await gateway.told(/^\[(.*?)\] .*logging\.timezone.*Pacific\/Kiritimati$/m, 10_000)
    expect(line).toContain('reloaded')
    expect(Math.abs(Date.parse(`${stamp.replace(' ', 'T')}+14:00`) - Date.now())).toBeLessThan(20_000)
    gateway.rewrite(config('timezone: Pacific/Kiribati'))
    await gateway.told(/timezone: expected a time zone such as .*, not "Pacific\/Kiribati"/, 10_000)
  })
})

onPosix('files of requests', () => {
  test('B58 B59 B60: without logging.separate_files there are none', async () => {
    expect((await runWith('separate_files: false, request_dir: ./asked, error_dir: ./failed')).files).toEqual({})
  })

  test('B58 B59: logging.request_dir gets all of them, logging.error_dir those that failed', async () => {
    const { files } = await runWith('separate_files: true, request_dir: ./asked, error_dir: ./failed')
    expect(Object.keys(files).toSorted()).toEqual(['asked/ID.log', 'failed/ID.log'])
    const blocks = (text = ''): number => text.split(/={20} Request req_/).length - 1
    expect([blocks(files['asked/ID.log']), blocks(files['failed/ID.log'])]).toEqual([3, 1])
    expect(files['failed/ID.log']).toMatch(/Model: bad/)
    expect(files['failed/ID.log']).not.toMatch(/Model: good/)
  })

  test('B58 B59: both have folders when none are named', async () => {
    const { files } = await runWith('separate_files: true')
    expect(Object.keys(files).toSorted()).toEqual(['logs/errors/ID.log', 'logs/requests/ID.log'])
  })

  test.each([
    { logging: 'separate_files: true', isMasked: true },
    { logging: 'separate_files: true, mask_sensitive: true', isMasked: true },
    { logging: 'separate_files: true, mask_sensitive: false', isMasked: false },
  ])('B61 B62: logging.mask_sensitive hides keys: { $logging }', async ({ logging, isMasked }) => {
    const { files } = await runWith(logging)
    const text = Object.values(files).join('')
    expect(text).toContain(isMasked ? 'sk-ga****cdef' : key)
    expect(text.includes(key)).toBe(!isMasked)
  })
})

onPosix('B116: dumps', () => {
  test.each([
    { logging: 'level: info', exist: false },
    { logging: 'categories: { request_body: { level: none } }', exist: false },
    { logging: 'categories: { request_body: { level: debug } }', exist: true },
    { logging: 'categories: { request_body: { level: error } }', exist: true },
  ])('logging.categories.request_body.level switches them on: { $logging }', async ({ logging, exist }) => {
    const { files } = await runWith(logging)
    expect('logs/dumps/DAY/ID/client_request.httpdump' in files).toBe(exist)
    if (!exist) expect(files).toEqual({})
  })

  test('logging.categories.request_body.path is the folder of every message and of the difference', async () => {
    const { files } = await runWith('categories: { request_body: { level: debug, path: ./here } }')
    expect(Object.keys(files).toSorted()).toEqual(
      [
        'client_request.httpdump',
        'client_response.httpdump',
        'request_diff.json',
        'upstream_request.attempt1.httpdump',
        'upstream_request.httpdump',
        'upstream_response.attempt1.httpdump',
        'upstream_response.httpdump',
      ].map((name) => `here/DAY/ID/${name}`),
    )
    expect(files['here/DAY/ID/client_request.httpdump']).toContain('"content":"hi"')
    expect(files['here/DAY/ID/client_request.httpdump']).not.toContain(key)
  })

  test('logging.categories.request_body.include_body false leaves heads', async () => {
    const { files } = await runWith('categories: { request_body: { level: info, include_body: false } }')
    const names = Object.keys(files).map((path) => path.replace('logs/dumps/DAY/ID/', ''))
    expect(names).toContain('client_request.httpdump')
    expect(names).not.toContain('request_diff.json')
    for (const text of Object.values(files)) expect(text).not.toContain('"content"')
    expect(files['logs/dumps/DAY/ID/client_request.httpdump']).toContain('content-type: application/json')
  })
})

onPosix('logging.max_age_days and logging.max_total_size_mb', () => {
  const old = 'logs/a_2020-01-01.log'
  const older = 'logs/a_2019-01-01.log'

  test.each([
    { logging: 'max_age_days: 0', left: 2 },
    { logging: 'max_age_days: 30', left: 0 },
    { logging: 'max_total_size_mb: 1', left: 1 },
  ])(
    'A64: logging.max_age_days and max_total_size_mb: { $logging } leave $left of the old files',
    async ({ logging, left }) => {
      const text = 'x'.repeat(700_000)
      await using gateway = await startGateway(
        `backends: [{ name: up, url: "mock://up" }]\nmodels: {}\nlogging: { general_file: logs/a.log, ${logging} }\n`,
        { files: { [old]: text, [older]: text } },
      )
      await gateway.stop()
      const kept = [older, old].filter((file) => existsSync(join(gateway.directory, file)))
      // The oldest goes first.
      expect(kept).toEqual([older, old].slice(2 - left))
    },
  )
})

onPosix('logging.categories.request_body.max_age_days', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  test.each([
    { days: '', kept: [1] },
    { days: ', max_age_days: 30', kept: [1, 20] },
    { days: ', max_age_days: 0', kept: [1, 20, 400] },
  ])('B116: { $days } keeps the days of the last $kept', async ({ days, kept }) => {
    const path = join(directory, `dumps${kept.length}`)
    const folders = [1, 20, 400].map((ago) => ({ ago, folder: join(path, dayBefore(ago)) }))
    for (const { folder } of folders) mkdirSync(folder, { recursive: true })
    const left = (): string =>
      folders
        .filter(({ folder }) => existsSync(folder))
        .map(({ ago }) => ago)
        .join()
    await using gateway = await startGateway(
      `logging: { categories: { request_body: { level: debug, path: ${JSON.stringify(path)}${days} } } }`,
    )
    await eventually(() => left() === kept.join(), left)
    await gateway.stop()
    expect(left()).toBe(kept.join())
  })

  function dayBefore(ago: number): string {
    const date = new Date(Date.now() - ago * 86_400_000)
    const twoDigits = (count: number): string => String(count).padStart(2, '0')
    return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`
  }
})
