/**
 * A form of talk with a model: one API's request, answer, stream and error together. Those that are known by name have a
 * codec in `translate/`; any other name is that of a converter from the config.
 */
export type Form = KnownForm | (string & Record<never, never>)

export type KnownForm =
  | 'chat'
  | 'completions'
  | 'responses'
  | 'messages'
  | 'gemini'
  | 'ollama'
  | 'converse'
  | 'cohere'
  | 'embeddings'

/** What an endpoint asks of a model, where that can be asked in other forms too. */
export interface Talk {
  readonly form: Form
  readonly does: 'generate' | 'embed' | 'count'
}
