import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLogTail } from '#doctor/log-tail.ts'
import { snapshotOf } from '../../support/compiled.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-tail-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string, changedSeconds: number): void {
  writeFileSync(join(folder, name), text)
  utimesSync(join(folder, name), changedSeconds, changedSeconds)
}

async function tailOf(
  generalFile: string | undefined,
  level: 'info' | 'debug' = 'info',
): ReturnType<typeof readLogTail> {
  const general = generalFile === undefined ? {} : { general_file: join(folder, generalFile) }
  return await readLogTail(snapshotOf({ logging: { ...general, level } }).logging)
}

test.each([
  { generalFile: 'p.log', newest: 'p_2026-01-13.log.1' },
  { generalFile: '{date}-p.log', newest: '2026-01-14-p.log' },
])('readLogTail() takes the newest part of $generalFile', async ({ generalFile, newest }) => {
  write('p_2026-01-12.log', 'old\n', 100)
  write('p_2026-01-13.log', 'older\n', 200)
  write('p_2026-01-13.log.1', 'newest\n', 300)
  write('p_2026-01-13.log.bak', 'no log\n', 400)
  write('other_2026-01-13.log', 'no log\n', 400)
  write('2026-01-14-p.log', 'newest\n', 150)
  expect(await tailOf(generalFile)).toEqual({ file: join(folder, newest), lines: ['newest'] })
})

test('readLogTail() gives the last 200 lines, each whole', async () => {
  const lines = Array.from({ length: 9000 }, (_, index) => `line ${index} ${'x'.repeat(40)}`)
  write('p_2026-01-13.log', `${lines.join('\n')}\n`, 100)
  const tail = await tailOf('p.log')
  expect(typeof tail === 'string' ? tail : tail.lines).toEqual(lines.slice(-200))
})

test('readLogTail() gives no more than there is room for', async () => {
  write('p_2026-01-13.log', `${'x'.repeat(500_000)}\nlast\n`, 100)
  const tail = await tailOf('p.log')
  expect(typeof tail === 'string' ? tail : tail.lines).toEqual(['last'])
})

test.each([
  {
    name: 'there is no file',
    generalFile: undefined,
    says: 'there is no log file ("logging.general_file" is not set)',
  },
  { name: 'nothing was written', generalFile: 'none.log', says: /^there is no log file like .*none\.log yet$/ },
  { name: 'the folder is missing', generalFile: 'a/b/p.log', says: /^the log cannot be read: ENOENT/ },
])('readLogTail() says so when $name', async ({ generalFile, says }) => {
  expect(await tailOf(generalFile)).toEqual(typeof says === 'string' ? says : expect.stringMatching(says))
})

test('readLogTail() leaves out a log that holds texts of requests', async () => {
  write('p_2026-01-13.log', 'the prompt\n', 100)
  expect(await tailOf('p.log', 'debug')).toBe('the log is left out: at this level it holds the texts of requests')
})
