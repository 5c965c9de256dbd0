import type { Block } from './cache-points.ts'
import type { RequestWriting } from './request-writing.ts'

/** Who asks, where the operator wants it told to other providers too. */
export function requestMetadata({ request, target, notes }: RequestWriting): Block {
  const { endUser, tags = {} } = request.identity
  if (!target.policy.forwardsIdentity) {
    if (endUser !== undefined) notes.drop('dropped:user', 'user')
    if (Object.keys(tags).length > 0) notes.drop('dropped:metadata', 'metadata')
    return {}
  }
  const pairs: [string, string][] = []
  for (const [name, value] of [
    ...(endUser === undefined ? [] : [['user_id', endUser] as const]),
    ...Object.entries(tags),
  ]) {
    if (pairs.length < pairsMax && allowed.test(name) && allowed.test(value)) pairs.push([name, value])
    else notes.drop('dropped:metadata', name)
  }
  return pairs.length === 0 ? {} : { requestMetadata: Object.fromEntries(pairs) }
}

/** Limit: pairs that Bedrock takes, and what they may consist of. */
const pairsMax = 16
const allowed = /^[A-Za-z0-9\s:_@$#=/+,.-]{1,256}$/

export function serviceTier({ request, notes }: RequestWriting): Block {
  const { tier } = request
  if (tier === undefined || tier === 'auto') return {}
  const type = tierByName.get(tier)
  if (type === undefined) {
    notes.drop('dropped:service_tier', 'service_tier')
    return {}
  }
  return { serviceTier: { type } }
}

const tierByName: ReadonlyMap<string, string> = new Map([
  ['default', 'default'],
  ['standard', 'default'],
  ['standard_only', 'default'],
  ['flex', 'flex'],
  ['priority', 'priority'],
  ['reserved', 'reserved'],
])
