import { describe, expect, test } from 'bun:test'
import { seededRandom, type Random } from '#ports/random.ts'
import type { CommonRequest, CommonResponse, Message, Part } from '#translate/common.ts'
import { answerings } from '../support/dialect-answers.ts'
import { pdf, png, weatherSchema } from '../support/dialect-asked.ts'
import { mainForms } from '../support/dialect-asking.ts'
import { answerLosses, lossesOf, requestLosses, type Loss } from '../support/dialect-losses.ts'
import { askings } from '../support/dialect-requests.ts'
import {
  answeredAs,
  answerThereAndBack,
  readAs,
  requestThereAndBack,
  writtenAs,
  type RoundTrip,
} from '../support/dialect-round-trip.ts'
import { answerSummaryOf, summaryOf, type AnswerSummary, type RequestSummary } from '../support/dialect-summary.ts'
import { below } from '../support/random-response.ts'

const trips: readonly RoundTrip[] = mainForms.flatMap((own) =>
  mainForms.filter((other) => other !== own).map((other) => ({ own, other })),
)

/** What one of the two has to refuse, in at least one direction. */
const refusals: ReadonlySet<string> = new Set([
  'a tool that is not declared',
  'a file of another provider',
  'sound',
  'several answers',
  'what only its provider has',
])

/** Answers that are errors. */
const failing: ReadonlySet<string> = new Set(['a failure in the middle', 'an end before its time'])

interface Pair<Summary> {
  readonly before: Summary
  readonly after: Summary
}

function without<Summary>(losses: readonly Loss<Summary>[], summary: Summary): Summary {
  return losses.reduce((told, loss) => loss.forget(told), summary)
}

function expectSame<Summary>(losses: readonly Loss<Summary>[], { before, after }: Pair<Summary>) {
  expect(without(losses, after)).toEqual(without(losses, before))
}

/** Those without which the two would differ. */
function neededOf<Summary>(losses: readonly Loss<Summary>[], { before, after }: Pair<Summary>): readonly string[] {
  const needed = losses.filter((loss) => {
    const others = losses.filter((other) => other !== loss)
    return !Bun.deepEquals(without(others, before), without(others, after))
  })
  return needed.map(({ why }) => why)
}

async function requestsOf(trip: RoundTrip, body: object): Promise<Pair<RequestSummary> | undefined> {
  const back = await requestThereAndBack(trip, body)
  if (back === undefined) return undefined
  return { before: summaryOf(readAs(trip.own, body)), after: summaryOf(readAs(trip.own, back)) }
}

/** What was asked, there and back, by name; undefined where it was refused. */
async function askedPairs(trip: RoundTrip): Promise<readonly (readonly [string, Pair<RequestSummary> | undefined])[]> {
  const pairs: (readonly [string, Pair<RequestSummary> | undefined])[] = []
  for (const [name, asking] of Object.entries(askings)) {
    const body = asking[trip.own]
    if (body !== undefined) pairs.push([name, await requestsOf(trip, body)])
  }
  return pairs
}

/** What was answered, there and back, by name and whether it streamed; undefined where it failed. */
async function answeredPairs(
  trip: RoundTrip,
): Promise<readonly (readonly [string, boolean, Pair<AnswerSummary> | undefined])[]> {
  const pairs: (readonly [string, boolean, Pair<AnswerSummary> | undefined])[] = []
  for (const [name, answering] of Object.entries(answerings)) {
    const answer = answering[trip.own]
    if (answer === undefined || answer.status !== undefined) continue
    for (const stream of [false, true]) {
      if (stream ? answer.stream === undefined : answer.body === undefined) continue
      const both = await answerThereAndBack(trip, answer, stream)
      pairs.push([name, stream, both === undefined ? undefined : summaries(both)])
    }
  }
  return pairs
}

describe('a request that goes into another form and back means the same (§1, §13, B.6)', () => {
  test.each(trips)('$own → $other → $own', async (trip) => {
    const losses = lossesOf(requestLosses, trip)
    for (const [name, both] of await askedPairs(trip)) {
      expect([name, both === undefined && !refusals.has(name)]).toEqual([name, false])
      if (both !== undefined) expectSame(losses, both)
    }
  })

  test('every loss that is documented happens', async () => {
    const needed = new Set<string>()
    for (const trip of trips) {
      const losses = lossesOf(requestLosses, trip)
      for (const [, both] of await askedPairs(trip)) {
        for (const why of both === undefined ? [] : neededOf(losses, both)) needed.add(why)
      }
    }
    expect(requestLosses.map(({ why }) => why).filter((why) => !needed.has(why))).toEqual([])
  })

  test.each(trips)('whatever is asked: $own → $other → $own', async (trip) => {
    const random = seededRandom(53)
    const losses = lossesOf(requestLosses, trip)
    for (let round = 0; round < 40; round += 1) {
      const body = writtenAs(trip.own, randomRequest(random))
      const both = await requestsOf(trip, body)
      expect(both).toBeDefined()
      if (both !== undefined) expectSame(losses, both)
    }
  })
})

describe('an answer that goes into another form and back says the same (§7, §6.2)', () => {
  test.each(trips)('$own → $other → $own, as a body and as a stream', async (trip) => {
    const losses = lossesOf(answerLosses, trip)
    for (const [name, stream, both] of await answeredPairs(trip)) {
      expect([name, stream, both === undefined]).toEqual([name, stream, failing.has(name)])
      if (both !== undefined) expectSame(losses, both)
    }
  })

  test('every loss that is documented happens', async () => {
    const needed = new Set<string>()
    for (const trip of trips) {
      const losses = lossesOf(answerLosses, trip)
      for (const [, , both] of await answeredPairs(trip)) {
        for (const why of both === undefined ? [] : neededOf(losses, both)) needed.add(why)
      }
    }
    expect(answerLosses.map(({ why }) => why).filter((why) => !needed.has(why))).toEqual([])
  })

  test.each(trips)('whatever is said: $own → $other → $own', async (trip) => {
    const random = seededRandom(59)
    const losses = lossesOf(answerLosses, trip)
    for (let round = 0; round < 40; round += 1) {
      const both = await answerThereAndBack(trip, { body: answeredAs(trip.own, randomResponse(random)) }, false)
      expect(both).toBeDefined()
      if (both !== undefined) expectSame(losses, summaries(both))
    }
  })
})

function summaries({ before, after }: Pair<CommonResponse>): Pair<AnswerSummary> {
  return { before: answerSummaryOf(before), after: answerSummaryOf(after) }
}

const words = ['Hi', 'Äh, 🙂', 'two\nlines', ' "quoted" \\ ', 'Error', '{"a":1}', '<b>']

function wordsOf(random: Random): string {
  return words[below(random, words.length)] ?? ''
}

function isSo(random: Random): boolean {
  return random.unit() < 0.5
}

/** A conversation with everything in it that no form has to lose. */
function randomRequest(random: Random): Partial<CommonRequest> {
  const messages: Message[] = isSo(random)
    ? [{ role: 'system', placement: 'top', parts: [{ kind: 'text', text: wordsOf(random) }] }]
    : []
  for (let turn = 0; turn <= below(random, 4); turn += 1) messages.push(...randomTurn(random, turn))
  messages.push({ role: 'user', placement: 'inline', parts: [{ kind: 'text', text: wordsOf(random) }] })
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
  // Who thinks takes no temperature, and no stop sequences in Chat (§5.1.2, §5.1.3).
  const thinks = isSo(random)
  return {
    messages,
    tools: ['weather', 'now'].map((name) => ({
      kind: 'function',
      name,
      description: wordsOf(random),
      schema: weatherSchema,
    })),
    toolChoice: (
      [undefined, { mode: 'none' }, { mode: 'required' }, { mode: 'tool', name: 'now', isCustom: false }] as const
    )[below(random, 4)],
    sampling: {
      maxOutputTokens: 16 + below(random, 4000),
      ...(!thinks && { temperature: below(random, 11) / 10 }),
      ...(!thinks && { stop: ['END'] }),
    },
    ...(thinks && { reasoning: { effort: (['low', 'medium', 'high'] as const)[below(random, 3)] } }),
    ...(isSo(random) && { output: { format: { kind: 'json_schema', name: 'out', schema } } }),
  }
}

function randomTurn(random: Random, turn: number): readonly Message[] {
  const media: Part[] = [
    { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png } },
    { kind: 'media', medium: 'file', mime: 'application/pdf', source: { base64: pdf }, filename: 'a.pdf' },
  ]
  const asked: Part[] = [{ kind: 'text', text: wordsOf(random) }]
  for (const part of media) if (isSo(random)) asked.push(part)
  const ids = Array.from({ length: below(random, 3) }, (_, at) => `toolu_${turn}_${at}`)
  const said: Part[] = [{ kind: 'text', text: wordsOf(random) }]
  for (const id of ids) {
    const args = { value: { city: wordsOf(random), deep: [1, { b: null }], n: below(random, 9) / 2 } }
    said.push({ kind: 'tool_call', id, name: 'weather', args, isCustom: false, tool: 'function' })
  }
  const results = ids.map((callId): Part => {
    const text = wordsOf(random)
    return { kind: 'tool_result', callId, parts: [{ kind: 'text', text }], isError: isSo(random), isCustom: false }
  })
  const turns: Message[] = [
    { role: 'user', placement: 'inline', parts: asked },
    { role: 'assistant', placement: 'inline', parts: said },
  ]
  return results.length === 0 ? turns : [...turns, { role: 'user', placement: 'inline', parts: results }]
}

function randomResponse(random: Random): CommonResponse {
  const parts: Part[] = []
  if (isSo(random)) parts.push({ kind: 'reasoning', text: wordsOf(random), style: 'summary', isRedacted: false })
  parts.push({ kind: 'text', text: wordsOf(random) })
  const calls = below(random, 3)
  for (let at = 0; at < calls; at += 1) {
    const args = { raw: JSON.stringify({ city: wordsOf(random), n: below(random, 9) / 2 }) }
    parts.push({ kind: 'tool_call', id: `toolu_a${at}`, name: 'weather', args, isCustom: false, tool: 'function' })
  }
  const reason = calls > 0 ? 'tool_calls' : isSo(random) ? 'stop' : 'length'
  const reasoning = below(random, 20)
  return {
    id: undefined,
    model: 'm',
    createdAt: undefined,
    choices: [{ index: 0, parts, finish: { reason } }],
    usage: { input: 100 + below(random, 100), cacheRead: below(random, 100), output: 20 + reasoning, reasoning },
    tier: undefined,
    fingerprint: undefined,
  }
}
