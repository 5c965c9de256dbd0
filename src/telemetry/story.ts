import type { Attempt, Exchange } from '#core/exchange.ts'
import type { Story, StoryAttempt, StorySkip } from '#core/story.ts'
import { durationMsOf } from './outcome.ts'

/** What a story's words pass through on their way into the memory. */
export interface StoryWords {
  /** A text of ours about a failure, without credentials. */
  told(text: string): string
  /** A name from a request, as a text of its own, without credentials. */
  own(text: string): string
  /** A name of the configuration, as a text of its own: it is what it is, also where a key is the same word. */
  name(text: string): string
}

/** The story so far of a request that is still on the road. */
export type RunningStory = Omit<Story, 'status' | 'outcome' | 'totalMs'> & {
  /** Since its arrival. */
  readonly runsForMs: number
}

/**
 * The story of a settled exchange. It stands for itself: nothing in it leads back to the request, its body, its headers
 * or its connection, whatever it was made from.
 */
export function storyOf(exchange: Exchange, words: StoryWords): Story {
  const { startedMs, refusal, firstByteMs, brokenBy, skips, attempts, rescuedAtBytes } = exchange
  const { noted } = exchange.client
  return {
    id: exchange.id,
    at: new Date(exchange.startedWallMs).toISOString(),
    method: exchange.method,
    path: words.own(exchange.path),
    dialect: exchange.dialect,
    model: modelOf(exchange, words),
    stream: exchange.stream,
    caller: exchange.caller,
    client: noted === undefined ? undefined : words.own(noted),
    seed: exchange.seed,
    configVersion: exchange.configVersion,
    status: exchange.status,
    // Only what is settled is told, and then it has one.
    outcome: exchange.outcome ?? 'failed',
    refusal: refusal === undefined ? undefined : { code: refusal.code, message: words.told(refusal.message) },
    brokenBy: brokenBy === undefined ? undefined : words.told(brokenBy),
    skips: skips === undefined ? none : skips.slice(0, stepsMax),
    attempts: attempts.length === 0 ? none : attempts.slice(0, stepsMax).map((each) => stepOf(each, startedMs, words)),
    firstByteMs: firstByteMs === undefined ? undefined : Math.round(firstByteMs - startedMs),
    totalMs: durationMsOf(exchange),
    bytesOut: exchange.bytesOut,
    heartbeats: exchange.heartbeats,
    rescuedAtBytes: rescuedAtBytes ?? none,
  }
}

/** As {@link storyOf}, of one that is not settled: the last attempt may still wait for its answer. */
export function runningStoryOf(exchange: Exchange, words: StoryWords, nowMs: number): RunningStory {
  const { status: _status, outcome: _outcome, totalMs: _totalMs, ...story } = storyOf(exchange, words)
  const waiting = exchange.attempts.findIndex(({ status, failure }) => status === undefined && failure === undefined)
  const attempts = story.attempts.map((attempt, at) => {
    const { startedMs = nowMs } = exchange.attempts[at] ?? {}
    return at === waiting ? { ...attempt, durationMs: Math.round(nowMs - startedMs) } : attempt
  })
  return { ...story, attempts, runsForMs: Math.round(nowMs - exchange.startedMs) }
}

/** Where routes were looked at there is an alias of that name; all other names are what a client made up. */
function modelOf({ alias, attempts, skips }: Exchange, words: StoryWords): string | undefined {
  if (alias === undefined) return undefined
  return attempts.length > 0 || skips !== undefined ? words.name(alias) : words.own(alias)
}

/** Limit: attempts and routes passed over that one story tells; requests that wait for resting routes pass over many. */
const stepsMax = 100

const none: readonly never[] = []

function stepOf(attempt: Attempt, exchangeStartedMs: number, words: StoryWords): StoryAttempt {
  const { failure, durationMs, startedMs } = attempt
  return {
    backend: attempt.backend,
    model: attempt.model,
    alias: attempt.alias,
    level: attempt.level,
    startedMs: Math.round(startedMs - exchangeStartedMs),
    durationMs: Math.round(durationMs),
    status: attempt.status,
    reason: failure?.reason,
    message: failure === undefined ? undefined : words.told(failure.message),
    rescue: attempt.rescue,
    isRepeated: attempt.isRepeated === true,
    ...(attempt.credential !== undefined && {
      credential: { ...attempt.credential, name: words.name(attempt.credential.name) },
    }),
  }
}

/** Does anything of it concern the backend? */
export function concerns({ attempts, skips }: Pick<Story, 'attempts' | 'skips'>, backend: string): boolean {
  const isIt = (step: StoryAttempt | StorySkip): boolean => step.backend === backend
  return attempts.some(isIt) || skips.some(isIt)
}
