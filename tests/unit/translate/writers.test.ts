import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { concat } from '#kit/bytes.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { CommonEvent } from '#translate/common.ts'
import { EventWriter } from '#translate/event-writer.ts'
import { passageTo } from '#translate/passage.ts'
import { knownCodecs } from '#translate/registry.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { HeadJudge } from '#wire/stream-head.ts'
import { commonEvents } from '../../support/common-events.ts'
import { commonRequest, plainPolicy } from '../../support/common-request.ts'
import { noWayBack } from '../../support/plain-codec.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }

function contextFor(form: string): AnswerContext {
  return {
    request: commonRequest({ form, stream: true, includeUsage: true, reasoning: { visibility: 'full' } }),
    body: {},
    facts: { path: '', query: 'alt=sse', headers: new Headers(), model: 'alias', stream: true },
    requestId: 'req_1',
    model: 'alias',
    ids,
    nowSeconds: 1_790_000_000,
    inputEstimate: 10,
    policy: plainPolicy,
  }
}

async function written(form: string, stream: StreamForm, events: readonly CommonEvent[]): Promise<Uint8Array> {
  const client = await knownCodecs.client(form)
  if (client === undefined) throw new Error(`nobody speaks ${form}`)
  const streamWriter = client.openWriter(contextFor(form))
  const writer = new EventWriter(streamWriter, stream)
  const way = { back: noWayBack, hasTags: false, form }
  const passage = passageTo(writer, way, { choices: 1, inputEstimate: 1 }, streamWriter.order === 'serial')
  const pieces: Uint8Array[] = []
  for (const event of events) {
    passage.first.take(event)
    pieces.push(...writer.pieces())
  }
  return concat(pieces)
}

const clients: readonly (readonly [form: string, stream: StreamForm])[] = [
  ['chat', 'chat'],
  ['completions', 'completions'],
  ['responses', 'responses'],
  ['messages', 'messages'],
  ['gemini', 'gemini_sse'],
  ['gemini', 'gemini_array'],
]

describe.each(clients)('what is written for clients of %s, as %s', (form, stream) => {
  test('is complete for whoever watches its end, whatever was said', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const bytes = await written(form, stream, commonEvents(seed, { interleaves: true, hasMeta: true }))
      const end = new StreamEnd(stream)
      end.see(bytes)
      expect({ seed, verdict: end.verdict() }).toEqual({ seed, verdict: 'complete' })
    }
  })

  test('is incomplete where nothing says why it ended', async () => {
    const events = commonEvents(3)
    const bytes = await written(
      form,
      stream,
      events.slice(
        0,
        events.findIndex(({ event }) => event === 'finish'),
      ),
    )
    const end = new StreamEnd(stream)
    end.see(bytes)
    expect(end.verdict()).toBe('incomplete')
  })

  test('is an error for whoever judges its beginning, where it is one (§8.4)', async () => {
    const error = { kind: 'overloaded', status: 503, message: 'too many' } as const
    const bytes = await written(form, stream, [{ event: 'error', error }])
    const judge = new HeadJudge(stream)
    let verdict = judge.push(bytes)
    if (verdict === 'more') verdict = judge.end() as typeof verdict
    expect(verdict).toMatchObject({ message: 'too many' })
    const end = new StreamEnd(stream)
    end.see(bytes)
    expect(end.verdict()).toBe('errored')
  })
})
