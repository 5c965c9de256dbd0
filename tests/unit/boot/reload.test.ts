import { expect, test } from 'bun:test'
import { LoadHistory } from '#boot/load-history.ts'
import type { LoadedSnapshot } from '#boot/load.ts'
import { Reloader } from '#boot/reload.ts'
import type { Problem } from '#config/problem.ts'
import type { ConfigInput } from '#config/schema.ts'
import { Holder } from '#snapshot/holder.ts'
import { Breakers } from '#upstream/breaker.ts'
import { snapshotOf } from '../../support/compiled.ts'
import { credentialBench } from '../../support/credentials.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const up: ConfigInput = { backends: [{ name: 'up', url: 'mock://up' }] }
const problem: Problem = {
  severity: 'error',
  file: 'config.yaml',
  line: 3,
  column: 5,
  path: 'models',
  message: 'is wrong',
}

/** A reloader whose configuration is what the test says, with what it told and how often it looked. */
function bench(first: ConfigInput = up, history?: LoadHistory) {
  const holder = new Holder(snapshotOf(first, { version: 1, digest: 'first' }))
  const lines: string[] = []
  const texts: string[] = []
  const state = { looks: 0, next: (): LoadedSnapshot | Promise<LoadedSnapshot> => same() }
  const same = (): LoadedSnapshot => loaded(first, 'first')
  const reloader = new Reloader({
    holder,
    breakers: new Breakers(),
    credentials: credentialBench().book,
    file: 'config.yaml',
    log: {
      write: (level, event, fields = {}) => {
        lines.push(`${level} ${event}`)
        texts.push(String(fields['changes'] ?? fields['first'] ?? fields['reason'] ?? fields['keys'] ?? ''))
      },
      keeps: () => true,
    },
    load: async () => {
      state.looks += 1
      return await state.next()
    },
    files: ['/first'],
    ...(history === undefined ? {} : { history }),
  })
  return { reloader, holder, lines, texts, state, same }
}

function loaded(input: ConfigInput, digest: string, version = 2, files: readonly string[] = []): LoadedSnapshot {
  const snapshot = snapshotOf(input, { version, digest })
  return { snapshot, draft: undefined, stoodIn: [], problems: [], digest, off: [], files, variableNotes: [] }
}

function wrong(digest: string, files: readonly string[] = []): LoadedSnapshot {
  return {
    snapshot: undefined,
    draft: undefined,
    stoodIn: [],
    problems: [problem],
    digest,
    off: [],
    files,
    variableNotes: [],
  }
}

test('a changed configuration is swapped in and told in one line', async () => {
  const { reloader, holder, lines, texts, state } = bench()
  state.next = () => loaded({ ...up, models: { m: { routes: [{ backend: 'up', model: 'x' }] } } }, 'second')
  await reloader.reload()
  expect([holder.current().version, [...holder.current().plans.keys()]]).toEqual([2, ['m']])
  expect(lines).toEqual(['info config_reloaded'])
  expect(texts[0]).toContain('alias m added')
})

test('the same content is no news, unless a person asks', async () => {
  const { reloader, holder, lines } = bench()
  await reloader.reload()
  expect(lines).toEqual([])
  await reloader.reload(true)
  expect(lines).toEqual(['info config_unchanged'])
  expect(holder.current().version).toBe(1)
})

test('B46: a bad configuration is told once for each edit, again to a person who asks, and its end is told', async () => {
  const { reloader, holder, lines, texts, state, same } = bench()
  state.next = () => wrong('bad')
  await reloader.reload()
  await reloader.reload()
  expect(lines).toEqual(['warn config_rejected'])
  expect(texts[0]).toBe('config.yaml:3:5 models: is wrong')
  await reloader.reload(true)
  state.next = () => wrong('worse')
  await reloader.reload()
  state.next = same
  await reloader.reload()
  await reloader.reload()
  expect(lines).toEqual([...Array<string>(3).fill('warn config_rejected'), 'info config_back'])
  expect(holder.current().version).toBe(1)
})

test('F58: a file that cannot be read is told once, and so is its return', async () => {
  const { reloader, lines, texts, state, same } = bench()
  state.next = () => {
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  }
  await reloader.reload()
  await reloader.reload()
  state.next = same
  await reloader.reload()
  expect(lines).toEqual(['warn config_unreadable', 'info config_back'])
  expect(texts[0]).toBe('there is no such file')
})

test('B50: a changed address keeps its old value and is told as needing a restart', async () => {
  const { reloader, holder, lines, texts, state } = bench()
  const before = holder.current().listen
  state.next = () => loaded({ ...up, listen: '127.0.0.1:9' }, 'second')
  await reloader.reload()
  expect(holder.current().listen).toEqual(before)
  expect([lines.at(-1), texts.at(-1)]).toEqual(['warn restart_needed', 'listen'])
})

test('B50: the addresses of the admin pages wait for a restart, all else of them does not', async () => {
  const { reloader, holder, texts, state } = bench({ ...up, admin: { key: 'admin-key-0123456789' } })
  const admin = { path: '/ops', listen: '127.0.0.1:9', keep_requests: 5 }
  state.next = () => loaded({ ...up, admin }, 'second')
  await reloader.reload()
  expect(holder.current().admin).toMatchObject({ path: '/admin', listen: undefined, keepRequests: 0 })
  expect(texts.at(-1)).toBe('admin.path, admin.listen')
})

test('what became of each look is kept for those who ask', async () => {
  const clock = new FakeClock(1_000_000)
  const history = new LoadHistory(clock, ['a warning of the start'])
  const { reloader, state, same } = bench(up, history)
  const looks: unknown[] = []
  const steps: (() => LoadedSnapshot)[] = [
    () => wrong('bad'),
    () => {
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    },
    same,
    () => wrong('bad'),
    () => ({ ...loaded({ ...up, listen: '127.0.0.1:9' }, 'second'), problems: [warning] }),
  ]
  for (const step of steps) {
    state.next = step
    await clock.advance(1000)
    await reloader.reload()
    const { loadedMs, warnings, restartKeys, refused } = history
    looks.push([loadedMs, warnings.length, restartKeys, refused?.atMs, refused?.problems])
  }
  const isWrong = ['config.yaml:3:5 models: is wrong']
  expect(looks).toEqual([
    [1_000_000, 1, [], 1_001_000, isWrong],
    [1_000_000, 1, [], 1_002_000, ['Cannot read config.yaml: there is no such file']],
    [1_000_000, 1, [], undefined, undefined],
    [1_000_000, 1, [], 1_004_000, isWrong],
    [1_005_000, 1, ['listen'], undefined, undefined],
  ])
  expect(history.warnings).toEqual(['config.yaml:1:5 proxi_api_key: warning: unknown key'])
})

test.each([
  { name: 'the key is removed on a public listener', listen: ':8080', next: {}, is: 'refused' },
  { name: 'the key is removed on loopback', listen: '127.0.0.1:8080', next: {}, is: 'taken' },
  { name: 'the operator says so', listen: ':8080', next: { allow_unauthenticated: true }, is: 'taken' },
  { name: 'the address moves to loopback with it', listen: ':8080', next: { listen: '127.0.0.1:8080' }, is: 'refused' },
])('a reload that opens the gateway is $is when $name', async ({ listen, next, is }) => {
  const { reloader, holder, lines, state } = bench({ ...up, listen, proxy_api_key: 'sk-client' })
  state.next = () => loaded({ ...up, listen, ...next }, 'second')
  await reloader.reload()
  expect([holder.current().keys.isOpen, lines[0]]).toEqual(
    is === 'taken' ? [true, 'info config_reloaded'] : [false, 'warn config_rejected'],
  )
})

test('F65: a thousand requests during a look are one more look, and it answers the person among them', async () => {
  const { reloader, lines, state, same } = bench()
  const gate = Promise.withResolvers<void>()
  state.next = async () => {
    await gate.promise
    return same()
  }
  const first = reloader.reload()
  const others = Array.from({ length: 1000 }, async (_, index) => await reloader.reload(index === 500))
  gate.resolve()
  await Promise.all([first, ...others])
  expect([state.looks, lines]).toEqual([2, ['info config_unchanged']])
})

test('a change that comes while one is read is not lost', async () => {
  const { reloader, holder, state } = bench()
  const gate = Promise.withResolvers<LoadedSnapshot>()
  state.next = async () => await gate.promise
  const first = reloader.reload()
  const second = reloader.reload()
  state.next = () => loaded({ ...up, proxy_api_key: 'sk-third' }, 'third', 3)
  gate.resolve(loaded({ ...up, proxy_api_key: 'sk-second' }, 'second'))
  await Promise.all([first, second])
  expect([holder.current().version, holder.current().digest]).toEqual([3, 'third'])
})

test('the files of a refused configuration are watched beside those of the running one', async () => {
  const { reloader, state } = bench()
  const watched: (readonly string[])[] = [reloader.files]
  const steps = [
    () => wrong('bad', ['/missing']),
    () => wrong('worse', ['/other']),
    () => loaded(up, 'second', 2, ['/second']),
    () => wrong('bad', ['/missing']),
    () => loaded(up, 'second', 2, ['/second']),
  ]
  for (const step of steps) {
    state.next = step
    await reloader.reload()
    watched.push(reloader.files)
  }
  expect(watched).toEqual([
    ['/first'],
    ['/first', '/missing'],
    ['/first', '/other'],
    ['/second'],
    ['/second', '/missing'],
    ['/second'],
  ])
})

const warning: Problem = { ...problem, severity: 'warning', line: 1, path: 'proxi_api_key', message: 'unknown key' }

test('a refusal tells warnings too, before the consequence that they may have', async () => {
  const { reloader, texts, state } = bench({ ...up, listen: ':8080', proxy_api_key: 'sk-client' })
  state.next = () => ({ ...loaded({ ...up, listen: ':8080' }, 'second'), problems: [warning] })
  await reloader.reload()
  expect(texts[0]).toBe(
    'config.yaml:1:5 proxi_api_key: warning: unknown key; without "proxy_api_key" the open listener would serve everyone: restart, or set "allow_unauthenticated: true"',
  )
  state.next = () => ({ ...wrong('bad'), problems: [...Array.from({ length: 12 }, () => warning), problem] })
  await reloader.reload()
  expect(texts[1]?.split('; ').length).toBe(10)
  expect(texts[1]).toEndWith('; config.yaml:3:5 models: is wrong')
})
