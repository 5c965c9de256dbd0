import type { StreamForm } from '#core/endpoint.ts'
import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { reportedError } from './event-content.ts'

/** What an event says about the end of its stream; `failed`: the error is its last word. */
export type Terminal = 'complete' | 'errored' | 'failed'

/** How a stream ended, by its dialect's own terminal marker. */
export type StreamVerdict = 'complete' | 'incomplete' | 'errored'

/** What a stream says about its end. */
export interface StreamEnding {
  readonly verdict: StreamVerdict
  /** See `StreamEnd`. */
  readonly isOver: boolean
  readonly hasFinalWord: boolean
}

/**
 * The end that one event of a stream announces, or undefined. `body` is the object in its data. Not for chat streams,
 * where nothing but choices ends.
 */
export function terminalOf(
  form: StreamForm,
  event: string,
  data: string,
  body: JsonObject | undefined,
): Terminal | undefined {
  if (reportedError(event, body, data) !== undefined) {
    return form === 'responses' && (asText(body?.['type']) ?? event) === 'response.failed' ? 'failed' : 'errored'
  }
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
      return finished || isRefused(body) ? 'complete' : undefined
    }
    case 'ndjson':
      return body['done'] === true ? 'complete' : undefined
  }
}

/** A prompt that is refused has no candidate, or none any more. */
function isRefused(body: JsonObject | undefined): boolean {
  return isNamed(asObject(body?.['promptFeedback'])?.['blockReason'])
}

/** The choices, or candidates, that an event speaks of. */
export function choicesOf(body: JsonObject | undefined): readonly unknown[] {
  return asList(body?.['choices'] ?? body?.['candidates'])
}

/** Which choices, or candidates, of a stream have ended, from its events in any order. */
export class ChoiceEnds {
  readonly #ended = new Set<unknown>()
  readonly #begun = new Set<unknown>()
  #ends = 0
  #areRefused = false

  add(body: JsonObject | undefined): void {
    this.#areRefused ||= isRefused(body)
    for (const value of choicesOf(body)) {
      const choice = asObject(value) ?? {}
      const index = choice['index'] ?? 0
      // Some servers repeat a choice without content after its end, to tell usage or filter results.
      this.#begun.add(index)
      if (!isNamed(choice['finish_reason']) && !isNamed(choice['finishReason'])) continue
      this.#ended.add(index)
      this.#ends++
    }
  }

  hasBegun(index: number): boolean {
    return this.#begun.has(index)
  }

  /** Some choice has ended. */
  get hasEnd(): boolean {
    return this.#ended.size > 0
  }

  /** Some choice was announced, or has spoken, and did not end. */
  get hasOpen(): boolean {
    return !this.#areRefused && !this.#begun.isSubsetOf(this.#ended)
  }

  /** Some choice ended more than once: to this server, the word means nothing. */
  get endsAgain(): boolean {
    return this.#ends > this.#ended.size
  }
}

function isNamed(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
