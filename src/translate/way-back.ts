import type { Form } from '#core/talk.ts'
import type { WayBack } from './codec.ts'
import type { Choice, CommonError, CommonResponse, Finish, Part, PartHead, ToolCallPart } from './common.ts'
import { StopScanner } from './stop-scanner.ts'
import { ThinkTags } from './think-tags.ts'
import { argsText, customInput } from './tool-args.ts'
import { openUnwrapper } from './bare-text.ts'
import type { Notes } from './notes.ts'
import { isOffered, withoutWithheld, type Withheld } from './withhold.ts'

/** What has to be undone before a client sees an answer. */
export interface Return {
  readonly back: WayBack
  /** `<think>` at the beginning of the text is thought. */
  readonly hasTags: boolean
  /** The client's form: parts that only this one understands are nothing to it. */
  readonly form: Form
  /** The text is a value of JSON, which the client wants without its quotes. */
  readonly isBare?: boolean | undefined
  /** Where it is noted what a stream loses; its header is on its way by then. */
  readonly notes?: Notes | undefined
  readonly withheld?: Withheld | undefined
}

/** A whole answer in the client's words. */
export function broughtBack(response: CommonResponse, way: Return): CommonResponse | CommonError {
  const choices: Choice[] = []
  for (const choice of response.choices) {
    const brought = choiceBack(way.withheld === undefined ? choice : withoutWithheld(choice, way.withheld), way)
    if (isUnsupported(brought, way.form)) return unsupportedOutput
    choices.push(brought)
  }
  return { ...response, choices }
}

function choiceBack({ index, parts, finish }: Choice, way: Return): Choice {
  const text = new TextBack(way)
  const brought: Part[] = []
  let isRefused = finish.reason === 'content_filter'
  for (const part of parts) {
    if (part.kind === 'tool_call') {
      const call = callBack(part, way.back)
      if (call.kind !== 'text') brought.push(call)
      else if (call.text !== '') text.add(call, brought)
    } else if (part.kind === 'text') {
      text.add(part, brought)
    } else {
      if (part.kind === 'refusal') isRefused = true
      brought.push(part)
    }
    if (text.found !== undefined) break
  }
  const offered = isRefused ? brought.filter(({ kind }) => kind !== 'tool_call') : brought
  if (text.found !== undefined) {
    return { index, parts: offered, finish: { reason: 'stop', native: finish.native, stopSequence: text.found } }
  }
  const tally = { calls: brought.filter(isOffered).length, isRefused }
  return { index, parts: offered.filter(isNotVoid), finish: finishBack(finish, tally) }
}

function callBack(part: ToolCallPart, back: WayBack): Part {
  if (part.name === back.outputTool) return { kind: 'text', text: argsText(part.args) }
  const head = headBack(part, back)
  const isDecoded = head.isCustom && !part.isCustom
  return {
    ...part,
    name: head.name,
    namespace: head.namespace,
    tool: head.tool,
    isCustom: head.isCustom,
    ...(isDecoded && { args: { raw: customInput(part.args) } }),
  }
}

type CallHead = Extract<PartHead, { readonly kind: 'tool_call' }>

/** The names of a call as the client knows them. */
export function headBack<Head extends Omit<CallHead, 'kind'>>(head: Head, back: WayBack): Head {
  const known = back.toolNames.get(head.name)
  const tool = back.builtins.get(head.name)
  const isCustom = head.isCustom || back.customTools.has(head.name)
  if (known === undefined && tool === undefined && isCustom === head.isCustom) return head
  return {
    ...head,
    name: known?.name ?? head.name,
    namespace: known?.namespace ?? head.namespace,
    tool: tool ?? head.tool,
    isCustom,
  }
}

/** What a choice said, as far as it decides why it finished. */
export interface Tally {
  /** Those that the client can carry out. */
  readonly calls: number
  readonly isRefused: boolean
}

/** Calls win over `stop`, a refusal wins over calls, and without a call nothing has to be called. */
export function finishBack(finish: Finish, { calls, isRefused }: Tally): Finish {
  const { reason } = finish
  if (reason !== 'stop' && reason !== 'tool_calls') return finish
  const meant = calls === 0 ? 'stop' : isRefused ? 'content_filter' : 'tool_calls'
  return meant === reason ? finish : { ...finish, reason: meant }
}

function isNotVoid(part: Part): boolean {
  return part.kind !== 'tool_call' || part.isVoid !== true
}

/** The client would see nothing, though something was said. */
function isUnsupported({ parts, finish }: Choice, form: Form): boolean {
  return (
    parts.length > 0 &&
    mustBeSeen.has(finish.reason) &&
    parts.every((part) => part.kind === 'native' && part.form !== form)
  )
}

/** Why an answer finished that says something. */
export const mustBeSeen: ReadonlySet<Finish['reason']> = new Set(['stop', 'tool_calls', 'pause', 'other'])

export const unsupportedOutput: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  code: 'unsupported_output',
  message: 'the answer holds nothing that can be told in the form that was asked for',
}

/** The text of one choice, part by part. */
class TextBack {
  readonly #way: Return
  #mayHaveTags: boolean
  found: string | undefined

  constructor(way: Return) {
    this.#way = way
    this.#mayHaveTags = way.hasTags
  }

  add(part: Part & { readonly kind: 'text' }, brought: Part[]): void {
    const { thought, text } = this.#split(part.text, brought)
    if (thought !== '') brought.push({ kind: 'reasoning', text: thought, style: 'raw', isRedacted: false })
    const whole = this.#cut(this.#unwrap(text))
    const isTold = whole !== '' || part.opaque !== undefined || part.annotations !== undefined
    if (isTold) brought.push(whole === part.text ? part : { ...part, text: whole })
  }

  #split(text: string, before: readonly Part[]): { readonly thought: string; readonly text: string } {
    const mayHaveTags = this.#mayHaveTags && before.every(({ kind }) => kind === 'native')
    this.#mayHaveTags = false
    if (!mayHaveTags) return { thought: '', text }
    const tags = new ThinkTags()
    const first = tags.push(text)
    const last = tags.end()
    return { thought: first.thought + last.thought, text: first.text + last.text }
  }

  #unwrap(text: string): string {
    const unwrapper = openUnwrapper(this.#way)
    return unwrapper === undefined ? text : unwrapper.push(text) + unwrapper.end()
  }

  #cut(text: string): string {
    const { stops } = this.#way.back
    if (stops.length === 0) return text
    const scanner = new StopScanner(stops)
    const told = scanner.push(text)
    this.found = scanner.found
    return told + scanner.end()
  }
}
