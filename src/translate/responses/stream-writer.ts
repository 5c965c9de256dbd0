import type { AnswerContext, FramedEvent, StreamWriter } from '#translate/codec.ts'
import type { Annotation, CommonError, CommonEvent, Finish, MediaPart, PartHead, Usage } from '#translate/common.ts'
import { errorWordsFor } from '#translate/errors.ts'
import { CallIds, textOfMedia } from './output-items.ts'
import { failed, failureCode, finished, inProgress, Shell, type State } from './shell.ts'
import { openCall, OpenImage, OpenReasoning, Silent, tellWhole, type OpenItem } from './stream-items.ts'
import { OpenMessage } from './stream-message.ts'
import { StreamOutput } from './stream-output.ts'
import { estimatedUsage } from './usage.ts'

/** An answer as a stream to a client of this API, in the order that OpenAI's own clients require (formats §11.4). */
export class ResponsesWriter implements StreamWriter {
  readonly order = 'serial'
  readonly #context: AnswerContext
  readonly #output = new StreamOutput()
  readonly #callIds: CallIds
  #shell: Shell | undefined
  #item: OpenItem | undefined
  #usage: Usage | undefined
  #finish: Finish = { reason: 'stop' }
  #hasRefusal = false
  /** Number of the last text. */
  #text = -1
  #isOver = false

  constructor(context: AnswerContext) {
    this.#context = context
    this.#callIds = new CallIds(context.ids)
  }

  write(event: CommonEvent): readonly FramedEvent[] {
    if (this.#isOver) return []
    if ('choice' in event && event.choice !== 0) return []
    switch (event.event) {
      case 'part_delta':
        this.#item?.delta(event.text)
        break
      case 'start':
        this.#begin(event.id, event.createdAt, event.tier)
        break
      case 'part_start':
        this.#startPart(event.part, event.head)
        break
      case 'late_source':
        this.#lateSource(event.part, event.annotation)
        break
      case 'part_meta':
        this.#item?.meta(event.meta)
        break
      case 'part_end':
        this.#item?.endPart()
        break
      case 'usage':
        this.#usage = merged(this.#usage, event.usage)
        break
      case 'finish':
        this.#finishParts(event.finish)
        break
      case 'error':
        this.#fail(event.error)
        break
      case 'end':
        this.#end()
        break
      case 'keepalive':
    }
    return this.#output.take()
  }

  #begin(id: string | undefined, createdAt: number | undefined, tier?: string): Shell {
    const shell = new Shell(this.#context, id, createdAt, tier)
    this.#shell = shell
    const response = `,"response":${shell.text(inProgress, [])}`
    this.#output.emit('response.created', response)
    this.#output.emit('response.in_progress', response)
    return shell
  }

  /** Of a text whose message is still open: it is told before that is done. */
  #lateSource(part: number, annotation: Annotation): void {
    if (this.#item instanceof OpenMessage && part === this.#text) this.#item.meta({ annotation })
    else this.#context.notes?.lose('dropped:citations')
  }

  #startPart(part: number, head: PartHead): void {
    if (this.#shell === undefined) this.#begin(undefined, undefined)
    switch (head.kind) {
      case 'text':
      case 'refusal':
        this.#hasRefusal ||= head.kind === 'refusal'
        this.#message().startPart(head.kind)
        this.#text = part
        break
      case 'reasoning':
        this.#next(new OpenReasoning(this.#output, this.#context))
        break
      case 'tool_call':
        // The item before it ends before this one begins.
        this.#close()
        this.#item = openCall(this.#output, this.#context, head, this.#callIds)
        break
      case 'media':
        this.#startMedia(head.part)
        break
      case 'native':
        this.#next(new Silent())
        if (head.part.form === 'responses') tellWhole(this.#output, head.part.value)
        break
    }
  }

  #startMedia(part: MediaPart): void {
    if (part.medium === 'image' && 'base64' in part.source) {
      this.#close()
      this.#item = new OpenImage(this.#output, this.#context, part)
      return
    }
    const text = textOfMedia(part)
    this.#text = -1
    if (text === undefined) this.#context.notes?.lose('dropped:answer_field', part.medium)
    else {
      const message = this.#message()
      message.startPart('text')
      message.delta(text)
      message.endPart()
    }
    this.#next(new Silent())
  }

  /** Texts and refusals side by side are one message. */
  #message(): OpenMessage {
    if (this.#item instanceof OpenMessage) return this.#item
    this.#close()
    const message = new OpenMessage(this.#output, this.#context)
    this.#item = message
    return message
  }

  #next(item: OpenItem): void {
    this.#close()
    this.#item = item
  }

  #close(status: 'completed' | 'incomplete' = 'completed'): void {
    const item = this.#item
    this.#item = undefined
    item?.close(status)
  }

  #finishParts(finish: Finish): void {
    this.#finish = finish
    const { reason, explanation } = finish
    // A call that nobody may carry out is not offered as a whole one.
    if (reason === 'content_filter' && this.#item?.isCall === true) this.#close('incomplete')
    if (reason === 'content_filter' && explanation !== undefined && explanation !== '' && !this.#hasRefusal) {
      const message = this.#message()
      message.startPart('refusal')
      message.delta(explanation)
      message.endPart()
    }
    this.#close(reason === 'length' ? 'incomplete' : 'completed')
  }

  #end(): void {
    const shell = this.#shell ?? this.#begin(undefined, undefined)
    this.#close()
    const usage = this.#usage ?? estimatedUsage(this.#context.inputEstimate, this.#output.length)
    const state = finished(this.#finish, usage, this.#context.nowSeconds)
    if (state.status === 'failed') {
      const message = String(state.error?.['message'])
      this.#tellError({ kind: 'upstream_failed', status: 502, message })
    }
    this.#last(shell, state)
  }

  #fail(error: CommonError): void {
    const shell = this.#shell ?? new Shell(this.#context, undefined, undefined)
    this.#tellError(error)
    this.#last(shell, failed(error))
  }

  #last(shell: Shell, state: State): void {
    this.#isOver = true
    const isRefused = this.#finish.reason === 'content_filter'
    const items = isRefused ? this.#output.itemsWithoutCalls : this.#output.items
    this.#output.emit(`response.${state.status}`, `,"response":${shell.text(state, items)}`)
  }

  /** Types say that it is flat, streams of the provider have it nested: both. */
  #tellError(error: CommonError): void {
    const { message, param } = error
    const { code, type } = wordsFor(error)
    const told = { code, message, param: param ?? null }
    const nested = { type, ...told }
    const members = `${JSON.stringify(told).slice(1, -1)},"error":${JSON.stringify(nested)}`
    this.#output.emit('error', `,${members}`)
  }
}

/** The code of an `error` event is free, and says more than that of a response; of failures behind us nobody knows more. */
function wordsFor(error: CommonError): { readonly code: string; readonly type: string } {
  const code = failureCode(error)
  if (serverKinds.has(error.kind)) return { code, type: 'server_error' }
  const { openaiCode, openaiType } = errorWordsFor(error.kind)
  return { code: openaiCode ?? code, type: openaiType }
}

const serverKinds: ReadonlySet<CommonError['kind']> = new Set([
  'upstream_failed',
  'upstream_auth',
  'overloaded',
  'timeout',
  'internal',
])

function merged(before: Usage | undefined, after: Usage): Usage {
  if (before === undefined) return after
  const known = Object.entries(after).filter(([, count]) => count !== undefined)
  return { ...before, ...Object.fromEntries(known) }
}
