import type { AnswerContext, FramedEvent, StreamWriter } from '#translate/codec.ts'
import type { CommonError, CommonEvent, Usage } from '#translate/common.ts'
import { errorEnvelope } from '#translate/errors.ts'
import { answerId, tierWord } from './answer-words.ts'
import { ChoiceWriter } from './choice-writer.ts'
import { brokenOff, estimatedUsage, lastWord, noEvents } from './stream-words.ts'
import { writeUsage } from './usage.ts'

/**
 * Common events → chunks of Chat. The members that all chunks share are written once; texts, which are most of a stream, are
 * put between them.
 */
export class ChatWriter implements StreamWriter {
  readonly order = 'calls'
  readonly #context: AnswerContext
  readonly #choices: ChoiceWriter[] = []
  #head = ''
  #usage: Usage | undefined
  #isOver = false

  constructor(context: AnswerContext) {
    this.#context = context
  }

  write(event: CommonEvent): readonly FramedEvent[] {
    if (this.#isOver) return noEvents
    switch (event.event) {
      case 'part_delta':
        return this.#choice(event.choice).delta(event.part, event.text)
      case 'start':
        this.#head = headOf(event.id, event.createdAt, this.#context, tierWord(event.tier), event.fingerprint)
        return this.#choice(0).begin()
      case 'part_start':
        return this.#choice(event.choice).start(event.part, event.head)
      case 'part_meta':
        return this.#choice(event.choice).meta(event.part, event.meta)
      case 'part_end':
        return this.#choice(event.choice).end(event.part)
      case 'late_source':
        return this.#choice(event.choice).source(event.part, event.annotation)
      case 'usage':
        this.#usage = event.usage
        return noEvents
      case 'finish':
        if (event.finish.reason === 'error') return this.#fail(brokenOff)
        return this.#choice(event.choice).finish(event.finish)
      case 'keepalive':
        return noEvents
      case 'error':
        return this.#fail(event.error)
      case 'end':
        this.#isOver = true
        return this.#context.request.includeUsage ? [this.#usageChunk(), lastWord] : [lastWord]
    }
  }

  #choice(index: number): ChoiceWriter {
    if (this.#head === '') this.#head = headOf('', 0, this.#context)
    return (this.#choices[index] ??= new ChoiceWriter(this.#head, index, this.#context))
  }

  #usageChunk(): FramedEvent {
    if (this.#head === '') this.#head = headOf('', 0, this.#context)
    const saidLength = this.#choices.reduce((sum, choice) => sum + choice.saidLength, 0)
    const usage = this.#usage ?? estimatedUsage(this.#context.inputEstimate, saidLength)
    return { data: `${this.#head}"choices":[],"usage":${JSON.stringify(writeUsage(usage))}}` }
  }

  #fail(error: CommonError): readonly FramedEvent[] {
    this.#isOver = true
    return [{ data: JSON.stringify(errorEnvelope(error, 'chat', this.#context.requestId)) }]
  }
}

function headOf(id: string, createdAt: number, context: AnswerContext, tier?: string, fingerprint?: string): string {
  const members = {
    id: answerId(id, 'chatcmpl-', context.ids),
    object: 'chat.completion.chunk',
    created: createdAt || context.nowSeconds,
    model: context.model,
    ...(tier === undefined ? {} : { service_tier: tier }),
    ...(fingerprint === undefined ? {} : { system_fingerprint: fingerprint }),
  }
  return `${JSON.stringify(members).slice(0, -1)},`
}
