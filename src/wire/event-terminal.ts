import type { StreamForm } from '#core/endpoint.ts'
import { asList, asObject, asText, parseJson } from '#kit/json-value.ts'
import { choiceSpeaks, reportedError } from './event-content.ts'

/** What an event says about the end of its stream. */
export type Terminal = 'complete' | 'errored'

/** The end that one event of a stream announces, or undefined. Not for chat streams, where every choice ends alone. */
export function terminalOf(form: StreamForm, event: string, data: string): Terminal | undefined {
  const value = parseJson(data)
  const body = asObject(Array.isArray(value) && value.length === 1 ? value[0] : value)
  if (reportedError(event, body, data) !== undefined) return 'errored'
  if (body === undefined) return undefined
  switch (form) {
    case 'chat':
    case 'completions':
      return undefined
    case 'responses': {
      const type = asText(body['type']) ?? event
      return type === 'response.completed' || type === 'response.incomplete' ? 'complete' : undefined
    }
    case 'messages':
      return (asText(body['type']) ?? event) === 'message_stop' ? 'complete' : undefined
    case 'gemini_sse':
    case 'gemini_array': {
      const finished = asList(body['candidates']).some((candidate) => isNamed(asObject(candidate)?.['finishReason']))
      // A prompt that is refused has no candidate at all.
      return finished || isNamed(asObject(body['promptFeedback'])?.['blockReason']) ? 'complete' : undefined
    }
  }
}

/** Which choices of a chat stream have ended, from events in any order. */
export class ChoiceEnds {
  readonly #ended = new Set<unknown>()
  readonly #speaking = new Set<unknown>()

  add(data: string): void {
    for (const value of asList(asObject(parseJson(data))?.['choices'])) {
      const choice = asObject(value) ?? {}
      const index = choice['index'] ?? 0
      if (isNamed(choice['finish_reason'])) this.#ended.add(index)
      // Some servers repeat a choice without content after its end, to tell usage or filter results.
      else if (choiceSpeaks(choice)) this.#speaking.add(index)
    }
  }

  /** Some choice has ended. */
  get hasEnd(): boolean {
    return this.#ended.size > 0
  }

  /** Some choice was speaking and did not end. */
  get hasOpen(): boolean {
    return !this.#speaking.isSubsetOf(this.#ended)
  }
}

function isNamed(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
