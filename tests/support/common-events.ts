import type { CommonEvent, Finish, Opaque, PartHead } from '#translate/common.ts'
import { seededRandom, type Random } from '#ports/random.ts'

export interface EventWishes {
  /** At most so many; 1 unless told. */
  readonly choices?: number
  /** Deltas of several calls come in turn, and their parts end together. */
  readonly interleaves?: boolean
  /** Signatures, citations. */
  readonly hasMeta?: boolean
}

/** A valid stream of common events, always the same for the same seed. */
export function commonEvents(seed: number, wishes: EventWishes = {}): CommonEvent[] {
  const random = seededRandom(seed)
  const events: CommonEvent[] = [{ event: 'start', id: `id-${seed}`, model: 'm', createdAt: 1_790_000_000 }]
  const usage: CommonEvent = { event: 'usage', usage: { input: below(random, 500), output: below(random, 90) } }
  const usageFirst = random.unit() < 0.5
  const choices = 1 + below(random, wishes.choices ?? 1)
  if (usageFirst) events.push(usage)
  const perChoice = Array.from({ length: choices }, (_, choice) => choiceEvents(random, choice, wishes))
  while (perChoice.some((own) => own.length > 0)) {
    const own = perChoice[below(random, choices)]
    const event = own?.shift()
    if (event !== undefined) events.push(event)
    if (random.unit() < 0.02) events.push({ event: 'keepalive' })
  }
  if (!usageFirst) events.push(usage)
  events.push({ event: 'end' })
  return events
}

function choiceEvents(random: Random, choice: number, wishes: EventWishes): CommonEvent[] {
  const events: CommonEvent[] = []
  let part = 0
  let calls = 0
  const kinds = Array.from({ length: below(random, 4) }, () =>
    pick(random, ['text', 'reasoning', 'text', 'call'] as const),
  )
  for (const kind of kinds) {
    if (kind === 'call') continue
    const own = textPart(random, choice, part++, kind, wishes)
    events.push(...own)
  }
  const callCount = kinds.includes('call') ? 1 + below(random, 3) : 0
  const callParts = Array.from({ length: callCount }, () => callPart(random, choice, part++))
  calls += callCount
  events.push(...(wishes.interleaves === true ? interleaved(random, callParts) : callParts.flat()))
  const reason: Finish['reason'] =
    calls > 0 ? 'tool_calls' : pick(random, ['stop', 'length', 'content_filter'] as const)
  events.push({ event: 'finish', choice, finish: { reason } })
  return events
}

function textPart(
  random: Random,
  choice: number,
  part: number,
  kind: 'text' | 'reasoning',
  wishes: EventWishes,
): CommonEvent[] {
  const head: PartHead =
    kind === 'text' ? { kind } : { kind, style: pick(random, ['raw', 'summary']), isRedacted: false }
  const deltas = Array.from({ length: 1 + below(random, 5) }, (): CommonEvent => {
    return { event: 'part_delta', choice, part, text: pick(random, snippets) }
  })
  const opaque: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: `sig${below(random, 1000)}` }
  const hasMeta = wishes.hasMeta === true && kind === 'reasoning'
  return [
    { event: 'part_start', choice, part, head },
    ...deltas,
    ...(hasMeta ? [{ event: 'part_meta', choice, part, meta: { opaque } } as const] : []),
    { event: 'part_end', choice, part },
  ]
}

function callPart(random: Random, choice: number, part: number): CommonEvent[] {
  const name = pick(random, ['get_weather', 'get_time', 'search'])
  const args = pick(random, ['{}', '', '{"city":"Paris"}', '{"q":"a \\"quoted\\" } text","n":[1,2,{"deep":true}]}'])
  const head: PartHead = { kind: 'tool_call', id: `call_${choice}_${part}`, name, isCustom: false, tool: 'function' }
  return [
    { event: 'part_start', choice, part, head },
    ...cut(random, args).map((text) => ({ event: 'part_delta', choice, part, text }) as const),
    { event: 'part_end', choice, part },
  ]
}

/** As backends send parallel calls: begun in order, their arguments in turn, all ended at the end. */
function interleaved(random: Random, parts: readonly (readonly CommonEvent[])[]): CommonEvent[] {
  const events: CommonEvent[] = parts.flatMap((part) => part.slice(0, 1))
  const rest = parts.map((part) => part.slice(1, -1))
  while (rest.some((own) => own.length > 0)) {
    const event = rest[below(random, rest.length)]?.shift()
    if (event !== undefined) events.push(event)
  }
  return [...events, ...parts.flatMap((part) => part.slice(-1))]
}

const snippets = [
  'Hello',
  ' world',
  '.',
  '\n\n',
  'a "quoted" word',
  '日本',
  '🙂',
  ' \u2028 ',
  '\\u0041',
  '{"a":1}',
  '</think>',
]

/** A text in pieces, none of them empty. */
export function cut(random: Random, text: string): string[] {
  const pieces: string[] = []
  for (let at = 0; at < text.length;) {
    const length = 1 + below(random, 7)
    pieces.push(text.slice(at, at + length))
    at += length
  }
  return pieces
}

function below(random: Random, limit: number): number {
  return Math.floor(random.unit() * limit)
}

function pick<Value>(random: Random, values: readonly [Value, ...Value[]]): Value
function pick<Value>(random: Random, values: readonly Value[]): Value
function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[below(random, values.length)] as Value
}

/** What is wrong with a stream of common events; nothing where it keeps all that is promised of them. */
export function faultsOf(events: readonly CommonEvent[], isSerial = false): string[] {
  const faults: string[] = []
  const choices = new Map<number, { next: number; open: Set<number>; isFinished: boolean }>()
  let isOver = false
  for (const [at, event] of events.entries()) {
    const fault = (what: string): void => void faults.push(`${at} ${event.event}: ${what}`)
    if (isOver) fault('something follows the end')
    if ((event.event === 'start') !== (at === 0) && event.event !== 'error') fault('start is first and comes once')
    if (event.event === 'end' || event.event === 'error') isOver = true
    if (event.event === 'end' && [...choices.values()].some(({ isFinished }) => !isFinished)) fault('a choice is open')
    if (!('choice' in event)) continue
    let choice = choices.get(event.choice)
    if (choice === undefined) choices.set(event.choice, (choice = { next: 0, open: new Set(), isFinished: false }))
    if (choice.isFinished) fault('the choice is over')
    if (event.event === 'finish') {
      if (choice.open.size > 0) fault('a part is open')
      choice.isFinished = true
    } else if (event.event === 'part_start') {
      if (event.part !== choice.next) fault(`part ${event.part} instead of ${choice.next}`)
      if (isSerial && choice.open.size > 0) fault('another part is open')
      choice.next = event.part + 1
      choice.open.add(event.part)
    } else {
      if (!choice.open.has(event.part)) fault(`part ${event.part} is not open`)
      if (event.event === 'part_delta' && event.text === '') fault('the delta is empty')
      if (event.event === 'part_end') choice.open.delete(event.part)
    }
  }
  if (!isOver) faults.push('there is no end')
  return faults
}

/** Takes events and keeps them. */
export class EventLog {
  readonly events: CommonEvent[] = []

  take(event: CommonEvent): void {
    this.events.push(event)
  }
}
