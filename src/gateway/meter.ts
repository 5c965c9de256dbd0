import type { Answer } from '#core/answer.ts'
import type { Attempt } from '#core/exchange.ts'
import type { ToldUsage, Usage } from '#core/usage.ts'
import { concat } from '#kit/bytes.ts'
import { textOf } from '#upstream/decode.ts'
import { costOf } from '#usage/price.ts'
import { estimatePrompt, estimateSaidInBody, estimateSaidInStream } from '#wire/usage-estimate.ts'
import { usageOfBody, usageOfStream } from '#wire/usage.ts'
import type { Errand } from './errand.ts'

/** Whose usage is noted: before anything is paid that goes by it. */
export type Metered = Pick<Errand, 'gateway' | 'snapshot' | 'call' | 'exchange'>

/** What came of an answer that flowed. */
export interface Flowed {
  readonly answer: Answer
  /** Its last bytes. */
  readonly tail: Uint8Array
  readonly bytesAll: number
}

/** Notes what a whole answer took; `bytes`: all of it. */
export function meterWhole(metered: Metered, answer: Answer, bytes: Uint8Array): void {
  const attempt = metered.exchange.attempts.at(-1)
  if (attempt === undefined || !mayTell(metered)) return
  const { form, headers } = answer
  const body = headers.has('content-encoding') ? Buffer.from(textOf(bytes, headers)) : bytes
  const told = attempt.translation?.usage
  const counts =
    told !== undefined ? told.told : form === undefined ? usageOfBody(body) : usageOfStream(form, body, body)
  note(metered, attempt, usageFrom(metered, { answer, tail: body, bytesAll: body.byteLength }, counts, true))
}

/** What a body took that flowed, or that part of it that came. */
function usageOfFlow(metered: Metered, attempt: Attempt, flowed: Flowed, isWhole: boolean): Usage | undefined {
  const { answer, tail } = flowed
  const { form, held } = answer
  const told = attempt.translation?.usage
  const counts =
    told !== undefined
      ? told.told
      : form === undefined
        ? usageOfBody(tail, tail.byteLength === flowed.bytesAll)
        : usageOfStream(form, tail, form === 'messages' ? concat(held) : tail)
  return usageFrom(metered, flowed, counts, isWhole)
}

/** A body on its way, whatever brings it. */
export interface Flowing {
  readonly flowed: Flowed
  /** The client got something of it. */
  readonly hasSpoken: boolean
}

/** Counts what an answer took that flows, where several routes may have a part in it. */
export class FlowMeter {
  readonly #metered: Metered
  /** Whose answer flows. */
  #attempt: Attempt | undefined
  /** The last one that the client was told something of, once what it took is counted. */
  #counted: Attempt | undefined
  #usage: Usage | undefined

  constructor(metered: Metered) {
    this.#metered = metered
  }

  /** The answer of the last attempt begins to flow. */
  take(): void {
    this.#attempt = this.#metered.exchange.attempts.at(-1)
  }

  /** It has ended, and another route may go on with it. */
  count(body: Flowing | undefined, isWhole: boolean): void {
    const attempt = this.#attempt
    if (body?.hasSpoken !== true || attempt === undefined || attempt === this.#counted) return
    this.#counted = attempt
    const own = usageOfFlow(this.#metered, attempt, body.flowed, isWhole)
    if (own !== undefined) this.#usage = joined(this.#usage, own, attempt.rescue)
  }

  /** Nothing more comes. */
  settle(body: Flowing | undefined, isWhole: boolean): void {
    this.count(body, isWhole)
    if (this.#counted !== undefined) note(this.#metered, this.#counted, this.#usage)
  }
}

/** What a client was told by several routes. Who repeats the whole text to go on with it, is all that counts. */
function joined(before: Usage | undefined, next: Usage, rescue: Attempt['rescue']): Usage {
  if (before === undefined || rescue === 'match') return next
  return { ...before, outputTokens: before.outputTokens + next.outputTokens, source: 'estimated' }
}

/** Notes it, with what it cost. */
function note({ gateway, snapshot, exchange }: Metered, attempt: Attempt, usage: Usage | undefined): void {
  if (usage === undefined) return
  exchange.usage = usage
  const price = snapshot.usage && gateway.prices?.find(snapshot.usage.prices, attempt)
  if (price !== undefined) exchange.costUsd = costOf(usage, price)
}

/** Whoever asks what became of an earlier request is told what that one took. */
export function mayTell({ call }: Pick<Metered, 'call'>): boolean {
  return call.method === 'POST' && call.endpoint.talk?.does !== 'count'
}

/** What was not told is estimated, of answers that are some. */
function usageFrom(
  { call }: Metered,
  { answer, tail, bytesAll }: Flowed,
  told: ToldUsage | undefined,
  isWhole: boolean,
): Usage | undefined {
  const { inputTokens, outputTokens } = told ?? nothing
  if (inputTokens !== undefined && outputTokens !== undefined && isWhole) {
    return { ...told, inputTokens, outputTokens, source: 'upstream' }
  }
  const { talk } = call.endpoint
  const isTalk = answer.status < 300 && (talk !== undefined || answer.form !== undefined)
  if (told === undefined && !isTalk) return undefined
  const said = (): number => {
    if (talk?.does === 'embed' || !isTalk) return 0
    const { form } = answer
    return form === undefined
      ? estimateSaidInBody(talk?.form, tail, bytesAll)
      : estimateSaidInStream(form, tail, bytesAll)
  }
  return {
    ...told,
    inputTokens: inputTokens ?? (call.body === undefined ? 0 : estimatePrompt(call.body)),
    outputTokens: outputTokens ?? said(),
    source: 'estimated',
  }
}

const nothing: ToldUsage = {}
