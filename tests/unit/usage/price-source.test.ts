import { expect, test } from 'bun:test'
import { Secret } from '#core/secret.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { Log } from '#ports/log.ts'
import type { OutgoingRequest, Transport } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import type { PriceRules, PriceSourcePolicy } from '#usage/compile.ts'
import { PriceBook } from '#usage/price-book.ts'
import { PriceSource } from '#usage/price-source.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const rules: PriceRules = { byName: new Map(), patterns: [], otherwise: undefined }
const info = (input: number): string =>
  JSON.stringify({ data: [{ model_name: 'm', model_info: { input_cost_per_token: input, output_cost_per_token: 0 } }] })

/** A source that answers so, one after the other; the last one again and again. */
function sourceOf(policy: Partial<PriceSourcePolicy>, ...answers: readonly (string | number)[]) {
  const clock = new FakeClock()
  const book = new PriceBook()
  const sent: OutgoingRequest[] = []
  const lines: string[] = []
  let asked = 0
  const next = (): string | number => answers[Math.min(asked++, answers.length - 1)] ?? 500
  const transport: Transport = {
    async send(request) {
      sent.push(request)
      const answer = next()
      const body = new WholeBody(Buffer.from(String(answer)))
      const status = typeof answer === 'number' ? answer : 200
      return await Promise.resolve({ kind: 'response', status, headers: new HeaderList([]), sentMs: undefined, body })
    },
  }
  const files = {
    read: async (): Promise<string> => {
      const answer = next()
      if (typeof answer === 'number') throw new Error('no such file')
      return await Promise.resolve(answer)
    },
  }
  const log: Log = {
    write: (_level, event, fields = {}) =>
      void lines.push(`${event} ${String(fields['source'])} ${String(fields['reason'] ?? '')}`.trim()),
    keeps: () => true,
  }
  const whole = { location: 'https://prices.example/model/info', key: undefined, everyMs: 3_600_000, ...policy }
  const source = new PriceSource(whole, { clock, transport, files, log, book })
  source.start()
  const priceAfter = async (ms: number): Promise<number | undefined> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(ms)
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    return book.find(rules, { backend: 'b', model: 'm', alias: 'a' })?.input
  }
  return { priceAfter, sent, lines, source }
}

test('A67: usage.pricing_source is read at the start, and its key is shown to it alone', async () => {
  const { priceAfter, sent, lines } = sourceOf({ key: new Secret('sk-prices') }, info(2e-6))
  expect(await priceAfter(0)).toBe(2e-6)
  expect(sent[0]?.headers).toContainEqual(['authorization', 'Bearer sk-prices'])
  expect(lines).toEqual(['prices_read https://prices.example/model/info'])
})

test('usage.pricing_refresh: it is read again so often, and told where it changed; 0: once', async () => {
  const often = sourceOf({ everyMs: 60_000 }, info(1e-6), info(3e-6))
  expect(await often.priceAfter(0)).toBe(1e-6)
  expect(await often.priceAfter(60_000)).toBe(3e-6)
  expect(often.lines).toHaveLength(1)
  const once = sourceOf({ everyMs: 0 }, info(1e-6), info(3e-6))
  expect(await once.priceAfter(86_400_000)).toBe(1e-6)
  expect(once.sent).toHaveLength(1)
})

test('a failure leaves the last prices in use, is told once, and is tried again', async () => {
  const { priceAfter, lines, sent } = sourceOf({ everyMs: 60_000 }, info(1e-6), 503, 'no JSON', info(2e-6))
  expect(await priceAfter(0)).toBe(1e-6)
  expect(await priceAfter(60_000)).toBe(1e-6)
  expect(await priceAfter(10_000)).toBe(1e-6)
  expect(await priceAfter(20_000)).toBe(2e-6)
  expect(sent).toHaveLength(4)
  expect(lines).toEqual([
    'prices_read https://prices.example/model/info',
    'prices_failed https://prices.example/model/info it answered with status 503',
    'prices_read https://prices.example/model/info',
  ])
})

test('a file is read as well, and neither a password nor a query is told of an address', async () => {
  const file = sourceOf({ location: './prices.json' }, info(4e-6))
  expect(await file.priceAfter(0)).toBe(4e-6)
  const missing = sourceOf({ location: './prices.json' }, 0)
  expect(await missing.priceAfter(0)).toBeUndefined()
  expect(missing.lines).toEqual(['prices_failed ./prices.json no such file'])
  const secret = sourceOf({ location: 'https://user:hunter2@prices.example/x?key=hunter3' }, info(1e-6))
  await secret.priceAfter(0)
  expect(secret.lines.join('')).not.toMatch(/hunter/)
})

test('who is stopped asks no more', async () => {
  const { priceAfter, source, sent } = sourceOf({ everyMs: 1000 }, info(1e-6))
  await priceAfter(0)
  source.stop()
  await priceAfter(10_000)
  expect(sent).toHaveLength(1)
})
