import type { Profile } from '#core/profile.ts'
import type { Asked } from './asked.ts'
import type { WayBack } from './codec.ts'
import type { CommonRequest } from './common.ts'
import type { Notes } from './notes.ts'
import type { Withheld } from './withhold.ts'

type Whom = Pick<Asked, 'form' | 'profile' | 'policy'>

/** Undefined: all of it is told. */
export function withheldOf(
  request: CommonRequest,
  asked: Whom,
  { outputTool }: Pick<WayBack, 'outputTool'>,
  notes: Notes,
): Withheld | undefined {
  const furtherCalls = keepsOneCall(request, asked)
  // Converse cites by blocks: the place of its sources is the whole of one.
  const loneSources = asked.policy.dropsLoneSources === true && asked.form !== 'converse'
  return furtherCalls || loneSources ? { furtherCalls, loneSources, outputTool, notes } : undefined
}

/** The client wants one call at a time, and that is seen to here since the backend has no word for it. */
export function keepsOneCall(
  { parallelToolCalls }: Pick<CommonRequest, 'parallelToolCalls'>,
  { form, profile, policy }: Whom,
): boolean {
  return policy.keepsOneCall === true && parallelToolCalls === false && !canBeTold(form, profile)
}

function canBeTold(form: Asked['form'], { takesParallelSwitch, family }: Profile): boolean {
  if (form === 'converse') return takesParallelSwitch && family === 'claude'
  return takesParallelSwitch && formsWithSwitch.has(form)
}

const formsWithSwitch: ReadonlySet<Asked['form']> = new Set<Asked['form']>(['chat', 'responses', 'messages'])
