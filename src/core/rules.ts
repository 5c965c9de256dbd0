import type { HeaderPair } from '#kit/header-list.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import type { Call } from './call.ts'
import type { Refusal } from './refusal.ts'

/** What is done for one call on its way up and on its way back, whoever answers it. */
export interface CallRules {
  /** Added to what every backend is sent, in place of the client's of the same names. */
  readonly headers: readonly HeaderPair[]
  /** Changes an answer that is in the client's form; undefined: it goes out as it came. */
  readonly changeAnswer: AnswerChange | undefined
}

export type AnswerChange = (response: IncomingResponse, call: Call, clock: Pick<Clock, 'wallMs'>) => IncomingResponse

/** The operator's rules for requests, compiled. */
export interface Rules {
  /** The call as the operator wants it: another model, more in its system prompt, and its rules. Refused: it cannot be made so. */
  apply(call: Call, nowWallMs: number): Call | Refusal
}
