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
import type { UsageNote } from './usage-note.ts'

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
  /** Where one request of the backend's is too little for what the client asks: those that go out in place of `call`. */
  readonly parts?: Parts | undefined
  /** What the backend tells of its usage; absent where the client's bytes tell it as they are. */
  readonly usage?: Pick<UsageNote, 'told'> | undefined
}

/** Several requests to one backend, whose answers make one. They are for one try: each is answered once. */
export interface Parts {
  readonly count: number
  /** Written when it is asked for: all together they may be many times what the client sent. */
  call(index: number): Call
  /**
   * The response to one of them in the client's form. The bytes of all bodies, in the order in which they come, are the
   * client's body; where it is no stream, the last of them to come has all of it.
   */
  answer(response: IncomingResponse, index: number): IncomingResponse
  /** An error answer to one of them, in the client's stream, where that has begun; absent: they make no stream. */
  errorInStream?(response: IncomingResponse, index: number): readonly Uint8Array[]
  /** What came of it is no whole answer. */
  lacks(index: number): boolean
  /** All was said, or an error; nothing more is wanted of any of them. */
  readonly isOver: boolean
}

/** A talk that nobody here can translate. */
export function reject(message: string): Rejection {
  return { kind: 'rejection', field: '', message }
}
