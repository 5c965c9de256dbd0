import type { Level } from '#ports/log.ts'

/** The `logging` section, compiled. Sizes in bytes; paths as written, relative to the working directory. */
export interface LoggingPolicy {
  readonly level: Level
  readonly format: 'text' | 'json'
  readonly language: 'en' | 'zh'
  /** Of times and days: a name that the platform knows; undefined = that of the machine. */
  readonly zone: string | undefined
  /** Undefined = console only. */
  readonly generalFile: string | undefined
  /** One file per request in `requestDir`, and a copy in `errorDir` when it failed. */
  readonly separateFiles: boolean
  readonly requestDir: string
  readonly errorDir: string
  readonly maskSensitive: boolean
  readonly metricsLines: boolean
  readonly fileBytesMax: number
  /** Files of the general log are deleted when they are older; 0 = never. */
  readonly fileAgeDaysMax: number
  /** Of all files of the general log together; 0 = no limit. */
  readonly totalBytesMax: number
  /** The whole request block in the general log; only without separate files. */
  readonly mergedRequests: boolean
  /** HTTP dumps and the request diff, or undefined = off. */
  readonly dumps: DumpPolicy | undefined
}

export interface DumpPolicy {
  readonly directory: string
  /** Bodies too, or heads only. */
  readonly includeBody: boolean
  /** 0 = kept forever. */
  readonly ageDaysMax: number
}

/** True when exchanges must carry headers and bodies for the log. */
export function keepsRequests(policy: LoggingPolicy): boolean {
  return policy.separateFiles || policy.mergedRequests || policy.dumps !== undefined
}
