import type { HeaderLook } from '#translate/codec.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'

/** A request for vectors, in no API's form. */
export interface EmbedRequest {
  readonly inputs: readonly EmbedInput[]
  /** Where the client wrote the inputs: `input`, `requests`, `content`, `prompt`. */
  readonly field: string
  readonly dimensions: number | undefined
  readonly dimensionsField: string
  /** Texts that are too long are cut; undefined: as the backend likes it. */
  readonly truncate: boolean | undefined
  readonly endUser: string | undefined
}

export interface EmbedInput {
  readonly text: string
  /** What the vector is for, in Google's words: `RETRIEVAL_QUERY`. */
  readonly task?: string | undefined
  readonly title?: string | undefined
}

/** A good answer to it. */
export interface Embeddings {
  /** One for each input, in their order. */
  readonly vectors: readonly (readonly number[])[]
  /** Undefined: the backend does not count. */
  readonly tokens: number | undefined
}

/** How the answer is told. */
interface EmbedAnswerFacts {
  /** As the client asked for it. */
  readonly model: string
  /** Told by the backend, or estimated. */
  readonly tokens: number
  readonly tookMs: number
}

/** Requests for vectors in a client's form, and their answers. */
export interface EmbedClient {
  readRequest(body: JsonObject, path: string, notes: Notes): EmbedRequest
  writeBody(vectors: Embeddings['vectors'], body: JsonObject, path: string, facts: EmbedAnswerFacts): JsonObject
}

/** One way to ask a backend for vectors. */
export interface EmbedBackend {
  /** Limit: inputs of one request. */
  readonly inputsMax: number
  readonly path: string
  body(request: EmbedRequest, target: EmbedTarget, notes: Notes): JsonObject
  /** Undefined: there are no vectors in it. */
  read(body: JsonObject, headers: HeaderLook): Embeddings | undefined
}

interface EmbedTarget {
  /** The backend's name of the model. */
  readonly model: string
  readonly forwardsIdentity: boolean
}

/** What no backend but Google's has a word for. */
export function dropTasks({ inputs, field }: EmbedRequest, notes: Notes): void {
  if (inputs.some(({ task }) => task !== undefined)) notes.drop('dropped:unknown_field', taskField(field, 'taskType'))
  dropTitles({ inputs, field }, notes)
}

export function dropTitles({ inputs, field }: Pick<EmbedRequest, 'inputs' | 'field'>, notes: Notes): void {
  if (inputs.some(({ title }) => title !== undefined)) notes.drop('dropped:unknown_field', taskField(field, 'title'))
}

function taskField(field: string, name: string): string {
  return field === 'requests' ? `requests[].${name}` : name
}

/** The one task that all inputs have; undefined where they differ. */
export function soleTask({ inputs }: EmbedRequest): string | undefined {
  const task = inputs[0]?.task
  return inputs.every((input) => input.task === task) ? task : undefined
}

export function dropUser({ endUser }: EmbedRequest, notes: Notes): void {
  if (endUser !== undefined) notes.drop('dropped:user', 'user')
}
