import { asObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Part } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { cacheControlOf } from './cache-hint.ts'
import type { Block, WrittenMessage } from './written.ts'

/**
 * Clients of other APIs cannot say where a prompt may be cached, and Claude caches nothing unasked. Where a client said it
 * all the same, nothing is added.
 */
export function wantsBreakpoints(request: CommonRequest, { profile, policy, inputEstimate }: Target): boolean {
  if (!policy.autoCache || request.form === 'messages' || request.form === 'converse') return false
  if (profile.family !== 'claude' || !profile.takesCacheHints || inputEstimate <= cachedTokensMin) return false
  return !hasHints(request)
}

/** Limit: below this many tokens a prompt is not worth to be written to a cache. */
const cachedTokensMin = 2048

/** Did the client say where? */
export function hasHints(request: CommonRequest): boolean {
  if (request.cache?.auto !== undefined) return true
  if (request.tools.some((tool) => tool.kind === 'function' && tool.cache !== undefined)) return true
  return request.messages.some(({ parts }) => parts.some(hasHint))
}

function hasHint(part: Part): boolean {
  if (part.kind === 'tool_result') return part.cache !== undefined || part.parts.some(hasHint)
  return 'cache' in part && part.cache !== undefined
}

/** At the end of the tools, of the system and of the last message of the user. */
export function setBreakpoints(
  tools: readonly Block[],
  system: readonly Block[],
  messages: readonly WrittenMessage[],
  ttl?: string,
): void {
  for (const block of [tools.at(-1), system.at(-1), messages.findLast(({ role }) => role === 'user')?.content.at(-1)]) {
    if (block !== undefined) block['cache_control'] = cacheControlOf({ ttl })
  }
}

/** Limit: breakpoints of one request, that of the whole request included. */
const breakpointsMax = 4

/** Of them, those that are kept for the end of the talk, where most is to be gained. */
const breakpointsOfMessages = 2

/**
 * Too many are taken away between the first of tools and system and the last of the messages. One that lasts longer must not
 * stand behind one that lasts shorter.
 */
export function limitBreakpoints(
  body: Record<string, unknown>,
  tools: readonly Block[],
  system: readonly Block[],
  messages: readonly WrittenMessage[],
  areTaken: boolean,
  notes: Notes,
): void {
  const first = [...tools, ...system].filter(hasControl)
  const last = messages.flatMap(({ content }) => content.flatMap(withNested)).filter(hasControl)
  const whole = hasControl(body) ? [body] : []
  const max = areTaken ? breakpointsMax - whole.length : 0
  const firstKept = first.slice(0, Math.max(0, max - Math.min(breakpointsOfMessages, last.length)))
  const lastKept = last.slice(Math.max(0, last.length - (max - firstKept.length)))
  const kept = new Set<Block>([...firstKept, ...lastKept, ...(areTaken ? whole : [])])
  const all = [...first, ...last, ...whole]
  for (const block of all) {
    if (kept.has(block)) continue
    delete block['cache_control']
    notes.drop('dropped:cache_hint', 'cache_control')
  }
  orderByLife(all.filter((block) => kept.has(block)))
}

function orderByLife(blocks: readonly Block[]): void {
  let isShort = false
  for (const block of blocks) {
    const control = asObject(block['cache_control'])
    if (control?.['ttl'] !== '1h') isShort = true
    else if (isShort) block['cache_control'] = { ...control, ttl: '5m' }
  }
}

/** Blocks within a result may have breakpoints of their own, and stand in front of that of the result. */
function withNested(block: Block): readonly Block[] {
  const { content } = block
  return Array.isArray(content) ? [...content.filter((inner) => asObject(inner) !== undefined), block] : [block]
}

function hasControl(block: Block): boolean {
  return block['cache_control'] !== undefined && block['cache_control'] !== null
}
