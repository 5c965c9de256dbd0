import type { Story, StoryAttempt } from '#core/story.ts'
import type { RunningStory } from '#telemetry/story.ts'
import { endingOf, wordsOf, type Language, type Words } from './story-words.ts'

/** A past request told from its beginning to its end, then what its client got and what is to be done. */
export function renderStory(story: Story, language: Language): string {
  const words = wordsOf[language]
  const { outcome, status, bytesOut, chunksOut } = story
  const end = { atMs: story.totalMs, text: words.ended(words.outcomes[outcome], status, bytesOut, chunksOut) }
  return render(story, [...stepsOf(story, words), end], endingOf(story, words), words)
}

/** A request that is still on the road, as far as it came. */
export function renderRunning(story: RunningStory, language: Language): string {
  const words = wordsOf[language]
  const ending = words.stillRunning(duration(story.runsForMs), story.attempts.length)
  return render(story, stepsOf(story, words), ending, words)
}

function stepsOf(story: AnyStory, words: Words): readonly Step[] {
  return [
    ...story.skips.map(({ backend, model, reason }) => ({ text: words.passedOver(`${backend}/${model}`, reason) })),
    ...tellRepinned(story, words),
    ...('cache' in story && story.cache === 'hit' ? [{ text: words.fromCache }] : []),
    ...tellTimed(story, words),
    ...tellStream(story, words),
  ]
}

function tellRepinned({ repinned }: AnyStory, words: Words): Step[] {
  return repinned === undefined ? [] : [{ text: words.repinned(repinned.from, repinned.why, repinned.cachedTokens) }]
}

function render(story: AnyStory, steps: readonly Step[], ending: string, words: Words): string {
  const times = steps.map(({ atMs }) => (atMs === undefined ? '' : duration(atMs)))
  const width = Math.max(0, ...times.map((time) => time.length))
  return [
    words.came(story.id, `${story.at.slice(0, 10)} ${story.at.slice(11, 23)} UTC`, story.client),
    words.asked(`${story.method} ${story.path}`, story.model, story.stream, story.caller),
    words.decided(story.configVersion, story.seed),
    '',
    ...steps.map(({ text }, at) => `  ${(times[at] ?? '').padStart(width)}  ${text}`),
    ...(steps.length === 0 ? [] : ['']),
    ending,
    '',
  ].join('\n')
}

type AnyStory = Story | RunningStory

interface Step {
  /** From the request's arrival; undefined where it is not known. */
  readonly atMs?: number
  readonly text: string
}

function tellAttempt(
  attempt: StoryAttempt,
  before: StoryAttempt | undefined,
  asked: string | undefined,
  isLast: boolean,
  words: Words,
): string {
  const { backend, model, alias, level, rescue, durationMs, status, reason, message } = attempt
  const who = `${backend}/${model}`
  const isAgain = before !== undefined && before.backend === backend && before.model === model
  const opening =
    rescue !== undefined
      ? words.tookOver(who, rescue)
      : isAgain
        ? words.askedAgain(who)
        : level === 'l2' || alias !== asked
          ? words.askedFallback(who, alias)
          : words.askedRoute(who)
  const { credential } = attempt
  const by = credential === undefined ? '' : words.by(credential.name, credential.number, credential.index)
  const repeated = attempt.isRepeated ? words.repeated : ''
  const { translation } = attempt
  const translated =
    translation === undefined ? '' : words.translated(translation.form, translation.warnings, translation.parts)
  const took = duration(durationMs)
  // A message says the status already, where there was one.
  const isWaiting = reason === undefined && status === undefined && isLast
  const end =
    reason !== undefined
      ? words.failed(took, message ?? reason)
      : isWaiting
        ? words.waits(took)
        : words.answered(status, took)
  return `${opening}${by}${translated}${repeated}${end}`
}

/** Attempts and the first byte, as they came; an attempt that takes over a stream comes after its first byte. */
function tellTimed(story: AnyStory, words: Words): Step[] {
  const { attempts, firstByteMs, model } = story
  const steps = attempts.map((attempt, at) => ({
    atMs: attempt.startedMs,
    text: tellAttempt(attempt, attempts[at - 1], model, 'runsForMs' in story && at === attempts.length - 1, words),
  }))
  if (firstByteMs !== undefined) steps.push({ atMs: firstByteMs, text: words.firstByte })
  return steps.toSorted((one, other) => one.atMs - other.atMs)
}

function tellStream({ heartbeats, rescuedAtBytes, brokenBy, usage, costUsd }: AnyStory, words: Words): Step[] {
  const steps = rescuedAtBytes.map((bytes) => ({ text: words.rescued(bytes) }))
  if (heartbeats > 0) steps.unshift({ text: words.heartbeats(heartbeats) })
  if (brokenBy !== undefined) steps.push({ text: words.broke(brokenBy) })
  if (usage !== undefined) steps.push({ text: words.took(usage, costUsd) })
  return steps
}

/** `150 ms`, `12.3 s`. */
function duration(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}
