import { expect, test } from 'bun:test'
import type { CommonEvent } from '#translate/common.ts'
import { messagesClient } from '#translate/messages/client.ts'
import { commonEvents } from '../../support/common-events.ts'
import { answerContext } from '../../support/messages-codec.ts'
import { anthropicAt } from '../../support/sdk.ts'

function streamOf(events: readonly CommonEvent[]): string {
  const writer = messagesClient.openWriter(answerContext())
  const framed = events.flatMap((event) => writer.write(event))
  return framed.map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`).join('')
}

async function finalMessage(events: readonly CommonEvent[]): Promise<unknown> {
  const sse = streamOf(events)
  const client = anthropicAt({
    url: 'http://127.0.0.1:1',
    // oxlint-disable-next-line typescript/promise-function-async
    fetch: () => Promise.resolve(new Response(sse, { headers: { 'content-type': 'text/event-stream' } })),
  })
  const stream = client.messages.stream({ model: 'alias', max_tokens: 9, messages: [{ role: 'user', content: 'q' }] })
  return await stream.finalMessage()
}

test.each(Array.from({ length: 25 }, (_, seed) => seed))(
  'the official client puts together what a stream said: %d',
  async (seed) => {
    const events = commonEvents(seed, { hasMeta: true })
    const final = (await finalMessage(events)) as {
      content: { type: string; text?: string; thinking?: string; input?: unknown; signature?: string }[]
      stop_reason: string
      usage: { output_tokens: number }
    }
    const texts = new Map<string, string>()
    const calls: string[] = []
    const kindOf = new Map<number, string>()
    for (const event of events) {
      if (event.event === 'part_start') {
        kindOf.set(event.part, event.head.kind)
        if (event.head.kind === 'tool_call') calls.push('')
      }
      if (event.event !== 'part_delta') continue
      const kind = kindOf.get(event.part) ?? ''
      if (kind === 'tool_call') calls.push(`${calls.pop()}${event.text}`)
      else texts.set(kind, `${texts.get(kind) ?? ''}${event.text}`)
    }
    const said = final.content.map(({ text }) => text ?? '').join('')
    const thought = final.content.map(({ thinking }) => thinking ?? '').join('')
    expect(said).toBe(texts.get('text') ?? '')
    expect(thought).toBe(texts.get('reasoning') ?? '')
    const inputs = final.content.filter(({ type }) => type === 'tool_use').map(({ input }) => input)
    expect(inputs).toEqual(calls.map((args) => JSON.parse(args === '' ? '{}' : args) as unknown))
    expect(final.content.every(({ type, signature }) => type !== 'thinking' || (signature ?? '') !== '')).toBeTrue()
    expect(['end_turn', 'tool_use', 'max_tokens', 'refusal']).toContain(final.stop_reason)
    expect(final.usage.output_tokens).toBeNumber()
  },
)

test('the official client raises an error that comes in the middle', async () => {
  const events: CommonEvent[] = [
    ...commonEvents(3).slice(0, 3),
    { event: 'error', error: { kind: 'upstream_failed', status: 502, message: 'upstream broke' } },
  ]
  const failure: unknown = await finalMessage(events).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Error)
  expect(String(failure)).toContain('upstream broke')
})
