import type { StreamForm } from '#core/endpoint.ts'
import { asList, asObject, asText, parseJson } from '#kit/json-value.ts'
import { reportedError } from './event-content.ts'

/** What an event says about the end of its stream. */
export type Terminal = 'complete' | 'errored'

/** The end that one event of a stream announces, or undefined. Not for chat streams, where nothing but choices ends. */
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
    case 'ndjson':
      return body['done'] === true ? 'complete' : undefined
  }
}

/** Which choices, or candidates, of a stream have ended, from its events in any order. */
export class ChoiceEnds {
  readonly #ended = new Set<unknown>()
  readonly #begun = new Set<unknown>()
  #ends = 0

  add(data: string): void {
    const parsed = parseJson(data)
    const body = asObject(Array.isArray(parsed) && parsed.length === 1 ? parsed[0] : parsed)
    for (const value of asList(body?.['choices'] ?? body?.['candidates'])) {
      const choice = asObject(value) ?? {}
      const index = choice['index'] ?? 0
      // Some servers repeat a choice without content after its end, to tell usage or filter results.
      this.#begun.add(index)
      if (!isNamed(choice['finish_reason']) && !isNamed(choice['finishReason'])) continue
      this.#ended.add(index)
      this.#ends++
    }
  }

  /** Some choice has ended. */
  get hasEnd(): boolean {
    return this.#ended.size > 0
  }

  /** Some choice was announced, or has spoken, and did not end. */
  get hasOpen(): boolean {
    return !this.#begun.isSubsetOf(this.#ended)
  }

  /** Some choice ended more than once: to this server, the word means nothing. */
  get endsAgain(): boolean {
    return this.#ends > this.#ended.size
  }
}

function isNamed(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
