import { describe, expect, test } from 'bun:test'
import { availableMemory, controlGroupLimit, MemoryWatch } from '#boot/memory.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const mb = 1024 ** 2

interface Scene {
  readonly clock: FakeClock
  readonly watch: MemoryWatch
  readonly events: string[]
  /** Megabytes that the process holds, and that it keeps when garbage is collected. */
  held: number
  kept: number | undefined
  limit: number | undefined
  collections: number
}

function scene(limit: number | undefined, isKnown = true): Scene {
  const clock = new FakeClock()
  const events: string[] = []
  const log = { write: (level: string, event: string) => void events.push(`${level} ${event}`), keeps: () => true }
  const watch = new MemoryWatch({
    clock,
    log,
    available: isKnown ? 1000 * mb : undefined,
    limit: () => (it.limit === undefined ? undefined : it.limit * mb),
    held: () => it.held * mb,
    collect() {
      it.collections += 1
      it.held = it.kept ?? it.held
    },
  })
  const it: Scene = { clock, watch, events, held: 100, kept: undefined, limit, collections: 0 }
  watch.start()
  return it
}

describe('F95: memory is short', () => {
  test.each([
    { name: 'at the limit', limit: 500, held: 500, isHigh: true },
    { name: 'not below it', limit: 500, held: 499, isHigh: false },
    { name: 'at 80 % of what there is, without a limit', limit: undefined, held: 800, isHigh: true },
    { name: 'not below that', limit: undefined, held: 799, isHigh: false },
    { name: 'never with a limit of 0', limit: 0, held: 5000, isHigh: false },
  ])('$name', async ({ limit, held, isHigh }) => {
    const it = scene(limit)
    it.held = held
    await it.clock.advance(1000)
    expect(it.watch.isHigh).toBe(isHigh)
  })

  test('never, where nobody can tell how much there is', async () => {
    const it = scene(undefined, false)
    it.held = 1_000_000
    await it.clock.advance(1000)
    expect(it.watch.isHigh).toBe(false)
  })

  test('not for garbage, which is collected first', async () => {
    const it = scene(500)
    it.held = 600
    it.kept = 200
    await it.clock.advance(1000)
    expect([it.watch.isHigh, it.collections, it.events]).toEqual([false, 1, []])
  })

  test('until there is clearly room, and is told when it begins and when it ends', async () => {
    const it = scene(500)
    it.held = 510
    await it.clock.advance(1000)
    it.held = 490
    await it.clock.advance(5000)
    expect([it.watch.isHigh, it.events]).toEqual([true, ['warn memory_short']])
    it.held = 470
    await it.clock.advance(1000)
    expect([it.watch.isHigh, it.events]).toEqual([false, ['warn memory_short', 'info memory_enough']])
  })

  test('while it lasts, garbage is collected every ten seconds and no more often', async () => {
    const it = scene(500)
    it.held = 600
    await it.clock.advance(30_000)
    expect(it.collections).toBe(3)
  })

  test('follows a reload', async () => {
    const it = scene(50)
    expect(it.watch.isHigh).toBe(true)
    it.limit = 0
    await it.clock.advance(1000)
    expect(it.watch.isHigh).toBe(false)
  })

  test('is not looked for any more once it was stopped', () => {
    const it = scene(500)
    it.watch.stop()
    expect(it.clock.pending).toBe(0)
  })
})

describe('availableMemory()', () => {
  const missing = (): string => {
    throw new Error('ENOENT')
  }

  test.each([
    { name: 'the machine’s without a container', files: missing, total: 8000 * mb, gives: 8000 * mb },
    { name: 'the container’s', files: () => `${512 * mb}\n`, total: 8000 * mb, gives: 512 * mb },
    { name: 'the machine’s in a container without a limit', files: () => 'max\n', total: 8000 * mb, gives: 8000 * mb },
    {
      name: 'the machine’s when the container’s is larger',
      files: () => '9223372036854771712',
      total: mb * 99,
      gives: mb * 99,
    },
    { name: 'unknown when the system tells nonsense', files: missing, total: -471 * mb, gives: undefined },
  ])('is $name', ({ files, total, gives }) => {
    expect(availableMemory(files, () => total)).toBe(gives)
  })
})

describe('controlGroupLimit()', () => {
  const limitWith = (files: Readonly<Record<string, string>>): number | undefined =>
    controlGroupLimit((file) => {
      const text = files[file]
      if (text === undefined) throw new Error('ENOENT')
      return text
    })

  test.each<{ name: string; files: Record<string, string>; gives: number | undefined }>([
    { name: 'nothing', files: {}, gives: undefined },
    {
      name: 'a systemd unit',
      files: {
        '/proc/self/cgroup': '0::/system.slice/llm-proxy.service\n',
        '/sys/fs/cgroup/system.slice/llm-proxy.service/memory.max': `${300 * mb}\n`,
        '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
      },
      gives: 300 * mb,
    },
    {
      name: 'the slice around a unit',
      files: {
        '/proc/self/cgroup': '0::/a.slice/b.service\n',
        '/sys/fs/cgroup/a.slice/b.service/memory.max': 'max\n',
        '/sys/fs/cgroup/a.slice/memory.max': `${200 * mb}\n`,
      },
      gives: 200 * mb,
    },
    {
      name: 'a container',
      files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': `${mb * 128}` },
      gives: mb * 128,
    },
    {
      name: 'a container that sees the path of its host',
      files: { '/proc/self/cgroup': '0::/docker/abc\n', '/sys/fs/cgroup/memory.max': `${mb * 128}` },
      gives: mb * 128,
    },
    {
      name: 'groups of the older form',
      files: {
        '/proc/self/cgroup': '9:cpu,memory:/user.slice/x\n1:name=systemd:/y\n',
        '/sys/fs/cgroup/memory/user.slice/x/memory.limit_in_bytes': `${mb * 400}`,
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
      },
      gives: mb * 400,
    },
    {
      name: 'the older form without a limit',
      files: { '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712' },
      gives: undefined,
    },
  ])('sees the limit of $name', ({ files, gives }) => {
    expect(limitWith(files)).toBe(gives)
  })
})
