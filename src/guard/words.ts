import type { KnownForm } from '#core/talk.ts'
import type { CapName } from './compile.ts'

/** The forms in which clients ask for answers. */
export type AskedForm = Extract<KnownForm, 'chat' | 'completions' | 'responses' | 'messages' | 'gemini' | 'ollama'>

/** What a form calls what guards look at. */
export interface Words {
  /** Members that hold a message each, or a list of them. */
  readonly messages: readonly string[]
  /** Members that hold a text for the model beside the messages. */
  readonly beside: readonly string[]
  /** Members that hold an object with numbers, such as `generationConfig`; empty: they stand at the top. */
  readonly inside: readonly string[]
  readonly caps: Readonly<Record<CapName, readonly string[]>>
}

export const words: Readonly<Record<AskedForm, Words>> = {
  chat: {
    messages: ['messages'],
    beside: [],
    inside: [],
    caps: {
      n: ['n'],
      bestOf: ['best_of'],
      maxTokens: ['max_tokens', 'max_completion_tokens'],
      logprobs: ['top_logprobs', 'prompt_logprobs'],
    },
  },
  completions: {
    messages: ['prompt'],
    beside: ['suffix'],
    inside: [],
    caps: {
      n: ['n'],
      bestOf: ['best_of'],
      maxTokens: ['max_tokens', 'max_completion_tokens'],
      logprobs: ['logprobs', 'top_logprobs', 'prompt_logprobs'],
    },
  },
  responses: {
    messages: ['input'],
    beside: ['instructions'],
    inside: [],
    caps: { n: ['n'], bestOf: [], maxTokens: ['max_output_tokens'], logprobs: ['top_logprobs'] },
  },
  messages: {
    messages: ['messages'],
    beside: ['system'],
    inside: [],
    caps: { n: [], bestOf: [], maxTokens: ['max_tokens'], logprobs: [] },
  },
  gemini: {
    messages: ['contents'],
    beside: ['systemInstruction', 'system_instruction'],
    inside: ['generationConfig', 'generation_config'],
    caps: {
      n: ['candidateCount', 'candidate_count'],
      bestOf: [],
      maxTokens: ['maxOutputTokens', 'max_output_tokens'],
      logprobs: ['logprobs'],
    },
  },
  ollama: {
    messages: ['messages'],
    beside: ['prompt', 'system', 'suffix', 'template'],
    inside: ['options'],
    caps: { n: [], bestOf: [], maxTokens: ['num_predict'], logprobs: ['top_logprobs'] },
  },
}
