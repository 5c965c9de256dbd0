import type { Attempt, Exchange } from '#core/exchange.ts'
import type { Story, StoryAttempt, StorySkip } from '#core/story.ts'
import { shownUsd } from '#core/usage.ts'
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

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/**
 * A story on its place in the memory, where the next one is written over it: an object for each request that outlives a
 * few collections costs more than all that is done to tell it.
 */
export interface KeptStory extends Writable<Omit<Story, 'at' | 'attempts'>> {
  atMs: number
  attempts: Writable<StoryAttempt>[]
  /** Which one since the start it is. */
  number: number
}

export function blankStory(): KeptStory {
  return {
    id: '',
    atMs: 0,
    method: '',
    path: '',
    dialect: 'openai',
    model: undefined,
    stream: false,
    caller: undefined,
    client: undefined,
    seed: 0,
    configVersion: 0,
    status: 0,
    outcome: 'failed',
    refusal: undefined,
    brokenBy: undefined,
    skips: none,
    repinned: undefined,
    attempts: [],
    firstByteMs: undefined,
    totalMs: 0,
    bytesOut: 0,
    chunksOut: 0,
    heartbeats: 0,
    rescuedAtBytes: none,
    cache: undefined,
    usage: undefined,
    costUsd: undefined,
    number: 0,
  }
}

/**
 * Writes the story of a settled exchange. It stands for itself: nothing in it leads back to the request, its body, its
 * headers or its connection, whatever it was made from.
 */
export function keepStory(place: KeptStory, exchange: Exchange, words: StoryWords): void {
  const { startedMs, refusal, firstByteMs, brokenBy, skips, rescuedAtBytes, repinned } = exchange
  const { noted } = exchange.client
  place.id = exchange.id
  place.atMs = exchange.startedWallMs
  place.method = exchange.method
  place.path = words.own(exchange.path)
  place.dialect = exchange.dialect
  place.model = modelOf(exchange, words)
  place.stream = exchange.stream
  place.caller = exchange.caller
  place.client = noted === undefined ? undefined : words.own(noted)
  place.seed = exchange.seed
  place.configVersion = exchange.configVersion
  place.status = exchange.status
  // Only what is settled is told, and then it has one.
  place.outcome = exchange.outcome ?? 'failed'
  place.refusal = refusal === undefined ? undefined : { code: refusal.code, message: words.told(refusal.message) }
  place.brokenBy = brokenBy === undefined ? undefined : words.told(brokenBy)
  place.skips = skips === undefined ? none : skips.slice(0, stepsMax)
  place.repinned = repinned === undefined ? undefined : { ...repinned, why: words.told(repinned.why) }
  keepSteps(place.attempts, exchange, words)
  place.firstByteMs = firstByteMs === undefined ? undefined : Math.round(firstByteMs - startedMs)
  place.totalMs = durationMsOf(exchange)
  place.bytesOut = exchange.bytesOut
  place.chunksOut = exchange.chunksOut
  place.heartbeats = exchange.heartbeats
  place.rescuedAtBytes = rescuedAtBytes ?? none
  place.cache = exchange.cache
  place.usage = exchange.usage
  place.costUsd = exchange.costUsd === undefined ? undefined : shownUsd(exchange.costUsd)
}

/** A kept story for those who look at it, who may do so while its place is taken by another. */
export function toldStory({ number: _number, id, atMs, ...facts }: KeptStory): Story {
  const attempts = facts.attempts.map((step) => ({ ...step }))
  return { id, at: new Date(atMs).toISOString(), ...facts, attempts }
}

function storyOf(exchange: Exchange, words: StoryWords): Story {
  const place = blankStory()
  keepStory(place, exchange, words)
  return toldStory(place)
}

/** The same of one that is not settled: the last attempt may still wait for its answer. */
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

function keepSteps(places: Writable<StoryAttempt>[], exchange: Exchange, words: StoryWords): void {
  const { attempts, startedMs } = exchange
  const count = Math.min(attempts.length, stepsMax)
  for (let at = 0; at < count; at += 1) {
    const attempt = attempts[at]
    if (attempt !== undefined) keepStep((places[at] ??= blankStep()), attempt, startedMs, words)
  }
  places.length = count
}

function blankStep(): Writable<StoryAttempt> {
  return {
    backend: '',
    model: '',
    alias: '',
    level: 'l1',
    startedMs: 0,
    durationMs: 0,
    status: undefined,
    reason: undefined,
    message: undefined,
    rescue: undefined,
    isRepeated: false,
    credential: undefined,
    translation: undefined,
  }
}

function keepStep(place: Writable<StoryAttempt>, attempt: Attempt, exchangeStartedMs: number, words: StoryWords): void {
  const { failure, durationMs, startedMs, credential } = attempt
  place.backend = attempt.backend
  place.model = attempt.model
  place.alias = attempt.alias
  place.level = attempt.level
  place.startedMs = Math.round(startedMs - exchangeStartedMs)
  place.durationMs = Math.round(durationMs)
  place.status = attempt.status
  place.reason = failure?.reason
  place.message = failure === undefined ? undefined : words.told(failure.message)
  place.rescue = attempt.rescue
  place.isRepeated = attempt.isRepeated === true
  place.translation = attempt.translation && {
    form: attempt.translation.form,
    warnings: [...attempt.translation.warnings],
    parts: attempt.translation.parts,
  }
  place.credential = credential === undefined ? undefined : { ...credential, name: words.name(credential.name) }
}

/** Does anything of it concern the backend? */
export function concerns({ attempts, skips }: Pick<Story, 'attempts' | 'skips'>, backend: string): boolean {
  const isIt = (step: StoryAttempt | StorySkip): boolean => step.backend === backend
  return attempts.some(isIt) || skips.some(isIt)
}
