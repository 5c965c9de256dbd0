import { afterAll, describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '#ports/log.ts'
import { LedgerKeeper } from '#usage/keep-ledger.ts'
import { LedgerFile } from '#usage/ledger-file.ts'
import { Ledger } from '#usage/ledger.ts'
import { eventually } from '../../support/eventually.ts'
import { settledExchange } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const folder = mkdtempSync(join(tmpdir(), 'ledger-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const newPath = (): string => join(folder, `deeper-${(files += 1)}`, 'usage.db')

const usage = { inputTokens: 10, outputTokens: 5, source: 'upstream' } as const
const hourOf = (): string => '2026-01-13 09'

function one(ledger: Ledger, caller = 'default'): void {
  ledger.settled(settledExchange({ usage, costUsd: 0.5, caller }))
}

function sums(ledger: Ledger): unknown[] {
  return [...ledger.rows].map(({ caller, tally }) => [caller, tally.requests, tally.inputTokens, tally.costUsd])
}

test('A67: sums outlive the process that made them', async () => {
  const path = newPath()
  const first = new Ledger(hourOf)
  first.follow()
  one(first)
  const file = await LedgerFile.open(path, first)
  file.write(1000)
  one(first)
  file.write(2000)
  file.close()
  const next = new Ledger(hourOf)
  next.follow()
  const again = await LedgerFile.open(path, next)
  again.read(3000)
  expect(sums(next)).toEqual([['default', 2, 20, 1]])
  expect(next.hours.map(({ hour, tally }) => [hour, tally.requests])).toEqual([['2026-01-13 09', 2]])
  again.close()
})

test('who goes by what others add is told when they did, also where it was read for somebody else, and at no other time', async () => {
  const path = newPath()
  const [mine, theirs] = [new Ledger(hourOf), new Ledger(hourOf)]
  theirs.follow()
  const other = await LedgerFile.open(path, theirs)
  const clock = new FakeClock()
  let told = 0
  const log: Log = { write: () => undefined, keeps: () => false }
  const onRead = (): void => void (told += 1)
  const keeper = new LedgerKeeper(path, {
    clock,
    log,
    ledger: mine,
    firstDay: () => '2026-01-01',
    onRead,
    wantsNews: () => true,
  })
  keeper.start()
  await eventually(() => told === 1)
  one(mine)
  await clock.advance(5000)
  expect(told).toBe(1)
  one(theirs)
  other.write(6000)
  keeper.refresh()
  expect(told).toBe(2)
  await clock.advance(1000)
  expect(told).toBe(2)
  one(theirs)
  other.write(7000)
  await clock.advance(1000)
  expect(told).toBe(3)
  keeper.stop()
  other.close()
})

test('several processes add to one file, and each tells the sums of all', async () => {
  const path = newPath()
  const ledgers = [new Ledger(hourOf), new Ledger(hourOf)] as const
  for (const ledger of ledgers) ledger.follow()
  const [a, b] = [await LedgerFile.open(path, ledgers[0]), await LedgerFile.open(path, ledgers[1])]
  for (let round = 0; round < 3; round++) {
    one(ledgers[0])
    one(ledgers[1])
    one(ledgers[1], 'team-b')
    a.write(round * 1000)
    b.write(round * 1000)
    a.read(round * 1000)
    b.read(round * 1000)
  }
  const all = [
    ['default', 6, 60, 3],
    ['team-b', 3, 30, 1.5],
  ]
  a.read(9000)
  expect(sums(ledgers[0])).toEqual(all)
  expect(sums(ledgers[1])).toEqual(all)
  a.close()
  b.close()
})

test('usage.retention_days: older days are dropped', async () => {
  const path = newPath()
  let day = '2026-01-01'
  const ledger = new Ledger(() => `${day} 09`)
  ledger.follow()
  one(ledger)
  day = '2026-01-13'
  one(ledger)
  const file = await LedgerFile.open(path, ledger)
  file.write(1000)
  file.forgetBefore('2026-01-10')
  file.close()
  const next = new Ledger(hourOf)
  const again = await LedgerFile.open(path, next)
  again.read(2000)
  expect([...next.rows].map((row) => row.day)).toEqual(['2026-01-13'])
  again.close()
})

interface Kept {
  readonly keeper: LedgerKeeper
  readonly ledger: Ledger
  readonly clock: FakeClock
  readonly events: string[]
}

function keep(path: string): Kept {
  const clock = new FakeClock()
  const ledger = new Ledger(hourOf)
  const events: string[] = []
  const log: Log = { write: (_level, event) => void events.push(event), keeps: () => true }
  const keeper = new LedgerKeeper(path, { clock, log, ledger, firstDay: () => '2026-01-01' })
  keeper.start()
  return { keeper, ledger, clock, events }
}

/** Seconds pass, with what takes no time of the clock in between. */
async function letPass(clock: FakeClock, isEnough: () => boolean): Promise<void> {
  for (let seconds = 0; seconds < 100 && !isEnough(); seconds++) {
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(1000)
  }
  expect(isEnough()).toBe(true)
}

/** What stands in the file. */
function inFile(path: string): unknown {
  try {
    const database = new Database(path, { readonly: true })
    const found = database.query('SELECT SUM(requests) AS requests FROM usage_daily').get()
    database.close()
    return typeof found === 'object' && found !== null ? Reflect.get(found, 'requests') : undefined
  } catch {
    return undefined
  }
}

describe('LedgerKeeper', () => {
  test('writes what came once a second, and the rest when it stops', async () => {
    const path = newPath()
    const { keeper, ledger, clock, events } = keep(path)
    one(ledger)
    await letPass(clock, () => inFile(path) === 1)
    one(ledger)
    keeper.stop()
    expect(inFile(path)).toBe(2)
    expect(events).toEqual([])
  })

  test.each([
    {
      name: 'is no database',
      make: (path: string) => writeFileSync(path, 'this is not a database, whatever its name says '.repeat(99)),
    },
    {
      name: 'is of a later version',
      make: (path: string) => {
        const database = new Database(path, { create: true })
        database.run('PRAGMA user_version = 99')
        database.close()
      },
    },
  ])('goes on in memory, and says so once, where the file $name', async ({ make }) => {
    const path = join(folder, `odd-${(files += 1)}.db`)
    make(path)
    const { keeper, ledger, clock, events } = keep(path)
    await eventually(() => events.length > 0)
    await clock.advance(5000)
    one(ledger)
    keeper.refresh()
    keeper.stop()
    expect(events).toEqual(['usage_file_unusable'])
    expect(sums(ledger)).toEqual([['default', 1, 10, 0.5]])
  })

  test('waits for a file that another process holds, and loses nothing', async () => {
    const path = newPath()
    const { keeper, ledger, clock, events } = keep(path)
    await letPass(clock, () => inFile(path) === null)
    const other = new Database(path)
    other.run('BEGIN IMMEDIATE')
    one(ledger)
    await clock.advance(1000)
    expect(events).toEqual(['log_failed'])
    other.run('COMMIT')
    other.close()
    one(ledger)
    await clock.advance(1000)
    expect(events).toEqual(['log_failed', 'log_recovered'])
    expect(inFile(path)).toBe(2)
    keeper.stop()
  })
})
