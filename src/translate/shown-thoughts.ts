import type { CompatPolicy } from '#core/compat.ts'
import type { CommonRequest } from './common.ts'

/** Is a Responses client to see the thoughts that a backend tells? */
export function showsResponsesThoughts({
  request,
  policy,
}: {
  readonly request: Pick<CommonRequest, 'reasoning'>
  readonly policy: CompatPolicy
}): boolean {
  return policy.hidesUnaskedThoughts !== true || request.reasoning?.summary !== undefined
}
