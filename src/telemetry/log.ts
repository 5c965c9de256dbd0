import type { Clock } from '#ports/clock.ts'
import type { Files } from '#ports/files.ts'
import type { EventName, Level, Log, LogFields } from '#ports/log.ts'
import { Lane, type LaneSizes } from './lane.ts'
import { jsonLine, levelTags, showing, stampText, textLine, type Showing } from './line.ts'
import type { Masker } from './mask.ts'
import type { LoggingPolicy } from './policy.ts'
import { datedPath, RollingFiles } from './rotate.ts'
import { SheetWriter, type Sheet } from './sheet.ts'
import { Stamps, type Stamp } from './stamp.ts'

/** What the log is built from. */
export interface LogOptions {
  /** Read at each record, so that a reload takes effect at once. */
  readonly policy: () => LoggingPolicy
  readonly masker: Masker
  readonly files: Files
  readonly clock: Clock
  readonly console: Console
  /** Colours for people: wanted, and the console is a terminal. */
  readonly colour: boolean
}

/** Where lines are shown. */
export interface Console {
  /** Resolves when the text is taken: what comes meanwhile waits in the log, which has a limit. */
  write(text: string): Promise<void>
}

/** The log of the program, with the keys to its background work. */
export interface ProgramLog extends Log {
  /** Keeps a file of its own, written in the background; `render` runs there too. `weight` is what it holds in memory. */
  keepFile(path: string, weight: number, render: () => string): void
  /** The day that names files, by the wall clock and in the zone of the policy. */
  day(): string
  /** Records that were lost since the start. */
  readonly dropped: number
  /** Resolves when every record so far was written or tried. */
  flush(): Promise<void>
  /** The last flush; what is written afterwards goes to the console only. */
  close(): Promise<void>
}

/** Opens the log. Nothing is written before the first record, and no timer runs while nothing waits. */
export function createLog(options: LogOptions): ProgramLog {
  return new BackgroundLog(options)
}

// Limit: what may wait while a destination is slow or broken; beyond it, sheets without a warning are dropped first.
const limits = { countMax: 20_000, weightMax: 8_000_000 }
const generalSizes: LaneSizes = { limits, startWeight: 1, batchWeight: 1_000_000, triesMax: Infinity }
const consoleSizes: LaneSizes = { ...generalSizes, triesMax: 1 }

/** Files of requests, one at a time; a file that fails is given up, because the next one may well be written. */
const ownFileSizes: LaneSizes = {
  limits: { countMax: 2000, weightMax: 32_000_000 },
  startWeight: 65_536,
  batchWeight: 1,
  triesMax: 1,
}

/** Limit: milliseconds that closing waits for a file system that does not answer, and then for a console. */
const closeMsMax = 3000

const ranks: Readonly<Record<Level, number>> = { error: 0, warn: 1, info: 2, debug: 3 }

const colours: Readonly<Record<Level, string>> = {
  error: '\u001b[31m[ERROR]\u001b[0m',
  warn: '\u001b[33m[WARN]\u001b[0m',
  info: '\u001b[32m[INFO]\u001b[0m',
  debug: '\u001b[90m[DEBUG]\u001b[0m',
}

interface OwnFile {
  readonly path: string
  readonly render: () => string
}

/**
 * A record of the first moments. Its line is made when it is sent: with the first local time the platform reads the
 * rules of all time zones, which takes longer than a first answer should wait.
 */
interface Early {
  readonly wallMs: number
  readonly level: Level
  readonly event: EventName
  readonly fields: LogFields
}

/** Milliseconds that the first records wait; as long as any record waits for company. */
const earlyMs = 100

/** Limit: records that wait so. */
const earlyMax = 1000

const showPlain = showing(undefined)

class BackgroundLog implements ProgramLog {
  readonly #options: LogOptions
  readonly #stamps = new Stamps()
  readonly #rolling: RollingFiles
  /** For the file, and for the console as well where that shows the same. */
  readonly #plain: SheetWriter
  readonly #coloured: SheetWriter | undefined
  readonly #console: Lane<Sheet>
  readonly #general: Lane<Sheet>
  readonly #ownFiles: Lane<OwnFile>
  readonly #showMasked: Showing
  /** The first records, see {@link Early}; undefined when they are written. */
  #early: Early[] | undefined = []
  #cancelEarly: (() => void) | undefined
  #isClosed = false

  constructor(options: LogOptions) {
    this.#options = options
    this.#showMasked = showing(options.masker)
    this.#rolling = new RollingFiles(options.files)
    this.#console = this.#lane(
      consoleSizes,
      () => 'console',
      ({ count }) => count,
      async (batch) => await options.console.write(textOf(batch)),
    )
    this.#general = this.#lane(
      generalSizes,
      () => options.policy().generalFile ?? 'general_file',
      ({ count }) => count,
      async (batch) => await this.#writeGeneral(batch),
    )
    this.#ownFiles = this.#lane(
      ownFileSizes,
      () => 'request files',
      () => 1,
      async (batch) => await this.#writeOwn(batch),
    )
    const show = (sheet: Sheet): void => this.#console.push(sheet, sheet.text.length, sheet.isImportant)
    this.#coloured = options.colour ? new SheetWriter(options.clock, show) : undefined
    this.#plain = new SheetWriter(options.clock, (sheet) => {
      if (!options.colour) show(sheet)
      if (options.policy().generalFile !== undefined) this.#general.push(sheet, sheet.text.length, sheet.isImportant)
    })
  }

  keeps(level: Level): boolean {
    return ranks[level] <= ranks[this.#options.policy().level]
  }

  write(level: Level, event: EventName, fields: LogFields = {}): void {
    const policy = this.#options.policy()
    if (ranks[level] > ranks[policy.level]) return
    const wallMs = this.#options.clock.wallMs()
    if (this.#early === undefined) this.#add(policy, wallMs, level, event, fields)
    else this.#keepEarly(this.#early, { wallMs, level, event, fields })
  }

  #add(policy: LoggingPolicy, wallMs: number, level: Level, event: EventName, fields: LogFields): void {
    const stamp = this.#stamps.at(wallMs, policy.zone)
    const show = policy.maskSensitive ? this.#showMasked : showPlain
    if (policy.format === 'json') {
      const time = this.#stamps.exactAt(wallMs, policy.zone)
      const line = jsonLine(time, level, policy.language, event, fields, show.raw)
      this.#push(policy, stamp, level, line, line)
      return
    }
    const time = stampText(stamp, policy.language)
    const rest = textLine(policy.language, event, fields, show)
    const line = time + levelTags[level] + rest
    this.#push(policy, stamp, level, line, this.#options.colour ? time + colours[level] + rest : line)
  }

  keepFile(path: string, weight: number, render: () => string): void {
    if (!this.#isClosed) this.#ownFiles.push({ path, render }, weight, false)
  }

  day(): string {
    return this.#stamps.at(this.#options.clock.wallMs(), this.#options.policy().zone).day
  }

  get dropped(): number {
    return this.#console.dropped + this.#general.dropped + this.#ownFiles.dropped
  }

  async flush(): Promise<void> {
    this.#sendSheets()
    await Promise.all([this.#general.flush(), this.#ownFiles.flush(), this.#console.flush()])
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    const lost = await this.#inTime(this.#closeFiles())
    if (lost !== 0) this.write('warn', 'log_dropped', { count: lost ?? 'all that waited' })
    this.#isClosed = true
    this.#sendSheets()
    await this.#inTime(this.#console.close())
  }

  /** Resolves with the number of records that did not get into files. */
  async #closeFiles(): Promise<number> {
    this.#sendSheets()
    await this.#general.flush()
    // The last write may itself have caused a record, such as that writing works again.
    this.#sendSheets()
    const lost = await Promise.all([this.#general.close(), this.#ownFiles.close()])
    return lost[0] + lost[1]
  }

  #keepEarly(early: Early[], record: Early): void {
    early.push(record)
    this.#cancelEarly ??= this.#options.clock.after(earlyMs, () => this.#sendSheets())
    if (early.length >= earlyMax) this.#addEarly()
  }

  #addEarly(): void {
    const early = this.#early
    if (early === undefined) return
    this.#early = undefined
    this.#cancelEarly?.()
    const policy = this.#options.policy()
    for (const { wallMs, level, event, fields } of early) this.#add(policy, wallMs, level, event, fields)
  }

  #sendSheets(): void {
    this.#addEarly()
    this.#plain.send()
    this.#coloured?.send()
  }

  /** What `work` gives, or undefined when it takes too long. */
  async #inTime<T>(work: Promise<T>): Promise<T | undefined> {
    const timeUp = new AbortController()
    const done = await Promise.race([work, this.#options.clock.sleep(closeMsMax, timeUp.signal)])
    timeUp.abort()
    return done ?? undefined
  }

  #push(policy: LoggingPolicy, stamp: Stamp, level: Level, line: string, shownLine: string): void {
    if (this.#isClosed) return void this.#showLate(shownLine)
    const isImportant = ranks[level] <= ranks.warn
    this.#coloured?.add(stamp.day, shownLine, isImportant)
    if (this.#coloured === undefined || policy.generalFile !== undefined) this.#plain.add(stamp.day, line, isImportant)
  }

  async #showLate(line: string): Promise<void> {
    try {
      await this.#options.console.write(line)
    } catch {
      // Nobody reads, and there is no other place any more.
      return
    }
  }

  /** Into the file of today's policy: records that wait while a disk is full move with a reload to a better place. */
  async #writeGeneral(batch: readonly Sheet[]): Promise<void> {
    const { generalFile, fileBytesMax } = this.#options.policy()
    if (generalFile === undefined) return
    for (const [day, text] of byDay(batch)) {
      await this.#rolling.append(datedPath(generalFile, day), text, fileBytesMax)
    }
  }

  async #writeOwn(batch: readonly OwnFile[]): Promise<void> {
    for (const { path, render } of batch) await this.#options.files.append(path, render())
  }

  #lane<T>(
    sizes: LaneSizes,
    file: () => string,
    countOf: (value: T) => number,
    write: (batch: readonly T[]) => Promise<void>,
  ): Lane<T> {
    return new Lane<T>({
      ...sizes,
      clock: this.#options.clock,
      countOf,
      write,
      onFailed: (reason) => this.write('error', 'log_failed', { file: file(), reason }),
      onRecovered: () => this.write('warn', 'log_recovered', { file: file() }),
      onDropped: (count) => this.write('warn', 'log_dropped', { file: file(), count }),
    })
  }
}

function textOf(batch: readonly Sheet[]): string {
  let all = ''
  for (const { text } of batch) all += text
  return all
}

/** The text of each day; a batch rarely holds more than one day. */
function byDay(batch: readonly Sheet[]): Map<string, string> {
  const days = new Map<string, string>()
  for (const { day, text } of batch) days.set(day, (days.get(day) ?? '') + text)
  return days
}
