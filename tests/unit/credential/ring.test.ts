import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Credential, CredentialRing, CredentialTurn } from '#core/credential.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import { credentialBench, proofOf, setOf } from '../../support/credentials.ts'

const policy = { cooldownMs: 30_000, retryAfterMsMax: 300_000, respectRetryAfter: true }
const refused = { status: 401, retryAfterMs: undefined, message: 'it answered with status 401' }

interface Written {
  readonly name: string
  readonly weight?: number
}

async function setFor(entries: readonly Written[], backend = 'b'): Promise<CompiledCredentials> {
  return await setOf(
    entries.map(({ name, ...rest }) => ({ name, api_key: `key-of-${name}`, ...rest })),
    { backend },
  )
}

async function ringFor(...entries: readonly (string | Written)[]): Promise<CredentialRing> {
  const { book } = credentialBench()
  const set = await setFor(entries.map((entry) => (typeof entry === 'string' ? { name: entry } : entry)))
  book.adopt([set])
  const ring = book.ringOf(set)
  if (ring === undefined) throw new Error('Cannot go on: the set was not adopted')
  return ring
}

function turnOf(ring: CredentialRing, nowMs = 0, tried?: ReadonlySet<Credential>): CredentialTurn {
  const turn = ring.next(nowMs, tried)
  if (turn.kind === 'rest') throw new Error('Cannot go on: all rest')
  return turn
}

function names(ring: CredentialRing, count: number, nowMs = 0): string[] {
  return Array.from({ length: count }, () => turnOf(ring, nowMs).credential.name)
}

/** The turn is refused, with no newer proof to try. */
function refuse(
  ring: CredentialRing,
  turn: CredentialTurn,
  nowMs: number,
  changes: Partial<typeof policy> = {},
): number {
  const effect = ring.failed(turn, undefined, refused, { ...policy, ...changes }, nowMs)
  if (effect.kind !== 'rests') throw new Error('Cannot go on: it is to be renewed')
  return effect.forMs
}

describe('turns', () => {
  test('A08, A09: strict round robin in the order of the list, from the first, around its end', async () => {
    expect(names(await ringFor('c1', 'c2'), 5)).toEqual(['c1', 'c2', 'c1', 'c2', 'c1'])
  })

  test('A10: an entry that is written three times takes three of four turns', async () => {
    const told = names(await ringFor('c1', 'c1', 'c1', 'c2'), 40)
    expect(told.slice(0, 5)).toEqual(['c1', 'c1', 'c1', 'c2', 'c1'])
    expect(told.filter((name) => name === 'c1')).toHaveLength(30)
  })

  test('a weight does the same, a pass of the list at a time', async () => {
    const ring = await ringFor({ name: 'c1', weight: 1 }, { name: 'c2', weight: 3 }, { name: 'c3', weight: 2 })
    expect(names(ring, 8)).toEqual(['c1', 'c2', 'c3', 'c2', 'c3', 'c2', 'c1', 'c2'])
  })

  test('a weight of 0 waits until the others rest', async () => {
    const ring = await ringFor({ name: 'spare', weight: 0 }, 'c1')
    expect(names(ring, 3)).toEqual(['c1', 'c1', 'c1'])
    refuse(ring, turnOf(ring), 0)
    expect(names(ring, 2)).toEqual(['spare', 'spare'])
    expect(names(await ringFor({ name: 'alone', weight: 0 }), 2)).toEqual(['alone', 'alone'])
  })

  test('A11: each turn has the count of the backend and the place in the list', async () => {
    const ring = await ringFor('c1', 'c2')
    const turns = [1, 2, 3].map(() => turnOf(ring))
    expect(turns.map(({ number, index }) => [number, index])).toEqual([
      [1, 0],
      [2, 1],
      [3, 0],
    ])
  })

  test('A12: what starts anew begins with the first', async () => {
    expect(names(await ringFor('c1', 'c2', 'c3'), 1)).toEqual(['c1'])
    expect(names(await ringFor('c1', 'c2', 'c3'), 1)).toEqual(['c1'])
  })

  test('over whole rounds each takes as many turns as its weight says', async () => {
    const weights = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(weights, async (all) => {
        fc.pre(all.some((weight) => weight > 0))
        const ring = await ringFor(...all.map((weight, index) => ({ name: `c${index}`, weight })))
        const sum = all.reduce((total, weight) => total + weight, 0)
        const told = names(ring, sum * 3)
        for (const [index, weight] of all.entries()) {
          expect(told.filter((name) => name === `c${index}`)).toHaveLength(weight * 3)
        }
      }),
    )
  })
})

describe('rests', () => {
  test('A13: a credential that was refused is skipped, and the same request goes on with the next', async () => {
    const ring = await ringFor('c1', 'c2')
    const first = turnOf(ring)
    expect(refuse(ring, first, 1000)).toBe(30_000)
    expect(turnOf(ring, 1000, new Set([first.credential])).credential.name).toBe('c2')
    expect(names(ring, 3, 30_999)).toEqual(['c2', 'c2', 'c2'])
  })

  test('A15: it comes back when its time is over', async () => {
    const ring = await ringFor('c1', 'c2')
    refuse(ring, turnOf(ring), 1000)
    expect(names(ring, 2, 31_000)).toEqual(['c2', 'c1'])
  })

  test('A10: all repetitions of a credential rest together', async () => {
    const ring = await ringFor('c1', 'c1', 'c2')
    refuse(ring, turnOf(ring), 0)
    expect(names(ring, 3)).toEqual(['c2', 'c2', 'c2'])
  })

  test('A14: when all rest, the ring tells who comes back first, and when', async () => {
    const ring = await ringFor('c1', 'c2')
    expect(ring.restsUntil(0)).toBeUndefined()
    refuse(ring, turnOf(ring), 0)
    expect(ring.restsUntil(0)).toBeUndefined()
    refuse(ring, turnOf(ring), 500)
    expect(ring.next(600)).toEqual({ kind: 'rest', untilMs: 30_000 })
    expect(ring.restsUntil(600)).toBe(30_000)
    expect(ring.restsUntil(30_000)).toBeUndefined()
    expect(turnOf(ring, 30_000).credential.name).toBe('c1')
  })

  test('a rest for one model leaves the others alone, and a reset ends it', async () => {
    const ring = await ringFor('c1')
    const turn = ring.next(0, undefined, 'small')
    if (turn.kind === 'rest') throw new Error('Cannot go on: all rest')
    const setback = { status: 429, isOfModel: true, retryAfterMs: undefined, message: 'it answered with status 429' }
    expect(ring.failed(turn, undefined, setback, policy, 0)).toEqual({ kind: 'rests', forMs: 30_000 })
    expect(ring.restsUntil(1, 'small')).toBe(30_000)
    expect(ring.next(1, undefined, 'small')).toEqual({ kind: 'rest', untilMs: 30_000 })
    expect(ring.restsUntil(1, 'large')).toBeUndefined()
    expect(ring.next(1, undefined, 'large').kind).toBe('turn')
    expect(ring.list(10_000)[0]).toMatchObject({
      state: 'resting',
      restsForMs: 20_000,
      reason: 'it answered with status 429 for model "small"',
    })
    expect(ring.reset(1)).toBe(1)
    expect(ring.restsUntil(1, 'small')).toBeUndefined()
  })

  test('a rest of the whole credential is one for each model', async () => {
    const ring = await ringFor('c1')
    refuse(ring, turnOf(ring), 0)
    expect(ring.restsUntil(1, 'small')).toBe(30_000)
  })

  test('a request that tried them all gets none, though none rests', async () => {
    const ring = await ringFor('c1', 'c2')
    const tried = new Set([turnOf(ring).credential, turnOf(ring).credential])
    expect(ring.next(0, tried)).toEqual({ kind: 'rest', untilMs: undefined })
  })

  test.each([
    { name: 'is honoured', retryAfterMs: 7000, changes: {}, forMs: 7000 },
    { name: 'is bounded', retryAfterMs: 9_999_999, changes: {}, forMs: 300_000 },
    { name: 'of 0 is ignored', retryAfterMs: 0, changes: {}, forMs: 30_000 },
    {
      name: 'is ignored where it is switched off',
      retryAfterMs: 7000,
      changes: { respectRetryAfter: false },
      forMs: 30_000,
    },
    { name: 'starts no rest where rests are off', retryAfterMs: 7000, changes: { cooldownMs: 0 }, forMs: 0 },
  ])('a Retry-After $name', async ({ retryAfterMs, changes, forMs }) => {
    const ring = await ringFor('c1', 'c2')
    const setback = { status: 429, retryAfterMs, message: 'it answered with status 429' }
    const effect = ring.failed(turnOf(ring), undefined, setback, { ...policy, ...changes }, 0)
    expect(effect).toEqual({ kind: 'rests', forMs })
  })

  test('the pause before the next errand for a token counts, whatever is said of Retry-After', async () => {
    const ring = await ringFor('c1')
    const setback = { status: undefined, retryAfterMs: 2000, message: 'no token' }
    const effect = ring.failed(turnOf(ring), undefined, setback, { ...policy, respectRetryAfter: false }, 0)
    expect(effect).toEqual({ kind: 'rests', forMs: 2000 })
  })

  test('a rest is only ever extended, and told once', async () => {
    const ring = await ringFor('c1')
    const turn = turnOf(ring)
    const long = { ...refused, retryAfterMs: 90_000 }
    expect(ring.failed(turn, undefined, long, policy, 0)).toEqual({ kind: 'rests', forMs: 90_000 })
    expect(refuse(ring, turn, 10)).toBe(0)
    expect(ring.restsUntil(10)).toBe(90_000)
  })

  test('a success that comes late ends no rest, but the count of setbacks', async () => {
    const ring = await ringFor('c1')
    const turn = turnOf(ring)
    refuse(ring, turn, 0)
    ring.succeeded(turn)
    expect(ring.restsUntil(1)).toBe(30_000)
    expect(ring.list(1)[0]).toMatchObject({ setbacks: 0, reason: undefined })
  })

  test('A15: a call resets all of them, or those of one name', async () => {
    const ring = await ringFor('c1', 'c1', 'c2', 'c3')
    for (let count = 0; count < 3; count += 1) refuse(ring, turnOf(ring), 0)
    expect(ring.reset(1, 'nobody')).toBe(0)
    expect(ring.reset(1, 'c1')).toBe(1)
    expect(names(ring, 2, 1)).toEqual(['c1', 'c1'])
    expect(ring.reset(1)).toBe(2)
    expect(ring.reset(1)).toBe(0)
    expect(ring.list(1).map(({ state }) => state)).toEqual(['ready', 'ready', 'ready', 'ready'])
  })

  test('the list tells everything but the keys', async () => {
    const ring = await ringFor('c1', { name: 'c2', weight: 2 })
    refuse(ring, turnOf(ring), 0)
    expect(ring.list(10_000)).toEqual([
      {
        name: 'c1',
        index: 0,
        weight: 1,
        state: 'resting',
        restsForMs: 20_000,
        turns: 1,
        setbacks: 1,
        reason: 'it answered with status 401',
      },
      { name: 'c2', index: 1, weight: 2, state: 'ready', restsForMs: 0, turns: 0, setbacks: 0, reason: undefined },
    ])
  })
})

describe('reloads', () => {
  test('rests, counts and the place in the order are kept while the list is the same', async () => {
    const { book } = credentialBench()
    const entries = [{ name: 'c1' }, { name: 'c2' }, { name: 'c3' }]
    const [before, after] = [await setFor(entries), await setFor(entries)]
    book.adopt([before])
    const old = book.ringOf(before)
    if (old === undefined) throw new Error('Cannot go on: the set was not adopted')
    refuse(old, turnOf(old), 0)
    expect(turnOf(old).credential.name).toBe('c2')
    book.adopt([after])
    const ring = book.ringOf(after)
    if (ring === undefined) throw new Error('Cannot go on: the set was not adopted')
    expect(ring.list(0).map(({ state }) => state)).toEqual(['resting', 'ready', 'ready'])
    expect(turnOf(ring, 30_000)).toMatchObject({ number: 3, index: 2 })
  })

  test.each([
    { name: 'another key', next: { api_key: 'another-key' }, kept: false },
    { name: 'another name', next: { name: 'c9' }, kept: false },
    { name: 'another weight', next: { weight: 5 }, kept: true },
  ])('$name: what was learned is kept: $kept', async ({ next, kept }) => {
    const { book } = credentialBench()
    const before = await setFor([{ name: 'c1' }])
    const after = await setOf([{ name: 'c1', api_key: 'key-of-c1', ...next }])
    book.adopt([before])
    const old = book.ringOf(before)
    if (old !== undefined) refuse(old, turnOf(old), 0)
    book.adopt([after])
    expect(book.ringOf(after)?.restsUntil(0) !== undefined).toBe(kept)
  })

  test('a file that holds another key by now is the same credential', async () => {
    const { book } = credentialBench()
    const sets = [
      await setOf([{ file: '/k' }], { files: { '/k': { content: 'key-1' } } }),
      await setOf([{ file: '/k' }], { files: { '/k': { content: 'key-2' } } }),
    ]
    expect(new Set(sets.map(({ specs }) => specs[0]?.id)).size).toBe(1)
    for (const set of sets) book.adopt([set])
    expect(book.rings().get('b')?.restsUntil(0)).toBeUndefined()
  })

  test('the same key at another backend, or of another address, is another credential', async () => {
    const { book } = credentialBench()
    const written = [{ name: 'c1', api_key: 'key-of-c1' }]
    const sets = [
      await setOf(written, { backend: 'a' }),
      await setOf(written, { backend: 'b' }),
      await setOf(written, { backend: 'a', url: 'https://other.test' }),
    ]
    expect(new Set(sets.map(({ specs }) => specs[0]?.id)).size).toBe(3)
    book.adopt(sets.slice(0, 2))
    const first = book.rings().get('a')
    if (first !== undefined) refuse(first, turnOf(first), 0)
    expect(book.rings().get('b')?.restsUntil(0)).toBeUndefined()
  })

  test('what left the file and came back is new; who still uses the old ring may go on', async () => {
    const { book } = credentialBench()
    const set = await setFor([{ name: 'c1' }])
    book.adopt([set])
    const old = book.ringOf(set)
    if (old === undefined) throw new Error('Cannot go on: the set was not adopted')
    refuse(old, turnOf(old), 0)
    book.adopt([])
    expect(old.restsUntil(0)).toBe(30_000)
    expect([...book.rings().keys()]).toEqual([])
    const again = await setFor([{ name: 'c1' }])
    book.adopt([again])
    expect(book.ringOf(again)?.restsUntil(0)).toBeUndefined()
  })

  test('a set that nobody adopted has no ring', async () => {
    expect(credentialBench().book.ringOf(await setFor([{ name: 'c1' }]))).toBeUndefined()
  })
})

test('a turn that was refused for its token gets one more, and no third', async () => {
  const { book } = credentialBench()
  const set = await setOf([
    { name: 'o', type: 'oauth2', token_url: 'https://auth.test/token', client_id: 'id', client_secret: 'secret' },
  ])
  book.adopt([set])
  const ring = book.ringOf(set)
  if (ring === undefined) throw new Error('Cannot go on: the set was not adopted')
  const turn = turnOf(ring)
  await proofOf(turn.credential)
  const proof = await proofOf(turn.credential)
  const effect = ring.failed(turn, proof, refused, policy, 0)
  if (effect.kind !== 'renew') throw new Error('Cannot go on: there is no second turn')
  expect(effect.turn).toMatchObject({ credential: turn.credential, number: 1, isRenewed: true })
  // Another request was the first to use the new one.
  await proofOf(turn.credential)
  expect(ring.failed(effect.turn, await proofOf(turn.credential), refused, policy, 0)).toEqual({
    kind: 'rests',
    forMs: 30_000,
  })
})

describe('several processes', () => {
  test('D67: a credential that rests in one rests in the others, as a whole or for one model, and a reset reaches them', async () => {
    const set = await setFor([{ name: 'a' }, { name: 'b' }])
    const [one, other] = [credentialBench().book, credentialBench().book]
    for (const book of [one, other]) book.adopt([set])
    one.learned = (fact) => void (fact.kind === 'credential' && other.hear(fact, 1_000_000))
    const [ring, otherRing] = [one.ringOf(set), other.ringOf(set)]
    if (ring === undefined || otherRing === undefined) throw new Error('Cannot go on: the set was not adopted')

    ring.failed(turnOf(ring), undefined, refused, policy, 0)
    const [health] = otherRing.list(1_000_000)
    expect(health).toMatchObject({ name: 'a', state: 'resting', restsForMs: 30_000, reason: refused.message })
    expect(names(otherRing, 2, 1_000_000)).toEqual(['b', 'b'])

    const turn = ring.next(0, undefined, 'large')
    if (turn.kind === 'rest') throw new Error('Cannot go on: all rest')
    ring.failed(turn, undefined, { ...refused, status: 429, isOfModel: true }, policy, 0)
    expect(otherRing.next(1_000_000, undefined, 'large').kind).toBe('rest')
    expect(otherRing.next(1_000_000, undefined, 'small').kind).toBe('turn')

    expect(ring.reset(0)).toBe(2)
    expect(otherRing.list(1_000_000).map(({ state }) => state)).toEqual(['ready', 'ready'])
  })

  test('D67: a rest that is extended by more than a second is told again, and one that lasts a little longer is not', async () => {
    const set = await setFor([{ name: 'a' }])
    const { book } = credentialBench()
    book.adopt([set])
    const told: number[] = []
    book.learned = ({ forMs }) => void told.push(forMs)
    const ring = book.ringOf(set)
    if (ring === undefined) throw new Error('Cannot go on: the set was not adopted')
    const turn = turnOf(ring)
    const fail = (nowMs: number, retryAfterMs: number): void =>
      void ring.failed(turn, undefined, { ...refused, status: 429, retryAfterMs }, policy, nowMs)
    fail(0, 5000)
    fail(100, 5900)
    fail(200, 5850)
    fail(300, 20_000)
    fail(400, 1000)
    expect(told).toEqual([5000, 5850, 20_000])
  })
})
