import { asList, asNumber, asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'

/** Limit: steps of a path; deeper values are left out. */
const stepsMax = 64

/**
 * Arguments that come in pieces, each with the path of its value: `$.place.city`, `$.days[0]`, `$['a key']`. Texts of one path
 * are put behind each other.
 */
export class PartialArgs {
  readonly #root: Holder
  /** Path whose text goes on. */
  #growing: string | undefined

  constructor(args: JsonObject | undefined) {
    this.#root = holderOf(args ?? {})
  }

  add(pieces: unknown): void {
    for (const each of asList(pieces)) {
      const piece = asObject(each)
      if (piece !== undefined) this.#addPiece(piece)
    }
  }

  /** Whole arguments that came after pieces. */
  merge(args: JsonObject | undefined): void {
    for (const [name, value] of Object.entries(args ?? {})) this.#root[name] = value
  }

  text(): string {
    return JSON.stringify(this.#root)
  }

  #addPiece(piece: JsonObject): void {
    const path = asText(piece['jsonPath']) ?? ''
    const steps = stepsOf(path)
    const last = steps.pop()
    if (last === undefined || steps.length >= stepsMax) return
    const holder = this.#holderAt(steps, last)
    const step = fitting(holder, last)
    const text = asText(piece['stringValue'])
    const before = this.#growing === path ? asText(read(holder, step)) : undefined
    write(holder, step, text === undefined ? valueOf(piece) : (before ?? '') + text)
    this.#growing = text === undefined ? undefined : path
  }

  #holderAt(steps: readonly Step[], last: Step): Holder | unknown[] {
    let holder: Holder | unknown[] = this.#root
    for (const [at, step] of steps.entries()) {
      const own = fitting(holder, step)
      const next = steps[at + 1] ?? last
      const inner: unknown = read(holder, own)
      const below: Holder | unknown[] = isHolder(inner) ? inner : typeof next === 'number' ? [] : holderOf({})
      if (below !== inner) write(holder, own, below)
      holder = below
    }
    return holder
  }
}

type Step = string | number

/** Without a prototype, so that every name is only a name. */
type Holder = Record<string, unknown>

function holderOf(object: JsonObject): Holder {
  const holder: Holder = Object.create(null)
  return Object.assign(holder, object)
}

/** `.name`, `[0]`, `['a name']`, `["a name"]`. */
function stepsOf(path: string): Step[] {
  const steps: Step[] = []
  for (const [, name, index, quoted] of path.matchAll(stepPattern)) {
    if (name !== undefined) steps.push(name)
    else if (index !== undefined) steps.push(Number(index))
    else if (quoted !== undefined) steps.push(quoted.slice(1, -1).replaceAll(/\\(.)/gs, '$1'))
  }
  return steps
}

const stepPattern = /\.([^.[\]]+)|\[(\d{1,9})\]|\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]/gs

/** Limit: a list grows by one value at a time, whatever index is named. */
function fitting(holder: Holder | unknown[], step: Step): Step {
  return Array.isArray(holder) && typeof step === 'number' ? Math.min(step, holder.length) : step
}

function isHolder(value: unknown): value is Holder | unknown[] {
  return typeof value === 'object' && value !== null
}

function read(holder: Holder | unknown[], step: Step): unknown {
  if (Array.isArray(holder)) return typeof step === 'number' ? holder[step] : undefined
  return Object.hasOwn(holder, step) ? holder[step] : undefined
}

function write(holder: Holder | unknown[], step: Step, value: unknown): void {
  if (!Array.isArray(holder)) holder[step] = value
  else if (typeof step === 'number') holder[step] = value
}

function valueOf(piece: JsonObject): unknown {
  const number = asNumber(piece['numberValue'])
  if (number !== undefined) return number
  return typeof piece['boolValue'] === 'boolean' ? piece['boolValue'] : null
}
