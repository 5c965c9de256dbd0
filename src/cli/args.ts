import { parseArgs } from 'node:util'

/** A flag that a command takes. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** For `--help`: placeholder of the value and what the flag does. */
  readonly value?: string
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

export interface ParsedArgs {
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  readonly positionals: readonly string[]
  /** Things that were understood, but are likely not what was meant. */
  readonly warnings: readonly string[]
}

/**
 * Reads a command's flags. `-config x`, `--config x`, `-config=x`, `--config=x` and `-c x` all mean the same.
 * Returns a sentence about what is wrong when a flag is unknown or lacks its value.
 */
export function readArgs(args: readonly string[], flags: Flags): ParsedArgs | string {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      { type: flag.type, ...(flag.short === undefined ? {} : { short: flag.short }) },
    ]),
  )
  try {
    const { values, positionals, tokens } = parseArgs({
      args: args.map((arg) => withTwoDashes(arg, flags)),
      options,
      strict: true,
      allowPositionals: true,
      tokens: true,
    })
    const seen = new Set<string>()
    const warnings: string[] = []
    for (const token of tokens) {
      if (token.kind !== 'option') continue
      if (seen.has(token.name)) warnings.push(`--${token.name} is given more than once: the last one counts`)
      seen.add(token.name)
    }
    return { values, positionals, warnings }
  } catch (error) {
    return error instanceof Error
      ? (error.message.split('\n', 1)[0] ?? '').replace(/\. To specify.*$/, '')
      : String(error)
  }
}

/** The text value of a flag; undefined when it was not given. */
export function textOf(parsed: ParsedArgs, name: string): string | undefined {
  const value = parsed.values[name]
  return typeof value === 'string' ? value : undefined
}

/** Long names may be written with one dash, as Go programs take them; a bundle of short flags stays what it is. */
function withTwoDashes(arg: string, flags: Flags): string {
  const match = /^-([a-z][a-z-]+)(=.*)?$/s.exec(arg)
  return match?.[1] !== undefined && match[1] in flags ? `-${arg}` : arg
}
