import type { Protocol } from '#core/dialect.ts'
import type { ProfileOverrides, ReasoningProfile } from '#core/profile.ts'

/** What is known of models by their names, where a form, and maybe a protocol, is spoken. */
export interface NameRow {
  readonly form: string
  readonly protocols?: readonly Protocol[]
  /** Beginnings of names, or globs with `*`, apart by blanks; the longest of all rows is heard last. */
  readonly names: string
  readonly says: ProfileOverrides
}

export const textOnly: ReadonlySet<never> = new Set<never>()

/** Of models that always think, and cannot be told how much. */
export const alwaysThinking = {
  style: 'none',
  canBeOff: false,
  isOnByDefault: true,
} as const satisfies Partial<ReasoningProfile>
