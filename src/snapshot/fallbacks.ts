import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import { hintFor } from './name-hint.ts'

/** `fallback.alias_fallback`, checked: alias → aliases that exist, in order. */
export interface Fallbacks {
  readonly targets: ReadonlyMap<string, readonly string[]>
  readonly problems: readonly CompileProblem[]
}

export function compileFallbacks(config: Config): Fallbacks {
  const aliases = Object.keys(config.models)
  const known = new Set(aliases)
  const links = new Map<string, readonly Link[]>()
  const problems: CompileProblem[] = []
  for (const [alias, written] of Object.entries(config.fallback.alias_fallback)) {
    const path = ['fallback', 'alias_fallback', alias]
    if (!known.has(alias)) {
      problems.push({ severity: 'error', path, message: `no alias is named "${alias}"${hintFor(alias, aliases)}` })
      continue
    }
    const kept: Link[] = []
    for (const [index, target] of written.entries()) {
      if (known.has(target)) {
        kept.push({ target, path: [...path, index] })
        continue
      }
      const message = `no alias is named "${target}"${hintFor(target, aliases)}, so this fallback is left out`
      problems.push({ severity: 'warning', path: [...path, index], message })
    }
    links.set(alias, kept)
  }
  problems.push(...findLoops(links))
  const targets = new Map(Array.from(links, ([alias, kept]) => [alias, kept.map(({ target }) => target)]))
  return { targets, problems }
}

/**
 * The aliases to go on with after `alias`, in the order in which they are tried: depth first, each once. A loop ends
 * where it comes back; two ways to the same alias are no loop, the first way counts.
 */
export function chainOf(alias: string, targets: Fallbacks['targets']): readonly string[] {
  const visited = new Set([alias])
  const visit = (from: string): void => {
    for (const target of targets.get(from) ?? []) {
      if (visited.has(target) || visited.size > chainMax) continue
      visited.add(target)
      visit(target)
    }
  }
  visit(alias)
  visited.delete(alias)
  return [...visited]
}

/** Limit: aliases that one alias falls back to; those behind are left out. */
const chainMax = 100

interface Link {
  readonly target: string
  readonly path: CompileProblem['path']
}

/** Each link that closes a loop, once. Walks with a list of its own: a chain may be longer than the call stack. */
function findLoops(links: ReadonlyMap<string, readonly Link[]>): readonly CompileProblem[] {
  const problems: CompileProblem[] = []
  const finished = new Set<string>()
  for (const start of links.keys()) {
    if (finished.has(start)) continue
    const trail = [{ alias: start, next: 0 }]
    const onTrail = new Set([start])
    for (let step = trail.at(-1); step !== undefined; step = trail.at(-1)) {
      const link = links.get(step.alias)?.[step.next]
      step.next += 1
      if (link === undefined) {
        trail.pop()
        onTrail.delete(step.alias)
        finished.add(step.alias)
      } else if (onTrail.has(link.target)) {
        const names = trail.map(({ alias }) => alias)
        const loop = [...names.slice(names.indexOf(link.target)), link.target]
        const message = `the fallbacks form a loop, ${loop.map((name) => `"${name}"`).join(' → ')}: it is cut where it comes back`
        problems.push({ severity: 'warning', path: link.path, message })
      } else if (!finished.has(link.target)) {
        trail.push({ alias: link.target, next: 0 })
        onTrail.add(link.target)
      }
    }
  }
  return problems
}
