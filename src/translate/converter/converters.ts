import type { ProfileOverrides } from '#core/profile.ts'
import type { Form } from '#core/talk.ts'
import type { Codecs } from '#translate/registry.ts'

/** The converters of a configuration, ready to be asked. */
export interface Converters {
  readonly byName: ReadonlyMap<string, NamedConverter>
  /** Those that need none, too. */
  readonly codecs: Codecs
}

export interface NamedConverter {
  readonly form: Form
  /** What the provider can be told. */
  readonly profile: ProfileOverrides
  /** Of everything that the file is made of. */
  readonly digest: string
}
