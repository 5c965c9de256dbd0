import { answerId } from '#translate/chat/answer-words.ts'
import { brokenOff, estimatedUsage, lastWord, noEvents } from '#translate/chat/stream-words.ts'
import { writeUsage } from '#translate/chat/usage.ts'
import type { AnswerContext, FramedEvent, StreamWriter } from '#translate/codec.ts'
import type { CommonError, CommonEvent, Finish, Usage } from '#translate/common.ts'
import { errorEnvelope } from '#translate/errors.ts'
import { completionWord, explanationOf, tellUntold } from './write-body.ts'

/** Common events → chunks of Completions: what is said, and nothing else. */
export class CompletionsWriter implements StreamWriter {
  readonly order = 'calls'
  readonly #context: AnswerContext
  readonly #usageNull: string
  /** By choice, the parts that are told. */
  readonly #told: boolean[][] = []
  readonly #hasSpoken: boolean[] = []
  #head = ''
  #saidLength = 0
  #usage: Usage | undefined
  #isOver = false

  constructor(context: AnswerContext) {
    this.#context = context
    this.#usageNull = context.request.includeUsage ? ',"usage":null' : ''
  }

  write(event: CommonEvent): readonly FramedEvent[] {
    if (this.#isOver) return noEvents
    switch (event.event) {
      case 'part_delta':
        return this.#told[event.choice]?.[event.part] === true ? this.#say(event.choice, event.text, 'null') : noEvents
      case 'start':
        this.#head = headOf(event.id, event.createdAt, this.#context, event.fingerprint)
        return noEvents
      case 'part_start': {
        const told = (this.#told[event.choice] ??= [])
        told[event.part] = event.head.kind === 'text' || event.head.kind === 'refusal'
        tellUntold(event.head.kind, this.#context)
        return noEvents
      }
      case 'usage':
        this.#usage = event.usage
        return noEvents
      case 'finish':
        return event.finish.reason === 'error' ? this.#fail(brokenOff) : this.#finish(event.choice, event.finish)
      case 'error':
        return this.#fail(event.error)
      case 'end':
        this.#isOver = true
        return this.#context.request.includeUsage ? [this.#usageChunk(), lastWord] : [lastWord]
      case 'part_meta':
        if (event.meta.annotation !== undefined) this.#context.notes?.lose('dropped:citations')
        return noEvents
      case 'late_source':
        this.#context.notes?.lose('dropped:citations')
        return noEvents
      case 'part_end':
      case 'keepalive':
        return noEvents
    }
  }

  #say(choice: number, text: string, finish: string): readonly FramedEvent[] {
    if (this.#head === '') this.#head = headOf('', 0, this.#context)
    this.#saidLength += text.length
    if (text !== '') this.#hasSpoken[choice] = true
    const said = `{"text":${JSON.stringify(text)},"index":${choice},"logprobs":null,"finish_reason":${finish}}`
    return [{ data: `${this.#head}"choices":[${said}]${this.#usageNull}}` }]
  }

  #finish(choice: number, finish: Finish): readonly FramedEvent[] {
    const explanation = this.#hasSpoken[choice] === true ? '' : explanationOf(finish)
    return this.#say(choice, explanation, JSON.stringify(completionWord(finish)))
  }

  #usageChunk(): FramedEvent {
    if (this.#head === '') this.#head = headOf('', 0, this.#context)
    const usage = this.#usage ?? estimatedUsage(this.#context.inputEstimate, this.#saidLength)
    return { data: `${this.#head}"choices":[],"usage":${JSON.stringify(writeUsage(usage))}}` }
  }

  #fail(error: CommonError): readonly FramedEvent[] {
    this.#isOver = true
    return [{ data: JSON.stringify(errorEnvelope(error, 'completions', this.#context.requestId)) }]
  }
}

function headOf(id: string, createdAt: number, context: AnswerContext, fingerprint?: string): string {
  const members = {
    id: answerId(id, 'cmpl-', context.ids),
    object: 'text_completion',
    created: createdAt || context.nowSeconds,
    model: context.model,
    ...(fingerprint === undefined ? {} : { system_fingerprint: fingerprint }),
  }
  return `${JSON.stringify(members).slice(0, -1)},`
}
