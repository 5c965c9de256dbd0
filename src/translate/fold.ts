import type {
  Annotation,
  Choice,
  CommonError,
  CommonEvent,
  CommonResponse,
  Finish,
  MediaPart,
  Opaque,
  Part,
  PartHead,
  PartMeta,
  TokenLogprob,
  Usage,
} from './common.ts'
import type { EventSink } from './event-sink.ts'

/** Collects the events of a stream into the answer that they are. */
export class Fold implements EventSink {
  #start: Extract<CommonEvent, { readonly event: 'start' }> | undefined
  readonly #choices = new Map<number, FoldedChoice>()
  #usage: Usage | undefined
  #error: CommonError | undefined
  #isComplete = false
  #characters = 0

  /** Of all texts so far; whatever else came counts as if it were some text. */
  get characters(): number {
    return this.#characters
  }

  /** There was an error, and so nothing follows. */
  get hasFailed(): boolean {
    return this.#error !== undefined
  }

  /** It came to its end, and nothing follows. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  take(event: CommonEvent): void {
    if (this.#error !== undefined) return
    switch (event.event) {
      case 'start':
        this.#start ??= event
        return
      case 'part_start':
        this.#characters += lengthOf(event.head)
        this.#of(event.choice).parts.set(event.part, new FoldedPart(event.head))
        return
      case 'part_delta':
        this.#characters += event.text.length
        this.#of(event.choice).parts.get(event.part)?.texts.push(event.text)
        return
      case 'part_meta':
        this.#characters +=
          metaLength * Math.max(1, event.meta.logprobs?.length ?? 0) + (event.meta.opaque?.payload.length ?? 0)
        this.#of(event.choice).parts.get(event.part)?.addMeta(event.meta)
        return
      case 'late_source':
        this.#characters += metaLength
        this.#of(event.choice).parts.get(event.part)?.addMeta({ annotation: event.annotation })
        return
      case 'usage':
        this.#usage = mergedUsage(this.#usage ?? {}, event.usage)
        return
      case 'finish':
        this.#of(event.choice).finish = event.finish
        return
      case 'error':
        this.#error = event.error
        return
      case 'end':
        this.#isComplete = true
        return
      case 'part_end':
      case 'keepalive':
    }
  }

  /** Undefined: the stream has not said all. */
  result(): CommonResponse | CommonError | undefined {
    if (this.#error !== undefined) return this.#error
    if (!this.#isComplete) return undefined
    const choices: Choice[] = []
    for (const [index, { parts, finish }] of this.#choices) {
      const whole = [...parts.values()].flatMap((part) => part.whole() ?? [])
      choices.push({ index, parts: whole, finish: finish ?? { reason: 'stop' } })
    }
    return {
      id: this.#start?.id,
      model: this.#start?.model ?? '',
      createdAt: this.#start?.createdAt,
      choices: choices.toSorted((a, b) => a.index - b.index),
      usage: this.#usage,
      tier: this.#start?.tier,
      fingerprint: this.#start?.fingerprint,
    }
  }

  #of(index: number): FoldedChoice {
    let choice = this.#choices.get(index)
    if (choice === undefined) this.#choices.set(index, (choice = { parts: new Map(), finish: undefined }))
    return choice
  }
}

/** About what they take in memory, in characters. */
function lengthOf(head: PartHead): number {
  const isHeavy = head.kind === 'native' || head.kind === 'media'
  return isHeavy ? JSON.stringify(head.part).length + partLength : partLength
}

const partLength = 256
const metaLength = 256

interface FoldedChoice {
  /** By number, in the order in which they began. */
  readonly parts: Map<number, FoldedPart>
  finish: Finish | undefined
}

class FoldedPart {
  readonly #head: PartHead
  readonly texts: string[] = []
  #opaque: Opaque | undefined
  readonly #annotations: Annotation[] = []
  #logprobs: TokenLogprob[] = []
  #transcript = ''

  constructor(head: PartHead) {
    this.#head = head
  }

  addMeta({ opaque, annotation, logprobs, transcript }: PartMeta): void {
    if (transcript !== undefined) this.#transcript += transcript
    if (opaque !== undefined) this.#opaque = opaque
    if (annotation !== undefined) this.#annotations.push(annotation)
    if (logprobs !== undefined) for (const logprob of logprobs) this.#logprobs.push(logprob)
  }

  /** Undefined where it said nothing. */
  whole(): Part | undefined {
    const head = this.#head
    const text = this.texts.join('')
    const opaque = this.#opaque === undefined ? undefined : { opaque: this.#opaque }
    switch (head.kind) {
      case 'text':
        return this.#wholeText(text)
      case 'refusal':
        return { kind: 'refusal', text }
      case 'reasoning': {
        const { style, isRedacted } = head
        return text === '' && opaque === undefined
          ? undefined
          : { kind: 'reasoning', text, style, isRedacted, ...opaque }
      }
      case 'tool_call':
        return { ...head, args: { raw: text }, ...opaque }
      case 'media':
        return text === '' && this.#transcript === '' ? head.part : withMore(head.part, text, this.#transcript)
      case 'native':
        return head.part
    }
  }

  #wholeText(text: string): Part | undefined {
    const annotations = this.#annotations.length === 0 ? undefined : { annotations: this.#annotations }
    const logprobs = this.#logprobs.length === 0 ? undefined : { logprobs: this.#logprobs }
    const opaque = this.#opaque === undefined ? undefined : { opaque: this.#opaque }
    if (text === '' && annotations === undefined && opaque === undefined) return undefined
    return { kind: 'text', text, ...annotations, ...logprobs, ...opaque }
  }
}

function withMore(part: MediaPart, base64: string, transcript: string): MediaPart {
  const before = 'base64' in part.source ? part.source.base64 : ''
  const told = (part.transcript ?? '') + transcript
  return { ...part, source: { base64: before + base64 }, ...(told === '' ? {} : { transcript: told }) }
}

/** What is told later counts, number by number. */
export function mergedUsage(before: Usage, later: Usage): Usage {
  const told = Object.entries(later).filter(([, tokens]) => tokens !== undefined)
  return { ...before, ...Object.fromEntries(told) }
}
