import type { Story } from '#core/story.ts'
import { asList, asObject } from '#kit/json-value.ts'
import { printable } from '#kit/printable.ts'
import type { RunningStory } from '#telemetry/story.ts'
import { AdminClient } from './admin-client.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import type { SourceFlags } from './source.ts'
import { renderRunning, renderStory } from './story-text.ts'

export interface WhyOptions extends SourceFlags {
  /** As in `x-request-id`, or the beginning of it. */
  readonly id: string | undefined
  /** Address of the process; undefined: as the configuration says. */
  readonly running: string | undefined
  readonly key: string | undefined
  readonly json: boolean
}

/** `llm-proxy why`: tells what became of a past request. Resolves with 0, 1 when it cannot be told, 2 for wrong usage. */
export async function why(
  { id, running, key, json, ...source }: WhyOptions,
  io: Pick<Io, 'env' | 'stdout' | 'stderr'>,
): Promise<number> {
  const wanted = id?.trim() ?? ''
  if (!/^[\w-]{1,64}$/.test(wanted)) {
    io.stderr('llm-proxy why: name the request by its id, which every answer carries as "x-request-id"\n')
    return exit.usage
  }
  const client = await AdminClient.from({ ...source, url: running, key }, io)
  const found = typeof client === 'string' ? client : await client.get(`/requests/${wanted}`)
  if (typeof client === 'string' || typeof found === 'string') {
    io.stderr(`llm-proxy why: ${String(found)}\n`)
    return exit.failed
  }
  const isPast = isStory(found)
  if (!isPast && !isRunningStory(found)) {
    io.stderr(`llm-proxy why: Cannot read what ${client.address} told: is it of another version?\n`)
    return exit.failed
  }
  if (json) io.stdout(`${JSON.stringify(found, null, 2)}\n`)
  else if (isPast) io.stdout(renderStory(withoutControls(found, isStory), client.language))
  else io.stdout(renderRunning(withoutControls(found, isRunningStory), client.language))
  return exit.done
}

function isStory(value: unknown): value is Story {
  return hasSteps(value) && typeof asObject(value)?.['outcome'] === 'string'
}

function isRunningStory(value: unknown): value is RunningStory {
  return hasSteps(value) && typeof asObject(value)?.['runsForMs'] === 'number'
}

function hasSteps(value: unknown): boolean {
  const story = asObject(value)
  if (story === undefined || typeof story['id'] !== 'string' || typeof story['at'] !== 'string') return false
  if (!Array.isArray(story['attempts']) || !Array.isArray(story['skips'])) return false
  return [...asList(story['attempts']), ...asList(story['skips'])].every((step) => asObject(step) !== undefined)
}

/** Names come from clients and must not write on the terminal what they like. */
function withoutControls<Told>(story: Told, isTold: (value: unknown) => value is Told): Told {
  const clean: unknown = JSON.parse(JSON.stringify(story), (_, value: unknown) => {
    return typeof value === 'string' ? printable(value) : value
  })
  return isTold(clean) ? clean : story
}
