import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { compileIdempotency, type RepeatPolicy } from '#idempotency/compile.ts'
import { Repeats, type Run } from '#idempotency/repeats.ts'
import type { CompileProblem } from '#core/problem.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const policy: RepeatPolicy = { ttlMs: 1000, waitMs: 0, entriesMax: 4, bytesMax: 10_000, answerBytesMax: 3000 }

const step = fc.oneof(
  fc.record({
    does: fc.constant('claim' as const),
    key: fc.integer({ min: 0, max: 8 }),
    digest: fc.integer({ min: 0, max: 1 }),
  }),
  fc.record({
    does: fc.constant('keep' as const),
    key: fc.integer({ min: 0, max: 8 }),
    bytes: fc.integer({ min: 0, max: 2500 }),
  }),
  fc.record({ does: fc.constant('end' as const), key: fc.integer({ min: 0, max: 8 }), isGood: fc.boolean() }),
  fc.record({ does: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 900 }) }),
)

test('N217: Repeats stays within its limits whatever comes, does nothing twice at a time, and owes nothing at the end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const clock = new FakeClock()
      const repeats = new Repeats(clock)
      const running = new Map<string, { run: Run; bytes: number }>()
      const end = (key: string, isGood: boolean): void => {
        const open = running.get(key)
        running.delete(key)
        if (open === undefined) return
        if (!isGood) open.run.failed()
        else if (open.run.isTooLarge) open.run.done(undefined)
        else open.run.done({ requestId: 'r', status: 200, headers: [], body: new Uint8Array(open.bytes) })
      }
      for (const next of steps) {
        if (next.does === 'pass') void clock.advance(next.ms)
        else if (next.does === 'end') end(`k${next.key}`, next.isGood)
        else if (next.does === 'keep') {
          const open = running.get(`k${next.key}`)
          if (open !== undefined && open.run.mayKeep(next.bytes)) open.bytes += next.bytes
        } else {
          const claim = repeats.claim(`k${next.key}`, `d${next.digest}`, policy)
          if (claim.kind === 'first') {
            expect(running.has(`k${next.key}`)).toBe(false)
            running.set(`k${next.key}`, { run: claim.run, bytes: 0 })
          }
          if (claim.kind === 'answered') expect(claim.answer.body.byteLength).toBeLessThanOrEqual(policy.answerBytesMax)
        }
        expect(repeats.size).toBeLessThanOrEqual(policy.entriesMax)
        expect(repeats.bytes).toBeLessThanOrEqual(policy.bytesMax + policy.entriesMax * 512)
        expect(repeats.bytes).toBeGreaterThanOrEqual(repeats.size * 512)
      }
      for (const key of running.keys()) end(key, false)
      repeats.adopt(undefined)
      expect([repeats.size, repeats.bytes]).toEqual([0, 0])
    }),
    { numRuns: 300 },
  )
})

test('Run tells those who wait for it once, also when it failed, and nobody who left', () => {
  const repeats = new Repeats(new FakeClock())
  const told: string[] = []
  const claim = repeats.claim('k', 'd', policy)
  if (claim.kind !== 'first') throw new Error('expected the first')
  claim.run.wait(() => told.push('one'))
  const leave = claim.run.wait(() => told.push('two'))
  leave?.()
  claim.run.failed()
  expect(told).toEqual(['one'])
  expect(repeats.claim('k', 'other', policy).kind).toBe('first')
})

test('compileIdempotency() warns where several processes serve', () => {
  const settings = { enabled: true, ttl: 1, wait_timeout: 2, max_entries: 3, max_bytes: 4, max_answer_bytes: 5 }
  const problems: CompileProblem[] = []
  expect(compileIdempotency(undefined, 4, problems)).toBeUndefined()
  expect(compileIdempotency({ ...settings, enabled: false }, 4, problems)).toBeUndefined()
  expect(compileIdempotency(settings, 1, problems)).toEqual({
    ttlMs: 1,
    waitMs: 2,
    entriesMax: 3,
    bytesMax: 4,
    answerBytesMax: 5,
  })
  expect(problems).toEqual([])
  compileIdempotency(settings, 'auto', problems)
  expect(problems.map(({ severity, path }) => [severity, path])).toEqual([['warning', ['idempotency']]])
})
