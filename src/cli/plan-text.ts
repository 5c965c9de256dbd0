import { printable } from '#kit/printable.ts'
import { percent } from './explanation-text.ts'
import type { AliasChange, Comparison } from './plan-compare.ts'

/** What `llm-proxy plan` prints for people; first `head`, what changes for every request. */
export function renderComparison(comparison: Comparison, file: string, head: readonly string[] = []): string {
  const { changed, unchanged, traffic } = comparison
  const lines = [...head, ...(head.length === 0 ? [] : ['']), summaryOf(comparison, file)]
  for (const change of changed) lines.push('', ...changeLines(change))
  if (changed.length > 0 && unchanged.length > 0) {
    const names = unchanged.slice(0, namesMax).map(({ alias, requests }) => `"${alias}" (${requests})`)
    lines.push('', `Unchanged: ${names.join(', ')}${unchanged.length > namesMax ? ', …' : ''}`)
  }
  if (changed.length > 0) {
    const width = Math.max(...traffic.map(({ route }) => route.length))
    lines.push('', 'First choices, before → after:')
    for (const { route, before, after } of traffic) {
      lines.push(`  ${route.padEnd(width)}  ${percent(before).padStart(6)} → ${percent(after).padStart(6)}`)
    }
  }
  return `${lines.map(printable).join('\n')}\n`
}

/** Limit: names in one line. */
const namesMax = 20

function summaryOf({ requests, withoutModel, moved, refused, changed }: Comparison, file: string): string {
  const named = requests - withoutModel
  if (requests === 0) return 'There is no past request to decide anew.'
  if (named === 0) return `No request of the last ${requests} came so far as to name its model.`
  const seen = `Of the last ${named === 1 ? 'request' : `${named} requests`}`
  if (changed.length === 0) return `${seen}, ${file} would send every one where it goes now.`
  const toRefuse = refused === 0 ? 'refuse none' : `refuse ${refused}`
  return `${seen}, ${file} would begin ${moved} (${percent(moved / named)}) elsewhere and ${toRefuse} of those that are answered now.`
}

function changeLines({ alias, requests, moves, otherFallbacks, refusals }: AliasChange): string[] {
  const lines = [`"${alias}", ${requests === 1 ? '1 request' : `${requests} requests`}:`]
  for (const move of moves.slice(0, movesMax)) {
    const share = percent(move.requests / requests)
    lines.push(`  ${share.padStart(6)}  ${move.from ?? 'refused'} → ${move.to ?? 'refused'}`)
  }
  if (moves.length > movesMax) lines.push(`          and ${moves.length - movesMax} more`)
  if (otherFallbacks > 0) {
    lines.push(
      `  ${percent(otherFallbacks / requests).padStart(6)}  begin with the same route, and have others behind it`,
    )
  }
  for (const { why, requests: count } of refusals) lines.push(`  refused ${count}: ${why}`)
  return lines
}

/** Limit: moves of one alias. */
const movesMax = 12
