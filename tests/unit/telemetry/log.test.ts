import { describe, expect, test } from 'bun:test'
import { settled } from '../../support/fake-clock.ts'
import { logBench } from '../../support/log.ts'

const today = './logs/proxy_2026-01-13.log'

describe('text lines', () => {
  test('B54: the form of a line is time, level, request id, message', async () => {
    const { log, lines } = logBench()
    log.write('info', 'request_finished', {
      requestId: 'req_abc123',
      backend: 'provider-a',
      status: 200,
      durationMs: 1234,
    })
    log.write('warn', 'backend_off', { backend: 'b', variable: 'B_KEY' })
    await log.flush()
    expect(lines()).toEqual([
      '[2026-01-13 09:41:00] [INFO] [req_abc123] Request finished: backend=provider-a status=200 duration=1234ms',
      '[2026-01-13 09:41:00] [WARN] Backend b is switched off: B_KEY is not set',
    ])
  })

  test('the first lines, which are sent a moment later, tell when they were written and as what', async () => {
    const { log, clock, lines } = logBench()
    log.write('info', 'config_loaded', { backends: 1, aliases: 2 })
    await clock.advance(50)
    log.write('debug', 'route_skipped', { reason: 'is below the level' })
    log.write('warn', 'backend_off', { backend: 'b', variable: 'B_KEY' })
    expect(lines()).toEqual([])
    await clock.advance(100)
    log.write('info', 'config_loaded', { backends: 3, aliases: 4 })
    await clock.advance(1000)
    expect(lines()).toEqual([
      '[2026-01-13 09:41:00] [INFO] Loaded 1 backend, 2 model aliases',
      '[2026-01-13 09:41:00] [WARN] Backend b is switched off: B_KEY is not set',
      '[2026-01-13 09:41:00] [INFO] Loaded 3 backends, 4 model aliases',
    ])
  })

  test('B55 B56 B57: the Chinese form is the documented one, to the letter', async () => {
    const { log, clock, lines } = logBench({ policy: { language: 'zh' } })
    log.write('info', 'server_started', { address: ':8080', version: '1.0' })
    log.write('info', 'config_loaded', { backends: 4, aliases: 13 })
    await clock.advance(5000)
    const requestId = 'req_abc123'
    log.write('info', 'request_received', {
      requestId,
      model: 'anthropic/claude-opus-4-5',
      client: '127.0.0.1',
      stream: true,
    })
    await clock.advance(1000)
    log.write('info', 'request_finished', {
      requestId,
      backend: 'provider-a',
      status: 200,
      durationMs: 1234,
      attempts: 1,
    })
    await log.flush()
    expect(lines()).toEqual([
      '[2026年01月13日 09:41:00] [INFO] LLM Proxy 启动,监听地址: :8080',
      '[2026年01月13日 09:41:00] [INFO] 已加载 4 个后端,13 个模型别名',
      '[2026年01月13日 09:41:05] [INFO] [req_abc123] 收到请求: 模型=anthropic/claude-opus-4-5 客户端=127.0.0.1',
      '[2026年01月13日 09:41:06] [INFO] [req_abc123] 请求成功: 后端=provider-a 状态=200 耗时=1234ms',
    ])
  })

  test.each([
    {
      name: 'line feeds',
      model: 'a\n[2026-01-13 09:41:00] [INFO] forged',
      shown: 'a\\n[2026-01-13 09:41:00] [INFO] forged',
    },
    { name: 'escape sequences', model: 'a\u001b[2Jb', shown: 'a\\x1b[2Jb' },
    { name: 'line separators', model: 'a\u2028b\u0085c', shown: 'a\\u2028b\\x85c' },
    { name: 'carriage returns', model: 'a\rb', shown: 'a\\rb' },
    { name: 'changes of direction', model: 'a\u202eb', shown: 'a\\u202eb' },
  ])('$name in a field cannot forge or hide a line', async ({ model, shown }) => {
    const { log, lines } = logBench()
    log.write('info', 'request_received', { requestId: 'req_1', model, client: '::1' })
    await log.flush()
    expect(lines()).toEqual([`[2026-01-13 09:41:00] [INFO] [req_1] Request received: model=${shown} client=::1`])
  })

  test('a stack stands below its line, indented', async () => {
    const { log, lines } = logBench()
    log.write('error', 'internal_error', {
      reason: 'boom',
      stack: 'Error: boom\n    at a\n[2026-01-13 09:41:00] [INFO] forged',
    })
    await log.flush()
    expect(lines()).toEqual([
      '[2026-01-13 09:41:00] [ERROR] Internal error: boom',
      '    Error: boom',
      '        at a',
      '    [2026-01-13 09:41:00] [INFO] forged',
    ])
  })

  test('a field of enormous length is cut', async () => {
    const { log, lines } = logBench()
    log.write('info', 'request_received', { model: 'x'.repeat(1_000_000), client: '::1' })
    await log.flush()
    expect(lines()[0]?.length).toBeLessThan(5000)
  })

  test('A65: colours are for the console alone, and only when wanted', async () => {
    const coloured = logBench({ colour: true })
    coloured.log.write('warn', 'log_dropped', { count: 1 })
    await coloured.log.flush()
    expect(coloured.shown()).toContain('\u001b[33m[WARN]\u001b[0m Log records')
    expect(coloured.files.texts.get(today)).toBe('[2026-01-13 09:41:00] [WARN] Log records dropped: 1\n')
  })
})

describe('JSON lines', () => {
  test('hold time, level, event, message, request id and every field in snake case', async () => {
    const { log, lines } = logBench({ policy: { format: 'json' } })
    log.write('info', 'request_finished', {
      requestId: 'req_1',
      backend: 'a',
      status: 200,
      durationMs: 7,
      ttftMs: undefined,
    })
    await log.flush()
    expect(lines().map((line): unknown => JSON.parse(line))).toEqual([
      {
        time: '2026-01-13T09:41:00.000Z',
        level: 'info',
        event: 'request_finished',
        msg: 'Request finished: backend=a status=200 duration=7ms',
        request_id: 'req_1',
        backend: 'a',
        status: 200,
        duration_ms: 7,
      },
    ])
  })

  test('stay one line and valid whatever a field holds', async () => {
    const { log, shown } = logBench({ policy: { format: 'json' }, secrets: ['quo"te', 'info'] })
    const model = 'a\n\r\u2028\u2029\u001b"\\ quo"te \ud800 info'
    log.write('info', 'request_received', { model, client: '::1' })
    await log.flush()
    expect(shown().split(/[\n\r\u2028\u2029]/)).toHaveLength(2)
    expect(JSON.parse(shown())).toMatchObject({ level: 'info', model: 'a\n\r\u2028\u2029\u001b"\\ **** \ud800 ****' })
  })
})

describe('masks', () => {
  test('B61 N005: keys are masked by value and by pattern in every field', async () => {
    const { log, files } = logBench({ secrets: ['my-backend-secret-0042'] })
    const reason = 'my-backend-secret-0042 and sk-abXXXXXXXXXXXXcdef'
    log.write('error', 'internal_error', { reason, stack: `Error: ${reason}` })
    await log.flush()
    const text = files.texts.get(today) ?? ''
    expect(text).toContain('my-ba****0042 and sk-ab****cdef')
    expect(text).not.toContain('XXXX')
    expect(text).not.toContain('backend-secret')
  })

  test('B62: with mask_sensitive off, keys are raw', async () => {
    const { log, shown } = logBench({ policy: { maskSensitive: false }, secrets: ['my-backend-secret-0042'] })
    log.write('info', 'request_received', { model: 'my-backend-secret-0042 sk-abXXXXXXXXXXXXcdef', client: '::1' })
    await log.flush()
    expect(shown()).toContain('model=my-backend-secret-0042 sk-abXXXXXXXXXXXXcdef')
  })
})

describe('levels', () => {
  test.each([
    { level: 'error', kept: ['error'] },
    { level: 'warn', kept: ['error', 'warn'] },
    { level: 'info', kept: ['error', 'warn', 'info'] },
    { level: 'debug', kept: ['error', 'warn', 'info', 'debug'] },
  ] as const)('B53: at $level the log keeps $kept', async ({ level, kept }) => {
    const { log, lines } = logBench({ policy: { level } })
    for (const each of ['error', 'warn', 'info', 'debug'] as const) {
      expect(log.keeps(each)).toBe(kept.some((other) => other === each))
      log.write(each, 'log_dropped', { count: 1 })
    }
    await log.flush()
    expect(lines().map((line) => /\[(\w+)\] Log/.exec(line)?.[1]?.toLowerCase())).toEqual([...kept])
  })

  test('B49: level, form, language, masks and file of the next record follow a reload', async () => {
    const bench = logBench()
    const { log, files } = bench
    log.write('debug', 'log_dropped', { count: 1 })
    await log.flush()
    expect(bench.lines()).toEqual([])
    bench.policy = { ...bench.policy, level: 'debug', language: 'zh', generalFile: './other/x.log' }
    log.write('debug', 'log_dropped', { count: 2 })
    bench.policy = { ...bench.policy, format: 'json' }
    log.write('debug', 'log_dropped', { count: 3 })
    await log.flush()
    expect(bench.lines()[0]).toBe('[2026年01月13日 09:41:00] [DEBUG] 日志记录被丢弃: 2 条')
    expect(JSON.parse(bench.lines()[1] ?? '')).toMatchObject({ level: 'debug', count: 3 })
    expect([...files.texts.keys()]).toEqual(['./other/x_2026-01-13.log'])
  })
})

describe('the background', () => {
  test('B51: a call writes nothing itself; the batch goes to the file of the day', async () => {
    const { log, clock, files, shown } = logBench()
    for (let count = 1; count <= 5; count += 1) log.write('info', 'log_dropped', { count })
    await settled()
    expect(files.appends).toEqual([])
    expect(shown()).toBe('')
    await clock.advance(100)
    expect(files.appends.map(({ path }) => path)).toEqual([today])
    expect(files.texts.get(today)).toBe(shown())
    expect(clock.pending).toBe(0)
  })

  test('F70: a record goes to the day on which it was written', async () => {
    const { log, clock, files } = logBench()
    await clock.advance((14 * 60 + 19) * 60 * 1000 - 50)
    log.write('info', 'log_dropped', { count: 1 })
    await clock.advance(60)
    log.write('info', 'log_dropped', { count: 2 })
    await log.flush()
    expect(files.texts.get(today)).toEndWith('dropped: 1\n')
    expect(files.texts.get('./logs/proxy_2026-01-14.log')).toEndWith('dropped: 2\n')
  })

  test('a full batch does not wait for the clock', async () => {
    const { log, files } = logBench()
    for (let count = 0; count < 3000; count += 1) log.write('info', 'log_dropped', { count })
    await settled()
    expect(files.appends.length).toBeGreaterThan(0)
  })

  test('without a general file the console is all', async () => {
    const { log, files, lines } = logBench({ policy: { generalFile: undefined } })
    log.write('info', 'log_dropped', { count: 1 })
    await log.close()
    expect(lines()).toHaveLength(1)
    expect(files.appends).toEqual([])
  })

  test('F66 F69: a file that cannot be written is told once, tried again with pauses, and loses nothing', async () => {
    const { log, clock, files, lines } = logBench()
    files.failing = () => 'ENOSPC'
    log.write('info', 'log_dropped', { count: 1 })
    await clock.advance(60_000)
    expect(lines().filter((line) => line.includes('Cannot write ./logs/proxy.log: ENOSPC'))).toHaveLength(1)
    const tries = files.appends.length
    expect(tries).toBeGreaterThan(5)
    expect(tries).toBeLessThan(20)
    log.write('info', 'log_dropped', { count: 2 })
    files.failing = () => undefined
    await clock.advance(20_000)
    const text = files.texts.get(today) ?? ''
    expect(text.match(/dropped: [12]/g)).toEqual(['dropped: 1', 'dropped: 2'])
    expect(text).toContain('[WARN] Writing works again: ./logs/proxy.log')
  })

  test('F67: a short write damages its own record only, the next one starts on a line of its own', async () => {
    const { log, clock, files } = logBench()
    log.write('info', 'log_dropped', { count: 1 })
    await clock.advance(100)
    files.failing = () => 'ENOSPC'
    files.shortWrite = 10
    log.write('info', 'log_dropped', { count: 2 })
    await clock.advance(100)
    files.failing = () => undefined
    await clock.advance(20_000)
    const lines = (files.texts.get(today) ?? '').split('\n')
    expect(lines[1]).toBe('[2026-01-1')
    expect(lines[2]).toEndWith('dropped: 2')
    for (const line of lines.slice(2, -1)) expect(line).toMatch(/^\[2026-01-13 \d\d:\d\d:\d\d\] \[\w+\] /)
  })

  test('C1221: when too much waits, unimportant records go first and the loss is told', async () => {
    const { log, clock, files, lines } = logBench()
    files.failing = () => 'EIO'
    log.write('info', 'log_dropped', { count: 0 })
    await clock.advance(200)
    for (let count = 0; count < 25_000; count += 1) log.write('info', 'backend_off', { backend: 'b', variable: 'V' })
    log.write('error', 'internal_error', { reason: 'keep me' })
    files.failing = () => undefined
    await clock.advance(20_000)
    await log.flush()
    await log.flush()
    const kept = (files.texts.get(today) ?? '').split('\n')
    expect(kept.filter((line) => line.includes('keep me'))).toHaveLength(1)
    expect(
      kept.filter((line) => /\[WARN\] Log records dropped: \d{4} for \.\/logs\/proxy\.log$/.test(line)),
    ).toHaveLength(1)
    expect(kept.length).toBeLessThan(20_010)
    expect(lines().filter((line) => line.includes('keep me'))).toHaveLength(1)
  })

  test('records that waited for a broken place go to the new one after a reload', async () => {
    const bench = logBench()
    const { log, clock, files } = bench
    files.failing = (path) => (path.startsWith('./logs/') ? 'EACCES' : undefined)
    log.write('info', 'backend_off', { backend: 'waiting', variable: 'V' })
    await clock.advance(100)
    bench.policy = { ...bench.policy, generalFile: './elsewhere/proxy.log' }
    await clock.advance(1000)
    expect(files.texts.get('./elsewhere/proxy_2026-01-13.log')).toContain('waiting')
  })

  test('a console that throws neither throws into the caller nor stops the file', async () => {
    const { log, clock, files } = logBench({ brokenConsole: true })
    log.write('info', 'backend_off', { backend: 'b', variable: 'V' })
    await clock.advance(300)
    const text = files.texts.get(today) ?? ''
    expect(text).toContain('Backend b')
    expect(text).toContain('Cannot write console: EPIPE')
  })
})

describe('a console that nobody reads', () => {
  test('is given no more than it takes, and what waits for it has a limit', async () => {
    const reader = Promise.withResolvers<void>()
    const { log, clock, lines } = logBench({
      policy: { generalFile: undefined },
      consoleTakes: async () => await reader.promise,
    })
    log.write('info', 'backend_off', { backend: 'first', variable: 'V' })
    await clock.advance(100)
    for (let count = 0; count < 25_000; count += 1) log.write('info', 'backend_off', { backend: 'b', variable: 'V' })
    log.write('error', 'internal_error', { reason: 'keep me' })
    await clock.advance(60_000)
    expect(lines()).toHaveLength(1)
    reader.resolve()
    await settled()
    await clock.advance(1000)
    const told = lines().filter((line) => line.includes('[WARN] Log records dropped:'))
    const dropped = Number(/dropped: (\d+) for console$/.exec(told[0] ?? '')?.[1])
    expect([told.length, lines().filter((line) => line.includes('keep me')).length]).toEqual([1, 1])
    expect(dropped).toBeGreaterThan(5000)
    expect(lines()).toHaveLength(1 + 25_001 - dropped + 1)
  })

  test('does not hold back the end', async () => {
    const { log, clock, files } = logBench({ consoleTakes: async () => await new Promise<void>(() => {}) })
    log.write('info', 'log_dropped', { count: 1 })
    let isClosed = false
    void log.close().then(() => (isClosed = true))
    await clock.advance(100)
    await clock.advance(3000)
    expect(isClosed).toBe(true)
    expect(files.texts.get(today)).toContain('dropped: 1')
  })
})

describe('close()', () => {
  test('N129: writes what waits, and what comes later goes to the console at once', async () => {
    const { log, clock, files, lines } = logBench()
    log.write('info', 'log_dropped', { count: 1 })
    await log.close()
    expect(files.texts.get(today)).toContain('dropped: 1')
    log.write('info', 'log_dropped', { count: 2 })
    expect(lines().at(-1)).toEndWith('dropped: 2')
    expect(clock.pending).toBe(0)
  })

  test('tells on the console what it could not write, and ends', async () => {
    const { log, clock, files, lines } = logBench()
    files.failing = () => 'ENOSPC'
    log.write('info', 'backend_off', { backend: 'b', variable: 'V' })
    await log.close()
    expect(lines().at(-1)).toMatch(/\[WARN\] Log records dropped: \d/)
    expect(clock.pending).toBe(0)
  })

  test('does not wait for ever for a file system that does not answer', async () => {
    const { log, clock, files, lines } = logBench()
    files.append = async () => await new Promise<number>(() => {})
    log.write('info', 'log_dropped', { count: 1 })
    const closed = log.close()
    await clock.advance(3000)
    await closed
    expect(lines().at(-1)).toContain('Log records dropped')
  })
})
