import type { CommonEvent, PartHead } from './common.ts'
import { CustomDecoder } from './custom-decoder.ts'
import type { EventSink } from './event-sink.ts'
import { finishBack, headBack, mustBeSeen, unsupportedOutput, type Return } from './way-back.ts'

/** Calls of a stream in the client's words, and why it finished, by what it said. */
export class CallsBack implements EventSink {
  readonly #next: EventSink
  readonly #way: Return
  readonly #choices = new Map<number, ChoiceCalls>()
  /** Nearly always there is one. */
  #last: ChoiceCalls | undefined
  #lastIndex = -1

  constructor(next: EventSink, way: Return) {
    this.#next = next
    this.#way = way
  }

  take(event: CommonEvent): void {
    if (event.event === 'part_delta') {
      const { stands } = this.#of(event.choice)
      if (stands.size === 0) this.#next.take(event)
      else this.#delta(event, stands)
    } else if (event.event === 'part_start') this.#start(event)
    else if (event.event === 'part_meta' || event.event === 'part_end') this.#other(event)
    else if (event.event === 'finish') this.#finish(event)
    else this.#next.take(event)
  }

  #start(event: Extract<CommonEvent, { readonly event: 'part_start' }>): void {
    const choice = this.#of(event.choice)
    const { head } = event
    if (head.kind === 'native') choice.natives++
    if (head.kind !== 'native' || head.part.form === this.#way.form) choice.isSeen = true
    else this.#way.notes?.lose('dropped:server_tool_blocks')
    if (head.kind === 'refusal') choice.isRefused = true
    if (head.kind !== 'tool_call') return this.#next.take(event)
    if (head.name === this.#way.back.outputTool) {
      choice.stands.set(event.part, { kind: 'output', hasBegun: false })
      return
    }
    choice.calls++
    this.#startCall(event, head, choice)
  }

  #startCall(
    event: Extract<CommonEvent, { readonly event: 'part_start' }>,
    head: PartHead & { readonly kind: 'tool_call' },
    choice: ChoiceCalls,
  ): void {
    const brought = headBack(head, this.#way.back)
    if (brought.isCustom && !head.isCustom) {
      choice.stands.set(event.part, { kind: 'custom', decoder: new CustomDecoder(), isOver: false })
    }
    this.#next.take(brought === head ? event : { ...event, head: brought })
  }

  #delta(event: Extract<CommonEvent, { readonly event: 'part_delta' }>, stands: Map<number, StandIn>): void {
    const { choice, part, text } = event
    const stand = stands.get(part)
    if (stand === undefined) return this.#next.take(event)
    if (stand.kind === 'output') {
      this.#beginText(stand, choice, part)
      return this.#next.take(event)
    }
    if (stand.isOver) return
    const told = stand.decoder.push(text)
    if (told !== '') this.#next.take({ event: 'part_delta', choice, part, text: told })
    // Others may come now: nothing in the text tells a writer that it is over.
    if (stand.decoder.isOver) this.#endCustom(stand, choice, part)
  }

  #other(event: Extract<CommonEvent, { readonly event: 'part_meta' | 'part_end' }>): void {
    const { choice, part } = event
    const stand = this.#of(choice).stands.get(part)
    if (stand === undefined) return this.#next.take(event)
    if (stand.kind === 'output') return this.#otherOfOutput(event, stand)
    if (stand.isOver) return
    if (event.event === 'part_meta') return this.#next.take(event)
    this.#endCustom(stand, choice, part)
  }

  /** Arguments that never came are an object with nothing in it. */
  #otherOfOutput(event: Extract<CommonEvent, { readonly event: 'part_meta' | 'part_end' }>, stand: OutputStand): void {
    const { choice, part } = event
    if (event.event === 'part_end' && !stand.hasBegun) {
      this.#beginText(stand, choice, part)
      this.#next.take({ event: 'part_delta', choice, part, text: '{}' })
    }
    if (stand.hasBegun) this.#next.take(event)
  }

  #beginText(stand: OutputStand, choice: number, part: number): void {
    if (stand.hasBegun) return
    stand.hasBegun = true
    this.#next.take({ event: 'part_start', choice, part, head: { kind: 'text' } })
  }

  #endCustom(stand: CustomStand, choice: number, part: number): void {
    stand.isOver = true
    const rest = stand.decoder.end()
    if (rest !== '') this.#next.take({ event: 'part_delta', choice, part, text: rest })
    this.#next.take({ event: 'part_end', choice, part })
  }

  #finish(event: Extract<CommonEvent, { readonly event: 'finish' }>): void {
    const choice = this.#of(event.choice)
    const { reason } = event.finish
    if (!choice.isSeen && choice.natives > 0 && mustBeSeen.has(reason)) {
      return this.#next.take({ event: 'error', error: unsupportedOutput })
    }
    const finish = finishBack(event.finish, choice)
    this.#next.take(finish === event.finish ? event : { ...event, finish })
  }

  #of(index: number): ChoiceCalls {
    if (this.#last !== undefined && index === this.#lastIndex) return this.#last
    let choice = this.#choices.get(index)
    if (choice === undefined) {
      choice = { stands: new Map(), calls: 0, natives: 0, isRefused: false, isSeen: false }
      this.#choices.set(index, choice)
    }
    this.#last = choice
    this.#lastIndex = index
    return choice
  }
}

interface ChoiceCalls {
  /** Parts that stand for something else. */
  readonly stands: Map<number, StandIn>
  calls: number
  natives: number
  isRefused: boolean
  /** It holds something that the client can be told. */
  isSeen: boolean
}

type StandIn = OutputStand | CustomStand

interface OutputStand {
  readonly kind: 'output'
  hasBegun: boolean
}

interface CustomStand {
  readonly kind: 'custom'
  readonly decoder: CustomDecoder
  isOver: boolean
}
