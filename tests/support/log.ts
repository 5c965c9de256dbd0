import { Secret } from '#core/secret.ts'
import { createLog, type ProgramLog } from '#telemetry/log.ts'
import { Masker } from '#telemetry/mask.ts'
import type { LoggingPolicy } from '#telemetry/policy.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryFiles } from './memory-files.ts'

/** A log on a file system in memory and a clock that waits for the test. */
export interface LogBench {
  readonly log: ProgramLog
  readonly clock: FakeClock
  readonly files: MemoryFiles
  readonly masker: Masker
  /** May be replaced at any time, as a reload does. */
  policy: LoggingPolicy
  /** Everything the console was given. */
  readonly shown: () => string
  /** Lines of the console. */
  readonly lines: () => string[]
}

export const plainPolicy: LoggingPolicy = {
  level: 'info',
  format: 'text',
  language: 'en',
  zone: undefined,
  generalFile: './logs/proxy.log',
  separateFiles: false,
  requestDir: './logs/requests',
  errorDir: './logs/errors',
  maskSensitive: true,
  metricsLines: false,
  fileBytesMax: 100_000_000,
  fileAgeDaysMax: 0,
  totalBytesMax: 0,
  mergedRequests: false,
  dumps: undefined,
}

export interface LogBenchOptions {
  readonly policy?: Partial<LoggingPolicy>
  readonly secrets?: readonly string[]
  readonly colour?: boolean
  readonly brokenConsole?: boolean
  /** When it is, at first. */
  readonly wallMs?: number
  /** Resolves when the console takes what it was given. */
  readonly consoleTakes?: () => Promise<void>
}

/** A log to try things on. */
export function logBench({
  policy = {},
  secrets = [],
  colour = false,
  brokenConsole = false,
  wallMs,
  consoleTakes = async () => {},
}: LogBenchOptions = {}): LogBench {
  const clock = new FakeClock(wallMs)
  const files = new MemoryFiles()
  const hidden = secrets.map((secret) => new Secret(secret))
  const masker = new Masker(() => hidden)
  const pieces: string[] = []
  const log = createLog({
    policy: () => bench.policy,
    masker,
    files,
    clock,
    console: {
      async write(text) {
        if (brokenConsole) throw new Error('EPIPE: the reader is gone')
        pieces.push(text)
        await consoleTakes()
      },
    },
    colour,
  })
  const bench: LogBench = {
    log,
    clock,
    files,
    masker,
    policy: { ...plainPolicy, ...policy },
    shown: () => pieces.join(''),
    lines: () => pieces.join('').split('\n').slice(0, -1),
  }
  return bench
}
