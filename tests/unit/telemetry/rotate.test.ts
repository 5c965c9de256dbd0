import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'bun:test'
import { systemFiles } from '#ports/files.ts'
import { datedPath, plainPath, RollingFiles } from '#telemetry/rotate.ts'
import type { LoggingPolicy } from '#telemetry/policy.ts'
import { Stamps } from '#telemetry/stamp.ts'
import { sweepGeneral } from '#telemetry/sweep.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainPolicy } from '../../support/log.ts'
import { MemoryFiles } from '../../support/memory-files.ts'

describe('datedPath()', () => {
  test.each([
    { path: './logs/proxy.log', dated: './logs/proxy_2026-01-13.log' },
    { path: './logs/proxy', dated: './logs/proxy_2026-01-13' },
    { path: 'proxy.jsonl', dated: 'proxy_2026-01-13.jsonl' },
    { path: './logs.d/proxy', dated: './logs.d/proxy_2026-01-13' },
    { path: './logs/.hidden', dated: './logs/.hidden_2026-01-13' },
    { path: 'C:\\logs\\proxy.log', dated: 'C:\\logs\\proxy_2026-01-13.log' },
    { path: './logs/a.b.log', dated: './logs/a.b_2026-01-13.log' },
    { path: './logs/{date}/proxy.log', dated: './logs/2026-01-13/proxy.log' },
    { path: './logs/{req_id}.log', dated: './logs/req_id_2026-01-13.log' },
  ])('B51 N122: $path is written as $dated', ({ path, dated }) => {
    expect(datedPath(path, '2026-01-13')).toBe(dated)
  })

  test('N122: a folder with placeholders gets no brace into its name', () => {
    expect(plainPath('./logs/{date}/{type}', '2026-01-13')).toBe('./logs/2026-01-13/type')
  })
})

describe('RollingFiles', () => {
  test('B52: a full file goes on in .1, .2', async () => {
    const files = new MemoryFiles()
    const rolling = new RollingFiles(files)
    for (let count = 1; count <= 5; count += 1) await rolling.append('a.log', `line ${count}\n`, 14)
    expect([...files.texts]).toEqual([
      ['a.log', 'line 1\nline 2\n'],
      ['a.log.1', 'line 3\nline 4\n'],
      ['a.log.2', 'line 5\n'],
    ])
  })

  test('B52: the size is in bytes, not in characters', async () => {
    const files = new MemoryFiles()
    const rolling = new RollingFiles(files)
    await rolling.append('a.log', '请求\n', 10)
    await rolling.append('a.log', '请求\n', 10)
    expect([...files.texts.keys()]).toEqual(['a.log', 'a.log.1'])
  })

  test('B52: after a restart the numbering goes on where it was', async () => {
    const files = new MemoryFiles()
    for (const name of ['a.log', 'a.log.1', 'a.log.2']) files.texts.set(name, 'full full full\n')
    files.texts.set('a.log.3', 'half\n')
    const rolling = new RollingFiles(files)
    await rolling.append('a.log', 'next\n', 10)
    await rolling.append('a.log', 'last\n', 10)
    expect(files.texts.get('a.log.3')).toBe('half\nnext\n')
    expect(files.texts.get('a.log.4')).toBe('last\n')
  })

  test('F91: the line that a killed process left half written is not gone on with', async () => {
    const files = new MemoryFiles()
    files.texts.set('a.log', 'whole\nhal')
    const rolling = new RollingFiles(files)
    await rolling.append('a.log', 'next\n', 100)
    await rolling.append('a.log', 'last\n', 100)
    expect(files.texts.get('a.log')).toBe('whole\nhal\nnext\nlast\n')
  })

  test('B52: one batch of many lines is split where a part is full, between lines', async () => {
    const files = new MemoryFiles()
    await new RollingFiles(files).append('a.log', '1234\n'.repeat(5), 10)
    expect([...files.texts.values()]).toEqual(['1234\n1234\n', '1234\n1234\n', '1234\n'])
  })

  test('B52: the indented block of a record stays in the part of its line', async () => {
    const files = new MemoryFiles()
    const records = 'one\n    1\n    \n    2\ntwo\n    1\nthree\n'
    await new RollingFiles(files).append('a.log', records, 20)
    expect([...files.texts.values()]).toEqual(['one\n    1\n    \n    2\n', 'two\n    1\nthree\n'])
  })

  test('a record above the limit gets a file of its own instead of being lost', async () => {
    const files = new MemoryFiles()
    const rolling = new RollingFiles(files)
    await rolling.append('a.log', 'short\n', 10)
    await rolling.append('a.log', 'much too long for ten\n', 10)
    await rolling.append('a.log', 'short\n', 10)
    expect([...files.texts.values()]).toEqual(['short\n', 'much too long for ten\n', 'short\n'])
  })

  test.each([
    { name: 'nothing was written', shortWrite: 0, text: 'one\ntwo\n' },
    { name: 'half a line was written', shortWrite: 2, text: 'one\ntw\ntwo\n' },
  ])('F67: after a failed write of which $name, the next line is not glued to it', async ({ shortWrite, text }) => {
    const files = new MemoryFiles()
    const rolling = new RollingFiles(files)
    await rolling.append('a.log', 'one\n', 1000)
    files.failing = () => 'ENOSPC'
    files.shortWrite = shortWrite
    expect(await rolling.append('a.log', 'two\n', 1000).catch(String)).toContain('ENOSPC')
    files.failing = () => undefined
    await rolling.append('a.log', 'two\n', 1000)
    expect(files.texts.get('a.log')).toBe(text)
  })

  test('F71: a file that was moved away is begun anew', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'llm-proxy-rotate-'))
    try {
      const path = join(directory, 'deep', 'folder', 'a.log')
      const rolling = new RollingFiles(systemFiles)
      await rolling.append(path, 'one\n', 10)
      await rename(path, `${path}.old`)
      await rolling.append(path, 'two\n', 10)
      await rolling.append(path, 'six\n', 10)
      expect(await readFile(path, 'utf8')).toBe('two\nsix\n')
      expect(await readFile(`${path}.old`, 'utf8')).toBe('one\n')
      expect(await readdir(join(directory, 'deep', 'folder'))).toHaveLength(2)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

interface SweepCase {
  readonly name: string
  readonly path: string
  readonly policy: Partial<LoggingPolicy>
  readonly files: readonly string[]
  readonly left: readonly string[]
}

describe('sweepGeneral()', () => {
  const today = new Stamps().at(new FakeClock().wallMs(), undefined).day
  const filesWith = (...paths: readonly string[]): MemoryFiles => {
    const files = new MemoryFiles()
    for (const path of paths) files.texts.set(path, 'x'.repeat(1_048_576))
    return files
  }

  test.each([
    {
      name: 'A64: files of days that are too long ago go',
      path: './logs/a.log',
      policy: { fileAgeDaysMax: 7 },
      files: ['./logs/a_2020-01-01.log', './logs/a_2020-01-01.log.1', `./logs/a_${today}.log`],
      left: [`./logs/a_${today}.log`],
    },
    {
      name: 'A64: the oldest go when there is too much of them, part by part',
      path: './logs/a.log',
      policy: { totalBytesMax: 2 * 1_048_576 },
      files: [
        './logs/a_2020-01-02.log.1',
        './logs/a_2020-01-02.log.10',
        './logs/a_2020-01-02.log',
        './logs/a_2020-01-02.log.2',
      ],
      left: ['./logs/a_2020-01-02.log.10', './logs/a_2020-01-02.log.2'],
    },
    {
      name: 'the newest stays, however large it is',
      path: './logs/a.log',
      policy: { totalBytesMax: 1 },
      files: ['./logs/a_2020-01-02.log', './logs/a_2020-01-01.log'],
      left: ['./logs/a_2020-01-02.log'],
    },
    {
      name: 'files of others stay',
      path: './logs/a.log',
      policy: { fileAgeDaysMax: 1 },
      files: [
        './logs/b_2020-01-01.log',
        './logs/a_2020-01-01.log.gz',
        './logs/a_2020-01.log',
        './logs/aa_2020-01-01.log',
      ],
      left: [
        './logs/a_2020-01-01.log.gz',
        './logs/a_2020-01.log',
        './logs/aa_2020-01-01.log',
        './logs/b_2020-01-01.log',
      ],
    },
    {
      name: 'the day may be part of the name of a folder',
      path: './logs/{date}/a.log',
      policy: { fileAgeDaysMax: 1 },
      files: ['./logs/2020-01-01/a.log', './logs/2020-01-01/a.log.1', './logs/2020-01-01/mine', './logs/other/a.log'],
      left: ['./logs/2020-01-01/mine', './logs/other/a.log'],
    },
    {
      name: 'nothing goes unless it is wanted',
      path: './logs/a.log',
      policy: {},
      files: ['./logs/a_2020-01-01.log'],
      left: ['./logs/a_2020-01-01.log'],
    },
  ] satisfies readonly SweepCase[])('$name', async ({ path, policy, files: paths, left }: SweepCase) => {
    const files = filesWith(...paths)
    await sweepGeneral({
      policy: () => ({ ...plainPolicy, generalFile: path, ...policy }),
      files,
      clock: new FakeClock(),
    })
    expect([...files.texts.keys()].toSorted()).toEqual([...left])
  })
})
