import type { Target } from '#translate/codec.ts'
import type { CacheHint, CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import type { ToolNames } from '#translate/tool-names.ts'
import type { Block, CachePoints } from './cache-points.ts'

/** What everyone needs who writes a part of one request. */
export interface RequestWriting {
  readonly request: CommonRequest
  readonly target: Target
  readonly notes: Notes
  readonly names: ToolNames
  readonly points: CachePoints
}

/** Sets a cache point behind the last block, where the client wants one and the model has a cache. */
export function cacheBehind(
  writing: RequestWriting,
  place: Parameters<CachePoints['set']>[0],
  list: Block[],
  hint: CacheHint | undefined,
): void {
  if (hint === undefined) return
  const isTaken = writing.target.profile.takesCacheHints && (place !== 'tools' || isClaude(writing.target))
  if (isTaken) writing.points.set(place, list, hint)
  else writing.notes.drop('dropped:cache_hint', 'cache_control')
}

/** A model is of Claude's, whatever the name of its profile. */
export function isClaude({ profile, model }: Target): boolean {
  return profile.family === 'claude' || /(?:^|[./:])claude/i.test(model)
}

export function isNova({ profile, model }: Target): boolean {
  return profile.family === 'nova' || /(?:^|[./:])nova/i.test(model)
}
