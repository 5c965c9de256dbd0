import type { Annotation, Finish, Opaque, PartHead, PartMeta, TokenLogprob } from '#translate/common.ts'
import type { Sourced } from './grounding.ts'
import { withWords } from './signature.ts'

/** A call whose arguments were not whole when it ended: it is told at the end, when it is known whether they were cut. */
interface HeldCall {
  readonly head: PartHead & { readonly kind: 'tool_call' }
  readonly args: string
  readonly opaques: readonly Opaque[]
}

/** What a stream to a client has said of one candidate so far. */
export class StreamChoice {
  readonly index: number
  /** Of the part that is open. */
  head: PartHead | undefined
  /** Of a call, or of media: what belongs together. */
  gathered: string[] = []
  /** Something was sent, so that the prompt was not blocked. */
  hasSpoken = false
  isRefusal = false
  finish: Finish | undefined
  /** Signatures of thoughts that wait for the next call. */
  pending: Opaque[] = []
  /** Signature of the open part itself. */
  own: Opaque | undefined
  readonly held: HeldCall[] = []
  logprobs: TokenLogprob[] = []
  readonly sourced: Sourced[] = []
  #partIndex = 0
  /** As the events count them. */
  #part = 0
  /** Texts that are over, for sources that come late. */
  readonly #closed = new Map<number, Sourced & { readonly annotations: Annotation[] }>()
  #annotations: Annotation[] = []
  #texts: string[] = []
  /** Signatures of the open thought, whose words they go with. */
  #ofThought: Opaque[] = []

  constructor(index: number) {
    this.index = index
  }

  open(part: number, head: PartHead): void {
    this.head = head
    this.#part = part
    this.gathered = []
    this.own = undefined
    this.#texts = []
    this.#annotations = []
    if (head.kind === 'refusal') this.isRefusal = true
  }

  /** Sources and signatures come later, and belong to the whole text. */
  said(text: string): void {
    this.#texts.push(text)
  }

  learn({ opaque, annotation, logprobs }: PartMeta): void {
    if (annotation !== undefined) this.#annotations.push(annotation)
    if (logprobs !== undefined) for (const each of logprobs) this.logprobs.push(each)
    if (opaque === undefined) return
    if (this.head?.kind === 'reasoning') this.#ofThought.push(opaque)
    else this.own = opaque
  }

  /** Of a text that is over. */
  learnLate(part: number, annotation: Annotation): void {
    const text = this.#closed.get(part)
    if (text === undefined) return
    if (text.annotations.length === 0) this.sourced.push(text)
    text.annotations.push(annotation)
  }

  /** Head of the part that ended. */
  close(): PartHead | undefined {
    const head = this.head
    this.head = undefined
    if (head?.kind === 'text') {
      const text = { partIndex: this.#partIndex, text: this.#texts.join(''), annotations: this.#annotations }
      this.#closed.set(this.#part, text)
      if (this.#annotations.length > 0) this.sourced.push(text)
      this.#partIndex += 1
    }
    if (this.#ofThought.length > 0) {
      const words = this.#texts.join('')
      for (const opaque of this.#ofThought) this.pending.push(withWords(opaque, words))
      this.#ofThought = []
    }
    return head
  }

  /** Those that go with the call that ended now. */
  takeOpaques(): readonly Opaque[] {
    const opaques = this.own === undefined ? this.pending : [...this.pending, this.own]
    this.pending = []
    return opaques
  }
}
