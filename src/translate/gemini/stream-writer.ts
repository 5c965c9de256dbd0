import type { AnswerContext, FramedEvent, StreamWriter } from '#translate/codec.ts'
import type { CommonError, CommonEvent, MediaPart, Opaque, PartHead, Usage } from '#translate/common.ts'
import { errorEnvelope } from '#translate/errors.ts'
import { argsObjectOfAnswer, argsOfCustom } from '#translate/tool-args.ts'
import { isWhole, mediaOf, nativeOf } from './answer-parts.ts'
import { finishWords } from './finish.ts'
import { told } from './fields.ts'
import { groundingMetadataOf } from './grounding.ts'
import { logprobsResultOf } from './logprobs.ts'
import { signatureOf } from './signature.ts'
import { StreamChoice } from './stream-choice.ts'
import { usageMetadataOf } from './usage.ts'
import { promptFeedbackOf, responseIdLength, wantsThoughts } from './write-body.ts'

/** One chunk for each piece of text; calls are whole; the last chunk has the finish and the usage (formats §11.6). */
export class GeminiStreamWriter implements StreamWriter {
  readonly order = 'serial'
  readonly #context: AnswerContext
  readonly #showsThoughts: boolean
  readonly #responseId: string
  /** Behind the index of a candidate. */
  readonly #tail: string
  readonly #choices = new Map<number, StreamChoice>()
  #usage: Usage | undefined
  #isOver = false

  constructor(context: AnswerContext) {
    this.#context = context
    this.#showsThoughts = wantsThoughts(context)
    this.#responseId = context.ids.base62(responseIdLength)
    const names = `"modelVersion":${JSON.stringify(context.model)},"responseId":"${this.#responseId}"`
    this.#tail = `}],${names}}`
  }

  write(event: CommonEvent): readonly FramedEvent[] {
    if (this.#isOver) return nothing
    switch (event.event) {
      case 'part_start':
        this.#choice(event.choice).open(event.part, event.head)
        return nothing
      case 'part_delta':
        return this.#delta(this.#choice(event.choice), event.text)
      case 'part_meta':
        this.#choice(event.choice).learn(event.meta)
        return nothing
      case 'part_end':
        return this.#partEnd(this.#choice(event.choice))
      case 'late_source':
        this.#choice(event.choice).learnLate(event.part, event.annotation)
        return nothing
      case 'usage':
        this.#usage = { ...this.#usage, ...told({ ...event.usage }) }
        return nothing
      case 'finish':
        this.#choice(event.choice).finish = event.finish
        return nothing
      case 'error':
        return this.#fail(event.error)
      case 'end':
        return this.#end()
      case 'start':
      case 'keepalive':
        return nothing
    }
  }

  #choice(index: number): StreamChoice {
    const known = this.#choices.get(index)
    if (known !== undefined) return known
    const choice = new StreamChoice(index)
    this.#choices.set(index, choice)
    return choice
  }

  #delta(choice: StreamChoice, text: string): readonly FramedEvent[] {
    const { head } = choice
    switch (head?.kind) {
      case 'text':
        choice.said(text)
        return this.#say(choice, `{"text":${JSON.stringify(text)}}`)
      case 'refusal':
        return this.#say(choice, `{"text":${JSON.stringify(text)}}`)
      case 'reasoning':
        choice.said(text)
        return this.#showsThoughts ? this.#say(choice, `{"text":${JSON.stringify(text)},"thought":true}`) : nothing
      case 'tool_call':
      case 'media':
        choice.gathered.push(text)
        return nothing
      case 'native':
      case undefined:
        return nothing
    }
  }

  #partEnd(choice: StreamChoice): readonly FramedEvent[] {
    const head = choice.close()
    switch (head?.kind) {
      case 'text':
        return choice.own === undefined ? nothing : this.#say(choice, signedEmptyText([choice.own]))
      case 'tool_call':
        return this.#callEnd(choice, head)
      case 'media':
        return this.#sayObject(choice, mediaOf(wholeMedia(head.part, choice.gathered)))
      case 'native':
        return this.#sayObject(choice, nativeOf(head.part))
      case 'reasoning':
      case 'refusal':
      case undefined:
        return nothing
    }
  }

  #callEnd(choice: StreamChoice, head: PartHead & { readonly kind: 'tool_call' }): readonly FramedEvent[] {
    const args = choice.gathered.join('')
    if (!head.isCustom && !isWhole(args)) {
      choice.held.push({ head, args, opaques: choice.takeOpaques() })
      return nothing
    }
    return this.#say(choice, callText(head, args, choice.takeOpaques()))
  }

  #end(): readonly FramedEvent[] {
    this.#isOver = true
    const choices = [...this.#choices.values()]
    if (choices.some(({ finish }) => finish?.reason === 'error')) return this.#fail(unfinished(choices))
    const events = choices.flatMap((choice) => this.#heldCalls(choice))
    const last = told({
      ...this.#lastWords(choices),
      usageMetadata: usageMetadataOf(this.#usage, this.#context.inputEstimate),
      modelVersion: this.#context.model,
      responseId: this.#responseId,
    })
    return [...events, { data: JSON.stringify(last) }]
  }

  #heldCalls(choice: StreamChoice): readonly FramedEvent[] {
    return choice.held.flatMap(({ head, args, opaques }) => {
      if (choice.finish?.reason !== 'length') return this.#say(choice, callText(head, args, opaques))
      choice.pending.push(...opaques)
      return []
    })
  }

  #lastWords(choices: readonly StreamChoice[]): object {
    const [first] = choices
    const isBlocked = choices.every(({ hasSpoken, finish }) => !hasSpoken && finish?.reason === 'content_filter')
    if (isBlocked && first?.finish !== undefined) return { promptFeedback: promptFeedbackOf(first.finish) }
    return {
      candidates: (choices.length === 0 ? [new StreamChoice(0)] : choices).map((choice) =>
        lastCandidate(choice, this.#context),
      ),
    }
  }

  #sayObject(choice: StreamChoice, part: object | undefined): readonly FramedEvent[] {
    return part === undefined ? nothing : this.#say(choice, JSON.stringify(part))
  }

  #say(choice: StreamChoice, part: string): readonly FramedEvent[] {
    choice.hasSpoken = true
    let rest = ''
    if (choice.logprobs.length > 0) {
      rest = `,"logprobsResult":${JSON.stringify(logprobsResultOf(choice.logprobs))}`
      choice.logprobs = []
    }
    return [{ data: `${front}${part}]},"index":${choice.index}${rest}${this.#tail}` }]
  }

  /** Twice, the second time bare: some clients look for errors only beside the events (formats §8.4). */
  #fail(error: CommonError): readonly FramedEvent[] {
    this.#isOver = true
    const data = JSON.stringify(errorEnvelope(error, 'gemini', this.#context.requestId))
    return [{ data }, { data, bare: true }]
  }
}

const front = '{"candidates":[{"content":{"role":"model","parts":['

const nothing: readonly FramedEvent[] = []

function signedEmptyText(opaques: readonly Opaque[]): string {
  return JSON.stringify({ text: '', thoughtSignature: signatureOf(opaques) })
}

function callText(
  { id, name, isCustom }: PartHead & { readonly kind: 'tool_call' },
  args: string,
  opaques: readonly Opaque[],
): string {
  const idText = id === '' ? '' : `"id":${JSON.stringify(id)},`
  const signature = signatureOf(opaques)
  const signatureText = signature === undefined ? '' : `,"thoughtSignature":${JSON.stringify(signature)}`
  const call = `{"functionCall":{${idText}"name":${JSON.stringify(name)},"args":${argsTextOf(args, isCustom)}}`
  return `${call}${signatureText}}`
}

/** An object as it came, so that its numbers keep their digits. */
function argsTextOf(args: string, isCustom: boolean): string {
  if (!isCustom && args.startsWith('{') && !/[\r\n]/.test(args) && isWhole(args)) return args
  const raw = { raw: args }
  return JSON.stringify(argsObjectOfAnswer(isCustom ? argsOfCustom(raw) : raw))
}

function wholeMedia(part: MediaPart, pieces: readonly string[]): MediaPart {
  if (pieces.length === 0) return part
  const begun = 'base64' in part.source ? part.source.base64 : ''
  return { ...part, source: { base64: begun + pieces.join('') } }
}

function lastCandidate(choice: StreamChoice, { notes }: AnswerContext): object {
  const thoughtSignature = signatureOf(choice.pending)
  const { finish } = choice
  return told({
    content: { role: 'model', parts: [told({ text: '', thoughtSignature })] },
    finishReason: choice.isRefusal ? 'SAFETY' : finishWords[finish?.reason ?? 'stop'],
    finishMessage: finish?.explanation,
    index: choice.index,
    groundingMetadata: groundingMetadataOf(choice.sourced, notes),
    logprobsResult: choice.logprobs.length === 0 ? undefined : logprobsResultOf(choice.logprobs),
  })
}

/** A backend that says it could not finish, for clients who have no word for that. */
function unfinished(choices: readonly StreamChoice[]): CommonError {
  const finish = choices.find((choice) => choice.finish?.reason === 'error')?.finish
  const why = finish?.explanation ?? finish?.native
  const message = `Cannot finish the answer: the model ended it with an error${why === undefined ? '' : ` (${why})`}`
  return { kind: 'upstream_failed', status: 502, message, code: finish?.native }
}
