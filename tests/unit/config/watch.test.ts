import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { watchConfig } from '#config/watch.ts'
import { systemClock } from '#ports/clock.ts'

let folder = ''
let stop = new AbortController()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-watch-'))
  stop = new AbortController()
})

afterEach(() => {
  stop.abort()
  rmSync(folder, { recursive: true, force: true })
})

interface Watched {
  readonly count: () => number
  /** Resolves at the next hint, rejects when there is none in time. */
  readonly hint: (withinMs?: number) => Promise<void>
}

async function watching(file: string, extraFiles: readonly string[] = [], hintAfterMs?: number): Promise<Watched> {
  let hints = 0
  let told = Promise.withResolvers<void>()
  await watchConfig({
    file,
    extraFiles: () => extraFiles,
    clock: systemClock,
    onHint: () => {
      hints += 1
      told.resolve()
      told = Promise.withResolvers()
    },
    ...(hintAfterMs !== undefined && { hintAfterMs }),
    signal: stop.signal,
  })
  return { count: () => hints, hint: async (withinMs = 1000) => await within(told.promise, withinMs) }
}

async function within(wanted: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>()
  const cancel = systemClock.after(ms, () => late.reject(new Error(`no hint within ${ms} ms`)))
  try {
    await Promise.race([wanted, late.promise])
  } finally {
    cancel()
  }
}

describe('soon after the start it is told once, whatever happened', () => {
  test('for a change that came before the watch stood', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'a: 1\n')
    const { hint, count } = await watching(file, [], 50)
    await hint()
    expect(count()).toBe(1)
  })

  test('F55: but not while the file is being written', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'a: 1\n')
    const { hint } = await watching(file, [], 50)
    let written = 0
    const writing = setInterval(() => appendFileSync(file, `b${(written += 1)}: 1\n`), 20)
    const early = await hint(250).then(
      () => 'told',
      () => 'not told',
    )
    clearInterval(writing)
    expect(early).toBe('not told')
    await hint()
  })
})

describe('B45: a change is noticed within a second', () => {
  test('a write in place', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'a: 1\n')
    const { hint } = await watching(file)
    writeFileSync(file, 'a: 2\n')
    await hint()
  })

  test('F56: an atomic rename, and the one after it', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'a: 1\n')
    const { hint } = await watching(file)
    for (const text of ['a: 2\n', 'a: 3\n', 'a: 4\n']) {
      const noticed = hint()
      writeFileSync(`${file}.new`, text)
      renameSync(`${file}.new`, file)
      await noticed
    }
  })

  test('F58: a file that is deleted, and its return', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'a: 1\n')
    const { hint } = await watching(file)
    const gone = hint()
    rmSync(file)
    await gone
    const back = hint()
    writeFileSync(file, 'a: 1\n')
    await back
  })

  test('a save that keeps a backup: rename away, write anew', async () => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, 'a: 1\n')
    const { hint } = await watching(file)
    renameSync(file, `${file}~`)
    writeFileSync(file, 'a: 2\n')
    await hint()
  })

  test.skipIf(process.platform === 'win32')('F57: the swap of a symbolic link above the file', async () => {
    for (const version of ['1', '2']) {
      mkdirSync(join(folder, `..${version}`))
      writeFileSync(join(folder, `..${version}`, 'config.yaml'), `a: ${version}\n`)
    }
    symlinkSync('..1', join(folder, '..data'))
    symlinkSync('..data/config.yaml', join(folder, 'config.yaml'))
    const { hint } = await watching(join(folder, 'config.yaml'))
    symlinkSync('..2', join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    await hint()
  })

  test('a file that the configuration names, in another folder', async () => {
    const file = join(folder, 'config.yaml')
    const secret = join(folder, 'secrets', 'key')
    mkdirSync(join(folder, 'secrets'))
    writeFileSync(file, 'a: 1\n')
    writeFileSync(secret, 'one')
    const { hint } = await watching(file, [secret])
    writeFileSync(secret, 'two')
    await hint()
  })
})

test('F55: a file that is written piece by piece is told once it is still, not at each piece', async () => {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, 'a: 1\n')
  const { hint, count } = await watching(file)
  const noticed = hint(3000)
  writeFileSync(file, '')
  for (let piece = 0; piece < 10; piece += 1) {
    appendFileSync(file, `b${piece}: 1\n`)
    await systemClock.sleep(15)
  }
  await noticed
  expect(count()).toBe(1)
})

test('a folder that is replaced is watched again', async () => {
  const inner = join(folder, 'inner')
  const file = join(inner, 'config.yaml')
  mkdirSync(inner)
  writeFileSync(file, 'a: 1\n')
  const { hint } = await watching(file)
  const replaced = hint(4000)
  renameSync(inner, join(folder, 'old'))
  mkdirSync(inner)
  writeFileSync(file, 'a: 2\n')
  await replaced
  const again = hint()
  writeFileSync(file, 'a: 3\n')
  await again
})

test('other files of the folder are nobody’s business, and an ended watch tells nothing', async () => {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, 'a: 1\n')
  const { hint, count } = await watching(file)
  const noticed = hint()
  writeFileSync(join(folder, 'other.yaml'), 'x')
  // The watch looks at both events in order, so this hint comes after the other file was seen.
  writeFileSync(file, 'a: 2\n')
  await noticed
  expect(count()).toBe(1)
  stop.abort()
  writeFileSync(file, 'a: 3\n')
  const silence = await hint(400).catch((error: unknown) => String(error))
  expect(silence).toContain('no hint')
})
