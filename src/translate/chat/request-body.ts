import type { JsonObject } from '#kit/json-value.ts'
import type { Profile } from '#core/profile.ts'
import type { Notes } from '#translate/notes.ts'

/** The fields of a request for a backend, in the order in which they are put; those that it refuses are dropped. */
export class RequestBody {
  readonly #fields = new Map<string, unknown>()
  readonly #refuses: Profile['refuses']
  readonly #notes: Notes

  constructor(profile: Profile, notes: Notes) {
    this.#refuses = profile.refuses
    this.#notes = notes
  }

  put(name: string, value: unknown): void {
    if (value === undefined) return
    if (this.#refuses.has(name)) this.#notes.drop(codeOf.get(name) ?? 'dropped:unknown_field', name)
    else this.#fields.set(name, value)
  }

  takes(name: string): boolean {
    return !this.#refuses.has(name)
  }

  toObject(): JsonObject {
    return Object.fromEntries(this.#fields)
  }
}

const codeOf: ReadonlyMap<string, `dropped:${string}`> = new Map([
  ['seed', 'dropped:seed'],
  ['random_seed', 'dropped:seed'],
  ['logit_bias', 'dropped:logit_bias'],
  ['presence_penalty', 'dropped:penalties'],
  ['frequency_penalty', 'dropped:penalties'],
  ['repetition_penalty', 'dropped:penalties'],
  ['top_k', 'dropped:top_k'],
  ['logprobs', 'dropped:logprobs'],
  ['top_logprobs', 'dropped:logprobs'],
  ['verbosity', 'dropped:verbosity'],
  ['prediction', 'dropped:prediction'],
  ['service_tier', 'dropped:service_tier'],
  ['metadata', 'dropped:metadata'],
  ['user', 'dropped:user'],
  ['safety_identifier', 'dropped:user'],
  ['parallel_tool_calls', 'dropped:parallel_tool_calls'],
  ['prompt_cache_key', 'dropped:cache_hint'],
  ['prompt_cache_retention', 'dropped:cache_hint'],
  ['prompt_cache_options', 'dropped:cache_hint'],
  ['cache_control', 'dropped:cache_hint'],
])
