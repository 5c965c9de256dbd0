import type { Annotation, Choice, CommonEvent, Part } from './common.ts'
import type { EventSink } from './event-sink.ts'
import type { Notes } from './notes.ts'

/** What of an answer its client does not get, though it could be told. */
export interface Withheld {
  /** Calls behind the first one of a choice, and what follows them. */
  readonly furtherCalls: boolean
  /** Sources of which nobody said what in the text they are the source of. */
  readonly loneSources: boolean
  /** Name, as sent, of the tool whose arguments are the text. */
  readonly outputTool: string | undefined
  readonly notes: Notes
}

/** A choice of a whole answer. */
export function withoutWithheld(choice: Choice, withheld: Withheld): Choice {
  const told = withheld.loneSources
    ? { ...choice, parts: choice.parts.map((part) => withoutLoneSources(part, withheld.notes)) }
    : choice
  return withheld.furtherCalls ? withOneCall(told, withheld) : told
}

function withOneCall(choice: Choice, { outputTool, notes }: Withheld): Choice {
  let calls = 0
  const parts = choice.parts.filter((part) => {
    if (isOffered(part) && part.name !== outputTool) calls += 1
    return calls < 2 || part.kind === 'refusal'
  })
  if (calls < 2) return choice
  tellCut(notes)
  return { ...choice, parts, finish: cutFinish(choice.finish) }
}

/** A call that the client is to carry out; one with a caller is carried out elsewhere. */
export function isOffered(part: Part): part is Part & { readonly kind: 'tool_call' } {
  if (part.kind !== 'tool_call' || part.isVoid === true) return false
  return part.caller === undefined || part.caller === 'direct'
}

function tellCut(notes: Notes): void {
  notes.lose('dropped:further_calls', 'parallel_tool_calls')
}

/** What reached the limit is no longer there; the call that is told is whole. */
function cutFinish(finish: Choice['finish']): Choice['finish'] {
  return finish.reason === 'length' ? { ...finish, reason: 'tool_calls' } : finish
}

function withoutLoneSources(part: Part, notes: Notes): Part {
  if (part.kind !== 'text' || part.annotations?.some(isLone) !== true) return part
  tellLone(notes)
  const placed = part.annotations.filter((annotation) => !isLone(annotation))
  return { ...part, annotations: placed.length === 0 ? undefined : placed }
}

function isLone({ kind, start, end }: Annotation): boolean {
  return kind === 'url' && start === undefined && end === undefined
}

function tellLone(notes: Notes): void {
  notes.lose('dropped:citations', 'annotations')
}

/** The same of a stream. */
export class Withholding implements EventSink {
  readonly #next: EventSink
  readonly #withheld: Withheld
  readonly #choices = new Map<number, Cut>()
  #isCut = false

  constructor(next: EventSink, withheld: Withheld) {
    this.#next = next
    this.#withheld = withheld
  }

  take(event: CommonEvent): void {
    switch (event.event) {
      case 'part_start':
        if (this.#begins(event)) this.#next.take(event)
        return
      case 'part_delta':
      case 'part_end':
        if (!this.#isBehindCut(event)) this.#next.take(event)
        return
      case 'part_meta':
        if (!this.#isBehindCut(event)) this.#meta(event)
        return
      case 'late_source':
        if (!this.#isBehindCut(event) && !this.#isWithheld(event.annotation)) this.#next.take(event)
        return
      case 'finish': {
        const isCut = this.#choices.get(event.choice)?.at !== undefined
        this.#next.take(isCut ? { ...event, finish: cutFinish(event.finish) } : event)
        return
      }
      case 'start':
      case 'usage':
      case 'keepalive':
      case 'error':
      case 'end':
        this.#next.take(event)
    }
  }

  #begins({ choice, part, head }: Extract<CommonEvent, { readonly event: 'part_start' }>): boolean {
    const { furtherCalls, outputTool, notes } = this.#withheld
    if (!furtherCalls) return true
    const cut = this.#choices.get(choice)
    if (cut?.at !== undefined) {
      if (head.kind === 'refusal') cut.refusal = part
      return head.kind === 'refusal'
    }
    if (head.kind !== 'tool_call' || head.name === outputTool) return true
    if (cut === undefined) {
      this.#choices.set(choice, { at: undefined, refusal: undefined })
      return true
    }
    cut.at = part
    this.#isCut = true
    tellCut(notes)
    return false
  }

  #isBehindCut({ choice, part }: { readonly choice: number; readonly part: number }): boolean {
    if (!this.#isCut) return false
    const cut = this.#choices.get(choice)
    return cut?.at !== undefined && part >= cut.at && part !== cut.refusal
  }

  #meta(event: Extract<CommonEvent, { readonly event: 'part_meta' }>): void {
    const { annotation, ...others } = event.meta
    if (annotation === undefined || !this.#isWithheld(annotation)) this.#next.take(event)
    else if (Object.keys(others).length > 0) this.#next.take({ ...event, meta: others })
  }

  #isWithheld(annotation: Annotation): boolean {
    if (!this.#withheld.loneSources || !isLone(annotation)) return false
    tellLone(this.#withheld.notes)
    return true
  }
}

/** Of a choice that has called a tool. */
interface Cut {
  /** The part that was the second call; numbers rise from there. */
  at: number | undefined
  /** That it was refused is told all the same. */
  refusal: number | undefined
}
