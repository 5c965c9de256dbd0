import type { Call } from '#core/call.ts'
import type { CompatPolicy } from '#core/compat.ts'
import type { Protocol } from '#core/dialect.ts'
import type { Profile } from '#core/profile.ts'
import type { Form, Talk } from '#core/talk.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import type { Carrier } from './carrier.ts'
import type { IdSource, Recall } from './codec.ts'
import type { FetchMedia } from './fetched-media.ts'
import type { Notes, Rejection } from './notes.ts'
import type { Answered } from './recall.ts'
import type { Codecs } from './registry.ts'

/** A call that a backend has to be asked in another form than the client's. */
export interface Asked {
  readonly call: Call
  readonly talk: Talk
  /** Of the backend. */
  readonly form: Form
  /** The backend's name of the model. */
  readonly model: string
  /** For messages to people. */
  readonly backend: string
  readonly protocol: Protocol
  readonly profile: Profile
  readonly policy: CompatPolicy
  readonly requestId: string
  /** An error of the backend has taught how it wants to be asked. */
  readonly isRepaired?: boolean | undefined
  /** What a cloud puts around the form. */
  readonly carrier?: Carrier | undefined
}

/** What translating needs of the world. */
export interface TranslateMeans {
  readonly ids: IdSource
  readonly clock: Pick<Clock, 'wallMs'>
  /** Absent: files by address are for those backends alone that fetch them. */
  readonly fetchMedia?: FetchMedia | undefined
  /** What the client's tenant was answered earlier. */
  readonly recall?: Recall | undefined
  /** Is told every answer that came to its end. */
  readonly remember?: ((answered: Answered) => void) | undefined
  /** With the converters of the config; absent: those that are known. */
  readonly codecs?: Codecs | undefined
}

export interface Translation {
  /** To be sent in place of the client's. */
  readonly call: Call
  /** The backend's response as one in the client's form. */
  readonly answer: (response: IncomingResponse) => IncomingResponse
  readonly warnings: Notes
  /** The answer, where nobody has to be asked for it. */
  readonly local?: IncomingResponse | undefined
}

/** A talk that nobody here can translate. */
export function reject(message: string): Rejection {
  return { kind: 'rejection', field: '', message }
}
