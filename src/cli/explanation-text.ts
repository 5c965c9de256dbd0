import { formatDuration } from '#kit/quantity.ts'
import { printable } from '#kit/printable.ts'
import type { Explanation } from '#route/explain.ts'
import type { Explained } from './explain.ts'
import type { SwitchedOff } from './switched-off.ts'

type Route = Explanation['routes'][number]

/** What `llm-proxy explain` prints for people. */
export function renderExplained({ from, key, choice, refusal, switchedOff }: Explained): string {
  const lines: string[] = []
  const isLockedOut = key?.accepted === false
  if (isLockedOut) lines.push(`${from} ${key.says}`, '', 'With a key that is accepted:')
  if (choice !== null) lines.push(...choiceLines(choice, from))
  if (refusal !== null) lines.push(`${from} refuses with ${refusal.status}: ${refusal.message}`)
  if (switchedOff !== null && switchedOff.length > 0) {
    lines.push('', 'Switched off:', ...switchedOff.map(offLine))
  }
  if (key !== null && !isLockedOut) lines.push('', `Key of the client: ${key.says}`)
  if (choice !== null) lines.push('', 'Rules:', ...choice.promises.map((promise) => `  ${promise}`))
  return `${lines.map(printable).join('\n')}\n`
}

function choiceLines(choice: Explanation, from: string): string[] {
  const { model, path, dialect, stream, says, routes, seed } = choice
  const lines = [`"${model}" at ${path} (${dialect}${stream ? ', a stream' : ''}): ${from} ${says}`]
  const { affinity } = choice
  if (affinity !== null) lines.push('', affinityLine(affinity))
  const asked = routes.filter(({ turn }) => turn !== null)
  if (asked.length > 0) {
    lines.push('', 'Order:')
    let toldLimits = ''
    for (const group of groupsOf(asked)) {
      lines.push(`  ${headOf(group, model)}`)
      for (const route of group) {
        lines.push(`    ${routeLine(route, group.length > 1, choice)}`)
        const limits = limitsOf(route, stream)
        // Those of most routes are those of the one before.
        if (limits !== toldLimits && !isBeyond(route, choice)) lines.push(`       ${limits}`)
        toldLimits = limits
      }
    }
    const shared = groupsOf(asked).filter((group) => group.length > 1)
    const strategies = new Set(shared.flatMap(([first]) => (first === undefined ? [] : [first.strategy])))
    for (const strategy of strategies) lines.push(`  Among routes of one priority ${decides[strategy](seed)}.`)
  }
  const passed = routes.filter(({ turn }) => turn === null)
  if (passed.length > 0) lines.push('', 'Passed over:', ...passed.flatMap(passedLines))
  return lines
}

function affinityLine({ by, pinned, forMs }: NonNullable<Explanation['affinity']>): string {
  if (by === null) return 'Affinity: none of its headers tells where it belongs, its body or its address may.'
  const place = pinned === null ? 'which no route answered yet' : `which stay with ${pinned}`
  return `Affinity: it belongs to the requests with the same value of ${by}, ${place}${forMs === null ? '' : ` for another ${formatDuration(forMs)}`}.`
}

/** How it is decided, by strategy. */
const decides: Readonly<Record<Route['strategy'], (seed: number) => string>> = {
  weighted_random: (seed) => `chance decides by weight; this is the order of seed ${seed}`,
  round_robin: () => 'it goes in turn, by weight (round_robin)',
  least_connections: (seed) =>
    `the one that works on the fewest requests for its weight comes first (least_connections); of those that are alike this is the order of seed ${seed}`,
  latency: (seed) =>
    `the one that begins sooner comes first, of two that chance chose (latency); this is the order of seed ${seed}`,
  cost: () => 'the cheapest comes first, with three tokens read for each that is written (cost)',
  hash: (seed) => `the request's key decides (hash); this is the order of seed ${seed}, for a request without one`,
  random: (seed) => `chance decides, whatever the weights (random); this is the order of seed ${seed}`,
}

/** Neighbours of one alias and priority. */
function groupsOf(routes: readonly Route[]): Route[][] {
  const groups: Route[][] = []
  for (const route of routes) {
    const [last] = groups.at(-1) ?? []
    if (last !== undefined && last.alias === route.alias && last.priority === route.priority) groups.at(-1)?.push(route)
    else groups.push([route])
  }
  return groups
}

function headOf([first]: readonly Route[], model: string): string {
  if (first === undefined) return ''
  const whose = first.level === 'l1' ? `"${model}"` : `fallback "${first.alias}"`
  return `${whose}, priority ${first.priority}`
}

function routeLine(route: Route, isShared: boolean, choice: Explanation): string {
  const asked = route.translated === null ? '' : `, translated to ${route.translated}`
  const share = isShared && route.share !== null ? `, ${percent(route.share)} of the traffic` : ''
  const score = isShared && route.score !== null ? `, ${route.score}` : ''
  const eased = route.ease === null ? '' : `, back for a short time with ${percent(route.ease)} of its weight`
  const isLeastBad = route.passedOver === null ? '' : `, although ${route.passedOver.reason}`
  const beyond = isBeyond(route, choice) ? `, never reached with ${choice.attemptsMax} attempts` : ''
  return `${route.turn}. ${route.backend} / ${route.model} (${route.protocol})${asked}${share}${eased}${score}${isLeastBad}${beyond}`
}

function isBeyond({ turn }: Route, { attemptsMax }: Explanation): boolean {
  return attemptsMax !== null && turn !== null && turn > attemptsMax
}

function limitsOf({ limits }: Route, isStream: boolean): string {
  const { connectMs, firstByteMs, firstContentMs, idleMs, durationMs, totalMs } = limits
  const told = [
    ['to connect', connectMs],
    ['to its first byte', firstByteMs],
    ...(isStream
      ? ([
          ['to its first content', firstContentMs],
          ['between two events', idleMs],
          ['for the stream', durationMs],
        ] as const)
      : []),
    ['in total', totalMs],
  ] as const
  const limited = told.filter(([, ms]) => ms > 0).map(([what, ms]) => `${formatDuration(ms)} ${what}`)
  return limited.length === 0 ? 'without a time limit' : `may take ${limited.join(', ')}`
}

function passedLines({ backend, model, passedOver }: Route): string[] {
  const line = `  ${backend} / ${model}: ${passedOver?.reason ?? ''}`
  return typeof passedOver?.remedy === 'string' ? [line, `    ${passedOver.remedy}`] : [line]
}

function offLine({ alias, backend, model, reason }: SwitchedOff): string {
  return `  ${backend} / ${model} of "${alias}": ${reason}`
}

/** A share as people say it. */
export function percent(share: number): string {
  const hundredths = share * 100
  const shown =
    hundredths > 0 && hundredths < 10 ? Math.max(0.1, Math.round(hundredths * 10) / 10) : Math.round(hundredths)
  return `${shown} %`
}
