import type { AffinityPolicy, Plan, RescueMode } from '#core/plan.ts'
import { formatDuration } from '#kit/quantity.ts'

/** A plan's policies in words, each as one sentence. */
export function promisesOf(plan: Plan, isStream: boolean): string[] {
  const { attemptsMax, deadlineMs, retry } = plan
  const promises = [
    Number.isFinite(attemptsMax)
      ? `One request makes at most ${counted(attemptsMax, 'attempt')}.`
      : 'One request makes as many attempts as there are routes.',
  ]
  if (deadlineMs > 0)
    promises.push(`Its answer must begin within ${formatDuration(deadlineMs)}, all attempts together.`)
  if (retry.retriesMax > 0) {
    promises.push(
      `A route that refuses the connection, drops it, or gives a status of retry.on_status is asked up to ` +
        `${counted(retry.retriesMax, 'time')} again, after ${formatDuration(retry.baseMs)} growing to ${formatDuration(retry.delayMsMax)}.`,
    )
  }
  promises.push(restPromise(plan))
  promises.push(...leavePromises(plan), whenAllRest[plan.whenAllCooling])
  if (plan.tiers.some(({ candidates }) => candidates.some(({ backend }) => backend.health !== undefined))) {
    promises.push(plan.failsOpen ? failsOpen : failsClosed)
  }
  const affinity = plan.balance?.affinity
  if (affinity !== undefined && affinity.ttlMs > 0) promises.push(affinityPromise(affinity))
  if (isStream) promises.push(...streamPromises(plan))
  return promises
}

function affinityPromise({ by, header, ttlMs }: AffinityPolicy): string {
  const what = by === 'header' ? `with the same "${header}"` : alike[by]
  return `Requests ${what} stay with the route that answered last, while it is well, for ${formatDuration(ttlMs)} after each answer.`
}

const alike: Readonly<Record<Exclude<AffinityPolicy['by'], 'header'>, string>> = {
  auto: 'of one conversation, user or address',
  ip: 'of one address',
  user: 'of one user',
  system: 'with the same instructions',
}

function restPromise({ cooldown: { cooldownMs, respectRetryAfter, retryAfterMsMax } }: Plan): string {
  if (cooldownMs === 0) return 'A route that fails does not rest.'
  const asked = respectRetryAfter
    ? `, or as long as its backend asks by Retry-After, at most ${formatDuration(retryAfterMsMax)}`
    : ''
  return `A route that fails by its own fault rests for ${formatDuration(cooldownMs)}${asked}.`
}

/** Who is left out on account of many requests, and how it comes back. */
function leavePromises({ breaker, outlier, slowStartMs }: Plan): readonly string[] {
  const promises: string[] = []
  if (breaker !== undefined) {
    const { failureThreshold, openMs, openMsMax, successThreshold, outPercentMax } = breaker
    const grows = openMsMax > openMs ? `, each time in a row for twice as long up to ${formatDuration(openMsMax)}` : ''
    promises.push(
      `After ${counted(failureThreshold, 'failure')} in a row its circuit opens for ${formatDuration(openMs)}${grows}; ` +
        `${counted(successThreshold, 'success', 'successes')} ${successThreshold === 1 ? 'closes' : 'close'} it. ` +
        `Of several routes at most ${outPercentMax} % are out that way.`,
    )
  }
  if (outlier !== undefined) {
    const { windowMs, requestsMin, failurePercent, ejectionMs, ejectionMsMax } = outlier
    promises.push(
      `A route of which ${failurePercent} % of at least ${requestsMin} requests within ${formatDuration(windowMs)} failed, ` +
        `clearly more than of the others, is left out for ${formatDuration(ejectionMs)}, longer each time in a row up to ` +
        `${formatDuration(Math.max(ejectionMs, ejectionMsMax))}.`,
    )
  }
  if (slowStartMs > 0) {
    promises.push(
      `A route that comes back gets from a tenth of its share to all of it within ${formatDuration(slowStartMs)}.`,
    )
  }
  return promises
}

const failsOpen = 'While the health checks of all that are left fail, they are asked all the same.'
const failsClosed = 'While the health checks of all that are left fail, the client gets 503 with Retry-After.'

const whenAllRest: Readonly<Record<Plan['whenAllCooling'], string>> = {
  refuse: 'While every route rests, the client gets 503 with Retry-After.',
  wait: 'While every route rests, the request waits for the first to recover.',
  least_bad: 'While every route rests, the one that recovers first is asked all the same.',
}

function streamPromises({ streaming }: Plan): readonly string[] {
  const { heartbeatMs, rescue, holds, onDisconnect, clientStallMs } = streaming
  const promises: string[] = []
  if (heartbeatMs > 0) promises.push(`A silent stream gives a sign of life every ${formatDuration(heartbeatMs)}.`)
  promises.push(
    holds
      ? 'The whole answer is awaited before its first byte is sent, so a broken one is asked for elsewhere.'
      : rescues[rescue],
  )
  if (onDisconnect === 'finish') promises.push('A stream whose client leaves is read to its end.')
  if (clientStallMs > 0) {
    promises.push(`A client that takes nothing for ${formatDuration(clientStallMs)} is given up.`)
  }
  return promises
}

const rescues: Readonly<Record<RescueMode, string>> = {
  off: 'A stream that breaks after its first content ends with an error that the client can read.',
  match: 'A stream that breaks is gone on with where another route repeats its text exactly.',
  prefill: 'A stream that breaks is gone on with by another route that takes up its text.',
  match_then_prefill:
    'A stream that breaks is gone on with where another route repeats its text exactly, or else takes it up.',
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
