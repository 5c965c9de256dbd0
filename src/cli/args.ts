import { parseArgs } from 'node:util'

/** A flag that a command takes. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** May be given again and again, and every one counts. */
  readonly repeats?: boolean
  /** An address that may be left out: then the flag's value is empty. */
  readonly mayBeBare?: boolean
  /** For `--help`: placeholder of the value and what the flag does. */
  readonly value?: string
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

export interface ParsedArgs {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
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
      {
        type: flag.type,
        multiple: flag.repeats === true,
        ...(flag.short === undefined ? {} : { short: flag.short }),
      },
    ]),
  )
  try {
    const { values, positionals, tokens } = parseArgs({
      args: args.map((arg, index) => withValue(withTwoDashes(arg, flags), args[index + 1], flags)),
      options,
      strict: true,
      allowPositionals: true,
      tokens: true,
    })
    const seen = new Set<string>()
    const warnings: string[] = []
    for (const token of tokens) {
      if (token.kind !== 'option') continue
      if (seen.has(token.name) && flags[token.name]?.repeats !== true)
        warnings.push(`--${token.name} is given more than once: the last one counts`)
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

/** Every value of a flag that may be repeated. */
export function textsOf(parsed: ParsedArgs, name: string): readonly string[] {
  const value = parsed.values[name]
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

/** A flag whose address may be left out takes the next word only if it looks like one. */
function withValue(arg: string, next: string | undefined, flags: Flags): string {
  const isBare = flags[arg.slice('--'.length)]?.mayBeBare === true && arg.startsWith('--')
  return isBare && !(next !== undefined && address.test(next)) ? `${arg}=` : arg
}

// A name alone may as well be that of a file, and a number alone is taken so that it can be told what is wrong with it.
const address =
  /^(?:https?:\/\/|unix:|(?:(?:[\w.-]*|\[[\da-f:.]+\]):\d+|localhost|\d+(?:\.\d+){3}|\[[\da-f:.]+\]|\d{1,5})(?:\/\S*)?$)/i

/** Long names may be written with one dash, as Go programs take them; a bundle of short flags stays what it is. */
function withTwoDashes(arg: string, flags: Flags): string {
  const match = /^-([a-z][a-z-]+)(=.*)?$/s.exec(arg)
  return match?.[1] !== undefined && match[1] in flags ? `-${arg}` : arg
}
