import type { AnswerContext } from '#translate/codec.ts'
import type { Opaque, PartMeta } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { codePoints, writeAnnotation, writeLogprobs } from './annotations.ts'
import { itemId, signatureItem, type ItemStatus } from './output-items.ts'
import type { OpenItem } from './stream-items.ts'
import type { StreamOutput } from './stream-output.ts'

/** A message on its way: texts and refusals side by side. */
export class OpenMessage implements OpenItem {
  readonly #output: StreamOutput
  readonly #context: AnswerContext
  readonly #id: string
  readonly #contents: string[] = []
  #part: OpenText | undefined
  #signature: Opaque | undefined

  constructor(output: StreamOutput, context: AnswerContext) {
    this.#output = output
    this.#context = context
    this.#id = itemId(context.ids, 'msg_')
    output.addItem(this.#item('in_progress'))
  }

  startPart(kind: 'text' | 'refusal'): void {
    this.#finishPart()
    this.#part = new OpenText(this.#output, kind, this.#id, this.#contents.length, this.#context.notes)
  }

  delta(text: string): void {
    this.#part?.delta(text)
  }

  meta(meta: PartMeta): void {
    this.#signature = meta.opaque ?? this.#signature
    this.#part?.meta(meta)
  }

  /** It ends when something else begins: until then there may be sources of it. */
  endPart(): void {}

  #finishPart(): void {
    const content = this.#part?.end()
    if (content !== undefined) this.#contents.push(content)
    this.#part = undefined
  }

  /** What signs the text of a stream is known only when its message was told; so it stands behind it. */
  close(status: ItemStatus): void {
    this.#finishPart()
    this.#output.finishItem(this.#item(status))
    if (this.#signature === undefined) return
    const item = JSON.stringify(signatureItem(this.#context.ids, this.#id, this.#signature))
    this.#output.addItem(item)
    this.#output.finishItem(item)
  }

  #item(status: ItemStatus): string {
    const contents = this.#contents.join(',')
    return `{"id":"${this.#id}","type":"message","status":"${status}","role":"assistant","content":[${contents}]}`
  }
}

/** One part of a message. */
class OpenText {
  readonly #output: StreamOutput
  readonly #isRefusal: boolean
  readonly #deltaName: string
  readonly #doneName: string
  /** What all events of it have in common. */
  readonly #place: string
  readonly #beforeDelta: string
  readonly #afterDelta: string
  readonly #notes: Notes | undefined
  #text = ''
  readonly #annotations: string[] = []
  #logprobs = ''

  constructor(
    output: StreamOutput,
    kind: 'text' | 'refusal',
    messageId: string,
    contentIndex: number,
    notes: Notes | undefined,
  ) {
    this.#output = output
    this.#notes = notes
    this.#isRefusal = kind === 'refusal'
    this.#deltaName = this.#isRefusal ? 'response.refusal.delta' : 'response.output_text.delta'
    this.#doneName = this.#isRefusal ? 'response.refusal.done' : 'response.output_text.done'
    this.#place = `,"item_id":"${messageId}","output_index":${output.index},"content_index":${contentIndex}`
    this.#beforeDelta = `${this.#place},"delta":`
    this.#afterDelta = this.#isRefusal ? '' : ',"logprobs":[]'
    output.emit('response.content_part.added', `${this.#place},"part":${this.#content()}`)
  }

  delta(text: string): void {
    this.#text += text
    this.#output.length += text.length
    this.#output.emit(this.#deltaName, `${this.#beforeDelta}${JSON.stringify(text)}${this.#afterDelta}`)
  }

  meta({ annotation, logprobs }: PartMeta): void {
    if (this.#isRefusal) return
    const written = annotation && writeAnnotation(annotation, () => codePoints(this.#text))
    if (annotation !== undefined && written === undefined) this.#notes?.lose('dropped:citations')
    if (written !== undefined) {
      const json = JSON.stringify(written)
      const members = `${this.#place},"annotation_index":${this.#annotations.length},"annotation":${json}`
      this.#output.emit('response.output_text.annotation.added', members)
      this.#annotations.push(json)
    }
    if (logprobs === undefined || logprobs.length === 0) return
    const json = JSON.stringify(writeLogprobs(logprobs)).slice(1, -1)
    this.#logprobs += this.#logprobs === '' ? json : `,${json}`
    // Their text was told before them.
    this.#output.emit(this.#deltaName, `${this.#beforeDelta}"","logprobs":[${json}]`)
  }

  end(): string {
    const text = JSON.stringify(this.#text)
    const told = this.#isRefusal ? `,"refusal":${text}` : `,"text":${text},"logprobs":[${this.#logprobs}]`
    const content = this.#content()
    this.#output.emit(this.#doneName, this.#place + told)
    this.#output.emit('response.content_part.done', `${this.#place},"part":${content}`)
    return content
  }

  #content(): string {
    const text = JSON.stringify(this.#text)
    if (this.#isRefusal) return `{"type":"refusal","refusal":${text}}`
    return `{"type":"output_text","text":${text},"annotations":[${this.#annotations.join(',')}],"logprobs":[${this.#logprobs}]}`
  }
}
