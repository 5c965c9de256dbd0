import type { ToldUsage } from '#core/usage.ts'
import { believed } from '#wire/usage-fields.ts'
import type { Usage } from './common.ts'
import { mergedUsage } from './fold.ts'

/** What a backend told of its usage, for those who count: the client's form may hide it, or tell a guess in its place. */
export class UsageNote {
  #usage: Usage | undefined

  take(usage: Usage | undefined): void {
    if (usage !== undefined) this.#usage = this.#usage === undefined ? usage : mergedUsage(this.#usage, usage)
  }

  get told(): ToldUsage | undefined {
    if (this.#usage === undefined) return undefined
    const { input, output, cacheRead, cacheWrite, reasoning } = this.#usage
    return believed(input, output, { cached: cacheRead, cacheWrite, reasoning })
  }
}

/** The same of several requests that make one. What only some of them told is no sum. */
export class UsageSum {
  readonly #notes: readonly UsageNote[]

  constructor(notes: readonly UsageNote[]) {
    this.#notes = notes
  }

  get told(): ToldUsage | undefined {
    const sum: Partial<Record<keyof ToldUsage, number>> = {}
    for (const { told } of this.#notes) {
      if (told === undefined) return undefined
      for (const name of names) {
        const count = told[name]
        if (count !== undefined) sum[name] = (sum[name] ?? 0) + count
      }
    }
    return sum
  }
}

const names = [
  'inputTokens',
  'outputTokens',
  'cachedTokens',
  'cacheWriteTokens',
  'reasoningTokens',
] as const satisfies readonly (keyof ToldUsage)[]
