import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database, SQLQueryBindings } from 'bun:sqlite'
import type { Ledger, LedgerChanges, LedgerRow } from './ledger.ts'
import { blankTally, tallyNames, type Tally } from './tally.ts'

/** The form of the file; one of a later form is left alone. */
const formNumber = 1

/** Limit: milliseconds that a write waits for another process, and all requests with it; then it is tried a second later. */
const busyMs = 20

/** Limit: rows that are read. */
const rowsMax = 50_000

/** Milliseconds by which the clocks of processes of one machine may seem to differ. */
const overlapMs = 5000

/**
 * The sums of a ledger in an SQLite file. It is written by several processes, each of which adds what it saw itself, and
 * reads what the others added.
 */
export class LedgerFile {
  readonly #database: Database
  readonly #ledger: Ledger
  /** Of the file, as of the last look: another one when somebody else wrote. */
  #seenVersion: unknown
  #seenMs = 0

  /** Throws what SQLite says when the file cannot be had, or is none. */
  static async open(path: string, ledger: Ledger): Promise<LedgerFile> {
    const { Database } = await import('bun:sqlite')
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
    const database = new Database(path, { create: true, strict: true })
    try {
      database.run(`PRAGMA busy_timeout = ${busyMs}`)
      const form = numberIn(database.query('PRAGMA user_version').get(), 'user_version')
      if (form > formNumber) throw new Error('a later version of llm-proxy wrote it')
      database.run('PRAGMA journal_mode = WAL')
      database.run('PRAGMA synchronous = NORMAL')
      database
        .transaction(() => {
          for (const statement of statements) database.run(statement)
          database.run(`PRAGMA user_version = ${formNumber}`)
        })
        .immediate()
    } catch (error) {
      database.close()
      throw error
    }
    return new LedgerFile(database, ledger)
  }

  private constructor(database: Database, ledger: Ledger) {
    this.#database = database
    this.#ledger = ledger
  }

  /** Adds to the file what changed in the ledger. Throws when that is not possible now; nothing is lost then. */
  write(nowWallMs: number): void {
    const changes = this.#ledger.takeChanges()
    if (changes === undefined || changes.rows.size === 0) return
    try {
      this.#add(changes, Math.floor(nowWallMs))
    } catch (error) {
      this.#ledger.giveBack(changes)
      throw error
    }
  }

  /** Brings the ledger what others added to the file; false: they did not. Only right behind a write is all of ours in it. */
  read(nowWallMs: number): boolean {
    if (this.#ledger.hasChanges) return false
    const version = this.#version()
    if (version === this.#seenVersion) return false
    const since = this.#seenMs - overlapMs
    this.#seenMs = nowWallMs
    this.#seenVersion = version
    for (const found of this.#database.query(readRows).all(since)) this.#ledger.replace(rowIn(found))
    for (const found of this.#database.query(readHours).all(since)) {
      this.#ledger.replaceHour({ hour: textIn(found, 'hour'), tally: tallyIn(found) })
    }
    return true
  }

  forgetBefore(day: string): void {
    this.#database.run('DELETE FROM usage_daily WHERE day < ?', [day])
    this.#database.run(
      'DELETE FROM usage_hourly WHERE hour NOT IN (SELECT hour FROM usage_hourly ORDER BY hour DESC LIMIT 168)',
    )
  }

  close(): void {
    this.#database.close()
  }

  #version(): number {
    return numberIn(this.#database.query('PRAGMA data_version').get(), 'data_version')
  }

  #add({ rows, hours }: LedgerChanges, nowWallMs: number): void {
    const row = this.#database.query(addRow)
    const hour = this.#database.query(addHour)
    this.#database
      .transaction(() => {
        for (const { day, caller, alias, backend, model, tally } of rows.values()) {
          row.run(day, caller, alias, backend, model, ...valuesOf(tally), nowWallMs)
        }
        for (const { hour: name, tally } of hours.values()) hour.run(name, ...valuesOf(tally), nowWallMs)
      })
      .immediate()
  }
}

const columns = tallyNames.map((name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
const columnByName = new Map(tallyNames.map((name, at) => [name, columns[at] ?? name]))

function tableOf(name: string, keys: readonly string[]): string {
  const own = keys.map((key) => `${key} TEXT NOT NULL`)
  const sums = columns.map((column) => `${column} REAL NOT NULL DEFAULT 0`)
  const parts = [...own, ...sums, 'updated_ms INTEGER NOT NULL', `PRIMARY KEY (${keys.join(', ')})`]
  return `CREATE TABLE IF NOT EXISTS ${name} (${parts.join(', ')}) WITHOUT ROWID`
}

function addingTo(name: string, keys: readonly string[]): string {
  const all = [...keys, ...columns, 'updated_ms']
  const added = columns.map((column) => `${column} = ${column} + excluded.${column}`)
  return (
    `INSERT INTO ${name} (${all.join(', ')}) VALUES (${all.map(() => '?').join(', ')}) ` +
    `ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${added.join(', ')}, updated_ms = excluded.updated_ms`
  )
}

const keysOfRow = ['day', 'caller', 'alias', 'backend', 'model'] as const

const statements = [
  tableOf('usage_daily', keysOfRow),
  tableOf('usage_hourly', ['hour']),
  'CREATE INDEX IF NOT EXISTS usage_daily_updated ON usage_daily (updated_ms)',
]
const addRow = addingTo('usage_daily', keysOfRow)
const addHour = addingTo('usage_hourly', ['hour'])
const readRows = `SELECT * FROM usage_daily WHERE updated_ms >= ? ORDER BY day DESC LIMIT ${rowsMax}`
const readHours = 'SELECT * FROM usage_hourly WHERE updated_ms >= ? ORDER BY hour DESC LIMIT 168'

function valuesOf(tally: Tally): SQLQueryBindings[] {
  return tallyNames.map((name) => tally[name])
}

function rowIn(found: unknown): LedgerRow {
  return {
    day: textIn(found, 'day'),
    caller: textIn(found, 'caller'),
    alias: textIn(found, 'alias'),
    backend: textIn(found, 'backend'),
    model: textIn(found, 'model'),
    tally: tallyIn(found),
  }
}

function tallyIn(found: unknown): Tally {
  const tally = blankTally()
  for (const name of tallyNames) tally[name] = numberIn(found, columnByName.get(name) ?? name)
  return tally
}

function textIn(found: unknown, name: string): string {
  const value: unknown = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined
  return typeof value === 'string' ? value : ''
}

function numberIn(found: unknown, name: string): number {
  const value: unknown = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
