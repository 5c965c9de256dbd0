import type { Message, Part, ToolCallPart, ToolResultPart } from './common.ts'
import type { Notes } from './notes.ts'

/** One call of a turn, and what was answered to it. */
interface Call {
  readonly turn: Turn
  readonly part: ToolCallPart
  result: ToolResultPart | undefined
}

/** An assistant's message with calls. */
interface Turn {
  readonly head: Message
  readonly parts: Part[]
  readonly calls: Call[]
}

/**
 * Goes through a history once: whose result is whose, and by which id both are known from then on. What is decided about a
 * message never depends on those behind it, but for its results: so a history that grows stays the same at its beginning,
 * which prompt caches need.
 */
export class HistoryTurns {
  readonly #repairs: boolean
  readonly #notes: Notes
  readonly #kept: (Message | Turn)[] = []
  readonly #unanswered = new Unanswered()
  readonly #ids = new DistinctIds()
  /** The turn that the last message was. */
  #latest: Turn | undefined

  constructor(repairs: boolean, notes: Notes) {
    this.#repairs = repairs
    this.#notes = notes
  }

  add(message: Message): void {
    const results = message.parts.filter((part) => part.kind === 'tool_result')
    const others = results.length === 0 ? message.parts : message.parts.filter((part) => part.kind !== 'tool_result')
    for (const result of results) this.#bind(result)
    if (message.role === 'assistant' && others.some((part) => part.kind === 'tool_call')) {
      this.#addTurn(message, others)
      return
    }
    this.#latest = undefined
    if (others.length > 0 || results.length === 0) {
      this.#kept.push(results.length === 0 ? message : { ...message, parts: others })
    }
  }

  inOrder(): readonly Message[] {
    const messages: Message[] = []
    let results: readonly Part[] = []
    for (const kept of this.#kept) {
      const message = 'calls' in kept ? { ...kept.head, parts: kept.parts } : kept
      if (results.length === 0) {
        messages.push(message)
      } else if (goesOn(message)) {
        messages.push({ ...message, parts: [...results, ...message.parts] })
      } else {
        messages.push(ofUser(results), message)
      }
      results = 'calls' in kept ? this.#resultsOf(kept) : []
    }
    if (results.length > 0) messages.push(ofUser(results))
    return messages
  }

  /** Calls that a client tells one by one, with no result between them, were made at once. */
  #addTurn(message: Message, parts: readonly Part[]): void {
    const turn: Turn = this.#latest ?? { head: message, parts: [], calls: [] }
    if (turn !== this.#latest) this.#kept.push(turn)
    for (const part of parts) turn.parts.push(part.kind === 'tool_call' ? this.#call(part, turn) : part)
    this.#latest = turn
  }

  #call(part: ToolCallPart, turn: Turn): ToolCallPart {
    const id = this.#ids.of(part.id)
    const own = id === part.id ? part : { ...part, id }
    const call: Call = { turn, part: own, result: undefined }
    turn.calls.push(call)
    this.#unanswered.add(call, part.id)
    return own
  }

  #bind(result: ToolResultPart): void {
    const call = this.#unanswered.take(result)
    if (call !== undefined) {
      call.result = ofCall(result, call.part)
    } else if (this.#repairs) {
      this.#notes.adapt('adapted:orphan_tool_result')
    } else {
      this.#notes.reject('', `a result of the tool call "${result.callId}" has no call in front of it`)
    }
  }

  #resultsOf(turn: Turn): readonly Part[] {
    return turn.calls.map((call) => {
      if (call.result !== undefined) return call.result
      if (this.#repairs) this.#notes.adapt('adapted:missing_tool_result')
      else this.#notes.reject('', `the tool call "${call.part.id}" has no result`)
      return madeUp(call.part)
    })
  }
}

/** What the user says behind results stands in the same message, where nothing is lost by that. */
function goesOn(message: Message): boolean {
  return message.role === 'user' && message.parts.length > 0 && message.name === undefined && message.rest === undefined
}

/** Known by the call's id and name, which some targets want. */
function ofCall(result: ToolResultPart, call: ToolCallPart): ToolResultPart {
  const { id, name, namespace } = call
  const isCustom = call.isCustom || result.isCustom
  if (result.callId === id && result.name === name && result.namespace === namespace && result.isCustom === isCustom) {
    return result
  }
  return { ...result, callId: id, name, ...(namespace === undefined ? {} : { namespace }), isCustom }
}

function madeUp(call: ToolCallPart): ToolResultPart {
  const result: ToolResultPart = {
    kind: 'tool_result',
    callId: call.id,
    parts: [{ kind: 'text', text: '[llm-proxy] no result was provided for this call' }],
    isError: true,
    isCustom: call.isCustom,
  }
  return ofCall(result, call)
}

function ofUser(parts: readonly Part[]): Message {
  return { role: 'user', parts, placement: 'inline' }
}

/** Ids of which none is given twice; calls without one get one by their place. */
class DistinctIds {
  readonly #given = new Set<string>()
  readonly #counts = new Map<string, number>()

  of(id: string): string {
    const base = id === '' ? 'call' : id
    let count = this.#counts.get(id) ?? (id === '' ? 0 : 1)
    let own = id
    while (own === '' || this.#given.has(own)) {
      count += 1
      own = `${base}_${count}`
    }
    this.#counts.set(id, count)
    this.#given.add(own)
    return own
  }
}

/** Calls that wait for their results: found by id, or by name where there is none. The nearest turn first, in it in order. */
class Unanswered {
  readonly #queues = new Map<string, TurnQueue[]>()

  add(call: Call, id: string): void {
    this.#push(`id ${id}`, call)
    this.#push(`name ${call.part.name}`, call)
    if (id === '') this.#push(`nameless ${call.part.name}`, call)
    this.#push('any', call)
  }

  take(result: ToolResultPart): Call | undefined {
    const { callId, name } = result
    if (callId !== '') {
      return this.#shift(`id ${callId}`) ?? (name === undefined ? undefined : this.#shift(`nameless ${name}`))
    }
    return this.#shift(name === undefined ? 'any' : `name ${name}`)
  }

  #push(key: string, call: Call): void {
    const queues = this.#queues.get(key)
    const last = queues?.at(-1)
    if (queues === undefined) this.#queues.set(key, [{ calls: [call], next: 0 }])
    else if (last?.calls[0]?.turn === call.turn) last.calls.push(call)
    else queues.push({ calls: [call], next: 0 })
  }

  /** Those that were answered by another key are passed over, once. */
  #shift(key: string): Call | undefined {
    const queues = this.#queues.get(key) ?? []
    for (let queue = queues.at(-1); queue !== undefined; queue = queues.at(-1)) {
      while (queue.next < queue.calls.length) {
        const call = queue.calls[queue.next]
        queue.next += 1
        if (call !== undefined && !isTaken(call)) return call
      }
      queues.pop()
    }
    return undefined
  }
}

/** Calls of one turn; those before `next` are answered. */
interface TurnQueue {
  readonly calls: Call[]
  next: number
}

function isTaken(call: Call): boolean {
  return call.result !== undefined
}
