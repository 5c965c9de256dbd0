import type { Cap, ValidationSettings } from './schema.ts'

/** What clients may ask for. What is undefined is not looked at. */
export interface Guards {
  readonly checksShape: boolean
  readonly messagesMax: number | undefined
  readonly messageLengthMax: number | undefined
  readonly caps: Caps | undefined
}

/** By what the number means; its names in each form stand in `words.ts`. */
export type Caps = Readonly<Partial<Record<CapName, Cap>>>

export type CapName = 'n' | 'bestOf' | 'maxTokens' | 'logprobs'

/** The `validation` section, compiled; undefined: nothing is looked at. */
export function compileGuards(settings: ValidationSettings | undefined): Guards | undefined {
  if (settings === undefined) return undefined
  const { schema: checksShape, max_messages: messagesMax, max_message_length: lengthMax, caps } = settings
  const { n, best_of: bestOf, max_tokens: maxTokens, logprobs } = caps
  const hasCaps = [n, bestOf, maxTokens, logprobs].some((cap) => cap !== undefined)
  if (!checksShape && messagesMax === 0 && lengthMax === 0 && !hasCaps) return undefined
  return {
    checksShape,
    messagesMax: messagesMax === 0 ? undefined : messagesMax,
    messageLengthMax: lengthMax === 0 ? undefined : lengthMax,
    caps: hasCaps
      ? {
          ...(n && { n }),
          ...(bestOf && { bestOf }),
          ...(maxTokens && { maxTokens }),
          ...(logprobs && { logprobs }),
        }
      : undefined,
  }
}
