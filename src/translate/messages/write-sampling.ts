import type { Profile } from '#core/profile.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'

/** Claude takes no other temperature while it thinks, and in its newer models never. */
export function writeSampling(
  { sampling }: CommonRequest,
  profile: Profile,
  isThinking: boolean,
  notes: Notes,
): Record<string, unknown> {
  const { temperature, topP, topK } = sampling
  if (profile.sampling === 'none' || (isThinking && profile.sampling !== 'all')) {
    if (temperature !== undefined && temperature !== 1) notes.adapt('adapted:temperature_clamped', 'temperature')
    if (topP !== undefined && topP !== 1) notes.drop('dropped:unknown_field', 'top_p')
    if (topK !== undefined) notes.drop('dropped:top_k', 'top_k')
    return {}
  }
  const written: Record<string, unknown> = {}
  if (temperature !== undefined) {
    if (temperature > profile.temperatureMax) notes.adapt('adapted:temperature_clamped', 'temperature')
    written['temperature'] = Math.min(temperature, profile.temperatureMax)
  }
  if (topP !== undefined) {
    const isAlone = temperature === undefined || profile.takesTemperatureWithTopP
    if (isAlone) written['top_p'] = topP
    else if (topP !== 1) notes.drop('dropped:unknown_field', 'top_p')
  }
  if (topK !== undefined) written['top_k'] = topK
  return written
}

/** Anthropic refuses sequences of blanks; they and those that are too many are looked for in the answer. */
export function writeStops(
  { sampling }: CommonRequest,
  profile: Profile,
  notes: Notes,
): { readonly sent: readonly string[]; readonly emulated: readonly string[] } {
  const sent: string[] = []
  const emulated: string[] = []
  for (const stop of sampling.stop ?? []) {
    if (stop === '') continue
    if (stop.trim() === '' || sent.length >= profile.stopMax) emulated.push(stop)
    else sent.push(stop)
  }
  if (emulated.length > 0) notes.adapt('adapted:stop_emulated', 'stop')
  return { sent, emulated }
}
