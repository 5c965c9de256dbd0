import { estimateTextTokens } from '#translate/token-estimate.ts'
import type { EmbedRequest, Embeddings } from './common.ts'

/** The vectors of all inputs, in their order. */
export interface JointEmbeddings extends Embeddings {
  /** Told by the backend, or estimated. */
  readonly tokens: number
}

/** Puts the answers to several requests together, in whatever order they come. */
export class JointVectors {
  readonly #requests: readonly EmbedRequest[]
  readonly #answers: (Embeddings | undefined)[]
  #left: number
  #whole: JointEmbeddings | undefined

  constructor(requests: readonly EmbedRequest[]) {
    this.#requests = requests
    this.#answers = requests.map(() => undefined)
    this.#left = requests.length
  }

  /** Undefined until all are there. */
  get whole(): JointEmbeddings | undefined {
    return this.#whole
  }

  lacks(index: number): boolean {
    return this.#answers[index] === undefined
  }

  /** Why the answer is none to this request; undefined where it is one. */
  add(index: number, answer: Embeddings | undefined): string | undefined {
    const length = this.#requests[index]?.inputs.length ?? 0
    if (answer === undefined) return 'its answer has no vectors'
    if (answer.vectors.length !== length) {
      return `its answer has ${answer.vectors.length} vectors for ${length} inputs`
    }
    if (this.#answers[index] === undefined) this.#left--
    this.#answers[index] = answer
    if (this.#left === 0) this.#whole = this.#join()
    return undefined
  }

  #join(): JointEmbeddings {
    const vectors: (readonly number[])[] = []
    let tokens = 0
    for (const [index, answer] of this.#answers.entries()) {
      for (const vector of answer?.vectors ?? []) vectors.push(vector)
      tokens += answer?.tokens ?? estimateOf(this.#requests[index])
    }
    return { vectors, tokens }
  }
}

function estimateOf(request: EmbedRequest | undefined): number {
  return (request?.inputs ?? []).reduce((sum, { text }) => sum + estimateTextTokens(text), 0)
}
