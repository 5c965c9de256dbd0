import type { AnswerContext, FramedEvent, StreamWriter } from '#translate/codec.ts'
import type { CommonError, CommonEvent, Finish, Usage } from '#translate/common.ts'
import { errorEnvelope } from '#translate/errors.ts'
import { mergedUsage } from '#translate/fold.ts'
import { messageIdFor } from './answer-words.ts'
import { BlockWriter } from './block-writer.ts'
import { stopOf } from './stop.ts'
import { framed, messageStop, ping } from './stream-words.ts'
import { charactersPerToken, servedTier, writtenUsage } from './usage.ts'

/** Common events → Anthropic's, in the order that its clients require. */
export class MessagesStreamWriter implements StreamWriter {
  readonly order = 'serial'
  readonly #context: AnswerContext
  readonly #blocks: BlockWriter
  #isOver = false
  #usage: Usage | undefined
  #finish: Finish | undefined

  constructor(context: AnswerContext) {
    this.#context = context
    this.#blocks = new BlockWriter(context)
  }

  write(event: CommonEvent): readonly FramedEvent[] {
    if (this.#isOver) return nothing
    // The form has one choice.
    if ('choice' in event && event.choice !== 0) return nothing
    switch (event.event) {
      case 'part_delta':
        return this.#blocks.delta(event.text)
      case 'part_start':
        return this.#blocks.start(event.head)
      case 'part_meta':
        return this.#blocks.meta(event.meta)
      case 'part_end':
        return this.#blocks.end()
      case 'start':
        return this.#begin(event.id, event.tier)
      case 'late_source':
        // Its block is over.
        this.#context.notes?.lose('dropped:citations')
        return nothing
      case 'usage':
        this.#usage = this.#usage === undefined ? event.usage : mergedUsage(this.#usage, event.usage)
        return nothing
      case 'finish':
        this.#finish = event.finish
        return nothing
      case 'keepalive':
        return [ping]
      case 'error':
        return this.#fail(event.error)
      case 'end':
        return this.#complete()
    }
  }

  #begin(id: string, tier: string | undefined): readonly FramedEvent[] {
    const { inputEstimate, model } = this.#context
    const message = {
      id: messageIdFor(id, this.#context),
      type: 'message',
      role: 'assistant',
      content: [],
      model,
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage: {
        // Shown to people and counted by clients, who would take 0 for an empty prompt.
        input_tokens: Math.max(1, inputEstimate),
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: 0,
        ...servedTier(tier),
      },
    }
    return [framed('message_start', { type: 'message_start', message }), ping]
  }

  #fail(error: CommonError): readonly FramedEvent[] {
    this.#isOver = true
    return [framed('error', errorEnvelope(error, 'messages', this.#context.requestId))]
  }

  #complete(): readonly FramedEvent[] {
    const last = this.#blocks.end()
    const finish = this.#finish ?? { reason: 'stop' }
    if (finish.reason === 'error') return [...last, ...this.#fail(failedAnswer(finish))]
    this.#isOver = true
    const { stop_reason, stop_sequence, stop_details } = stopOf(finish, this.#blocks, this.#context)
    const output = Math.ceil(this.#blocks.characters / charactersPerToken)
    const end = {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence, stop_details, container: null },
      usage: writtenUsage(this.#usage, { input: this.#context.inputEstimate, output }),
    }
    return [...last, framed('message_delta', end), messageStop]
  }
}

const nothing: readonly FramedEvent[] = []

function failedAnswer(finish: Finish): CommonError {
  const message = finish.explanation ?? `the backend ended its answer with "${finish.native ?? 'error'}"`
  return { kind: 'upstream_failed', status: 502, code: 'upstream_error', message }
}
