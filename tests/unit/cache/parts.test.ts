import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compileCache, secretsOfCache } from '#cache/compile.ts'
import { readEntry, writeEntry, type Entry } from '#cache/entry.ts'
import { CacheSchema } from '#cache/schema.ts'
import { MemoryStore } from '#cache/store.ts'
import { cacheWishesOf } from '#cache/wishes.ts'
import { encode } from '#kit/bytes.ts'
import * as v from 'valibot'

function entryOf(text: string): Entry {
  return {
    kind: 'body',
    contentType: 'application/json',
    warnings: undefined,
    bytes: encode(text),
    usage: undefined,
    createdMs: 1,
    durationMs: 2,
  }
}

describe('entries', () => {
  test('are read as they were written, whatever text they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const entry = {
          ...entryOf(text),
          usage: { inputTokens: 1, outputTokens: 2, cachedTokens: 1, source: 'upstream' },
        } as const
        expect(readEntry(writeEntry(entry))).toEqual({ ...entry, bytes: entry.bytes })
      }),
    )
  })

  test('junk is none, and nothing throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((text) => `${text}\n{}`),
        ),
        (text) => {
          expect(readEntry(text)).toBeUndefined()
        },
      ),
    )
  })
})

test('N217 the memory never holds more than its bounds, and always what was used last', () => {
  const actions = fc.array(fc.tuple(fc.boolean(), fc.nat(20), fc.nat(900)), { maxLength: 200 })
  fc.assert(
    fc.property(
      actions,
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1500, max: 9000 }),
      (steps, entriesMax, bytesMax) => {
        const store = new MemoryStore()
        for (const [isPut, number, size] of steps) {
          const key = `k${number}`
          if (isPut) {
            store.put(key, entryOf('x'.repeat(size)), { entriesMax, bytesMax })
            expect(store.get(key)?.bytes.byteLength).toBe(size)
          } else store.get(key)
          expect(store.size).toBeLessThanOrEqual(entriesMax)
          expect(store.bytes).toBeLessThanOrEqual(bytesMax)
        }
        store.clear()
        expect([store.size, store.bytes]).toEqual([0, 0])
      },
    ),
  )
})

describe('C318 Cache-Control of a request', () => {
  test.each([
    { header: '', says: { takesKept: true, mayKeep: true, ageMsMax: Infinity, onlyKept: false } },
    { header: 'No-Cache', says: { takesKept: false, mayKeep: true } },
    { header: 'no-store', says: { takesKept: false, mayKeep: false } },
    { header: 'max-age=0', says: { takesKept: false, mayKeep: true } },
    { header: 'max-age = 5 , only-if-cached', says: { ageMsMax: 5000, onlyKept: true, takesKept: true } },
    { header: 'max-age="7"', says: { ageMsMax: 7000 } },
    { header: 'max-age=-1, max-age=x, no-caches, =, ,,', says: { takesKept: true, ageMsMax: Infinity } },
  ])('$header', ({ header, says }) => {
    expect(cacheWishesOf(new Headers({ 'cache-control': header }))).toMatchObject(says)
  })

  test('Pragma: no-cache counts where nothing else is said', () => {
    expect(cacheWishesOf(new Headers({ pragma: 'no-cache' })).takesKept).toBe(false)
    expect(cacheWishesOf(new Headers({ pragma: 'no-cache', 'cache-control': 'max-age=1' })).takesKept).toBe(true)
  })
})

describe('the configuration', () => {
  const compiled = (written: v.InferInput<typeof CacheSchema>) =>
    compileCache(v.parse(CacheSchema, { enabled: true, ...written }), [])

  test('C302 redis.db is the database of the address', () => {
    const redis = { url: 'redis://user:secret@host:6379/1', db: 5 }
    expect(compiled({ backend: 'redis', redis })?.remote?.address).toBe('redis://user:secret@host:6379/5')
    expect(compiled({ backend: 'redis', redis: { ...redis, db: 0 } })?.remote?.address).toBe(
      'redis://user:secret@host:6379/1',
    )
  })

  test('I9 the password of Redis is a secret', () => {
    const config = v.parse(CacheSchema, { redis: { url: 'redis://:p%40ss@host' } })
    expect(secretsOfCache(config)).toEqual(['p%40ss', 'p@ss'])
    expect(secretsOfCache(undefined)).toEqual([])
  })

  test('memcached takes no more than its own limit', () => {
    expect(compiled({ backend: 'memcached', max_entry_bytes: '8mb' })?.entryBytesMax).toBe(1_000_000)
    expect(compiled({ max_entry_bytes: '8mb' })?.entryBytesMax).toBe(8 * 1_048_576)
  })

  test('off, it is nothing', () => {
    expect(compileCache(undefined, [])).toBeUndefined()
    expect(compileCache(v.parse(CacheSchema, {}), [])).toBeUndefined()
  })

  test.each([
    { ttl: '31d' },
    { max_size: 0 },
    { memcached: { address: 'host' } },
    { redis: { url: 'http://host' } },
    { key_prefix: 'a b' },
    { hit_response: { headers: { 'X-A': 'a\nb' } } },
    { hit_response: { headers: { 'X A': 'a' } } },
    { size: 1 },
  ])('%j is refused', (written) => {
    expect(v.safeParse(CacheSchema, written).success).toBe(false)
  })
})
