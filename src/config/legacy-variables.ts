import { isBackendUrl, urlPhrase } from '#upstream/schema.ts'

/** Something about a variable, or another word from outside of any file, that must be told. */
export interface OutsideProblem {
  readonly severity: 'error' | 'warning' | 'note'
  /** Its name. */
  readonly name: string
  readonly message: string
}

/** Variables of the environment, in whatever letters they are written, and what is wrong with them. */
export class Variables {
  readonly problems: OutsideProblem[] = []
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #nameByCapitals: ReadonlyMap<string, string>

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env
    this.#nameByCapitals = new Map(Object.keys(env).map((name) => [name.toUpperCase(), name]))
  }

  /** The first of the names that is set and not empty, as it is written. */
  first(names: readonly string[]): string | undefined {
    return names.map((name) => this.#written(name)).find((name) => (this.#env[name] ?? '') !== '')
  }

  /** Its value without blanks around it; undefined when it is not set, or empty. */
  text(name: string): string | undefined {
    const value = this.#env[this.#written(name)]?.trim()
    return value === '' ? undefined : value
  }

  /** Texts with commas between them, as values of the configuration. */
  list(name: string): readonly string[] {
    const parts = (this.text(name) ?? '').split(',').map((part) => part.trim())
    return parts.filter((part) => part !== '').map(literal)
  }

  isSet(name: string): boolean {
    return this.#env[this.#written(name)] !== undefined
  }

  /** A reference to it, for values that must not stand in a text; undefined like {@link text}. */
  reference(name: string): string | undefined {
    return this.text(name) === undefined ? undefined : `\${${this.#written(name)}}`
  }

  /** A reference to it, as {@link reference}, when the address of a backend stands in it. */
  address(name: string): string | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    return isBackendUrl(text) ? this.reference(name) : this.#refuse(name, urlPhrase)
  }

  /** A number of seconds, with a fraction or without, as a duration. */
  seconds(name: string, min: number, max: number): string | undefined {
    const number = this.#number(name, min, max)
    return number === undefined ? undefined : `${Math.round(number * 1000)}ms`
  }

  count(name: string, min: number, max: number): number | undefined {
    const number = this.#number(name, min, max)
    if (number === undefined || Number.isInteger(number)) return number
    return this.#refuse(name, 'expected a whole number')
  }

  /** Kept between `min` and `max`, which is told. */
  clamped(name: string, min: number, max: number): number | undefined {
    const number = this.#number(name, -Infinity, Infinity)
    return number === undefined ? undefined : clampedSeconds(number, min, max, (message) => this.warn(name, message))
  }

  flag(name: string): boolean | undefined {
    const text = this.text(name)?.toLowerCase()
    if (text === undefined) return undefined
    const value = { '1': true, true: true, yes: true, on: true, '0': false, false: false, no: false, off: false }[text]
    return value ?? this.#refuse(name, 'expected true or false')
  }

  /** As `logging.level` has it. */
  level(name: string): LogLevel | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const level = logLevelOf(text)
    if (level === undefined) this.warn(name, 'expected DEBUG, INFO, WARNING or ERROR; INFO is used')
    return level
  }

  warn(name: string, message: string): void {
    this.problems.push({ severity: 'warning', name, message })
  }

  note(name: string, message: string): void {
    this.problems.push({ severity: 'note', name, message })
  }

  #written(name: string): string {
    return this.#env[name] === undefined ? (this.#nameByCapitals.get(name) ?? name) : name
  }

  #number(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const number = /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN
    if (number >= min && number <= max) return number
    return this.#refuse(name, Number.isFinite(min) ? `expected a number from ${min} to ${max}` : 'expected a number')
  }

  #refuse(name: string, message: string): undefined {
    this.problems.push({ severity: 'error', name, message: `${message}, not ${JSON.stringify(this.#shown(name))}` })
  }

  #shown(name: string): string {
    // An address may have a password in it.
    return (this.text(name) ?? '').replace(/\/\/[^/]*@/, '//…@').slice(0, 64)
  }
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** DEBUG, INFO, WARNING, ERROR and CRITICAL, in any letters; undefined for other words. */
export function logLevelOf(text: string): LogLevel | undefined {
  return logLevels[text.trim().toLowerCase()]
}

const logLevels: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  warn: 'warn',
  error: 'error',
  critical: 'error',
}

/** Seconds of silence on a client's connection, kept between bounds; `tell` hears of it when they are not. */
export function clampedSeconds(number: number, min: number, max: number, tell: (message: string) => void): number {
  const seconds = Math.min(Math.max(number, min), max)
  if (seconds !== number) tell(`${number} is not between ${min} and ${max} seconds, ${seconds} is used`)
  return seconds
}

/** What a client's connection may be silent for, as older programs name it, as keys of the configuration. */
export function clientTimeoutKeys(seconds: number): {
  readonly server: { readonly idle_timeout: string }
  readonly streaming: { readonly client_timeout: string }
} {
  return {
    server: { idle_timeout: `${Math.min(seconds, idleSecondsMax)}s` },
    streaming: { client_timeout: `${seconds}s` },
  }
}

/** The older programs made nobody rest: a request that has one backend alone goes there, whatever came of the last one. */
export const asksOnlyOne = { when_all_cooling: 'least_bad' } as const

/** Limit: seconds that a connection may be idle between two requests; the platform counts no further. */
export const idleSecondsMax = 255

/** Limits of what is accepted as a client's timeout. */
export const clientTimeoutBounds = { min: 1, max: 86_400 } as const

/** As a value of the configuration, in which a dollar sign means something. */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$')
}

/** The log file in a folder that is given by itself. */
export function logFileIn(directory: string): string {
  const folder = directory.replace(/[/\\]+$/, '')
  return `${folder}/llm-proxy.log`
}
