import { describe, expect, test } from 'bun:test'
import type { CredentialFailure, KeyHeader } from '#core/credential.ts'
import type { AttemptFailure } from '#credential/fault.ts'
import { setbackOf, setbackOfNothing } from '#credential/fault.ts'
import { credentialBench, failureOf, onlyOf, proofOf, setOf, signable, valueIn } from '../../support/credentials.ts'
import type { FakeFile } from '../../support/config.ts'
import { settled } from '../../support/fake-clock.ts'

describe('a key', () => {
  test.each<[KeyHeader, readonly (readonly [string, string])[]]>([
    ['authorization', [['authorization', 'Bearer the-key']]],
    ['x-api-key', [['x-api-key', 'the-key']]],
    ['api-key', [['api-key', 'the-key']]],
    ['x-goog-api-key', [['x-goog-api-key', 'the-key']]],
    ['none', []],
  ])('goes into %s where the backend reads it there, at once and without a new object', async (keyHeader, headers) => {
    const { book } = credentialBench()
    const set = await setOf([{ api_key: 'the-key' }])
    book.adopt([set])
    const credential = onlyOf(book, set)
    const proof = credential.headers(signable({ keyHeader }))
    expect(proof).toEqual({ kind: 'proof', headers, isReused: true })
    expect(credential.headers(signable({ keyHeader }))).toBe(proof)
    expect(credential.refused(await proofOf(credential))).toBe(false)
  })

  test('comes from a variable of the environment', async () => {
    const { book } = credentialBench()
    const set = await setOf([{ env: 'KEY_A' }], { env: { KEY_A: ' from-env ' } })
    book.adopt([set])
    expect(valueIn(await proofOf(onlyOf(book, set)))).toBe('Bearer from-env')
  })
})

describe('N001: a credential goes to its own backend only', () => {
  test.each([
    { url: 'https://api.test/other/path?x=1', goes: true },
    { url: 'https://API.test:443/v1', goes: true },
    { url: 'http://api.test/v1', goes: false },
    { url: 'https://api.test:8443/v1', goes: false },
    { url: 'https://evil.test/v1', goes: false },
    { url: 'https://api.test.evil.test/v1', goes: false },
  ])('$url: $goes', async ({ url, goes }) => {
    const { book, asked } = credentialBench()
    const client = { client_id: 'a', client_secret: 'secret-of-a', tenant: 't' }
    const set = await setOf([
      { api_key: 'the-key' },
      { type: 'jwt', ...client },
      { type: 'azure_ad', ...client },
      { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'secret-of-b', region: 'eu-west-1' },
    ])
    book.adopt([set])
    const ring = book.ringOf(set)
    for (let count = 0; count < 4; count += 1) {
      const turn = ring?.next(0)
      if (turn?.kind !== 'turn') throw new Error('Cannot go on: no credential is free')
      const request = signable({ url: new URL(url) })
      if (goes) await proofOf(turn.credential, request)
      else expect(await failureOf(turn.credential, request)).toMatchObject({ reason: 'wrong_host' })
    }
    expect(asked).toHaveLength(goes ? 1 : 0)
  })

  test('also where the scheme has no origin', async () => {
    const { book } = credentialBench()
    const set = await setOf([{ api_key: 'the-key' }], { url: 'mock://one' })
    book.adopt([set])
    const credential = onlyOf(book, set)
    await proofOf(credential, signable({ url: new URL('mock://one/v1/chat') }))
    await failureOf(credential, signable({ url: new URL('mock://two/v1/chat') }))
  })
})

describe('a key in a file', () => {
  const path = '/etc/proxy/key'

  async function opened() {
    const files: Record<string, FakeFile> = { [path]: { content: 'key-1\n' } }
    const bench = credentialBench(undefined, files)
    const set = await setOf([{ name: 'f', file: 'key' }], { files })
    bench.book.adopt([set])
    return { ...bench, files, set, credential: onlyOf(bench.book, set) }
  }

  test('is looked at again every 5 seconds, and no request waits for that', async () => {
    const { credential, clock, files, lines, reads } = await opened()
    expect(valueIn(await proofOf(credential))).toBe('Bearer key-1')
    files[path] = { content: 'key-2' }
    await clock.advance(4999)
    await proofOf(credential)
    await settled()
    expect(reads()).toBe(0)
    await clock.advance(1)
    expect(valueIn(await proofOf(credential))).toBe('Bearer key-1')
    await settled()
    expect(valueIn(await proofOf(credential))).toBe('Bearer key-2')
    expect(reads()).toBe(1)
    expect(lines).toEqual([
      { level: 'info', event: 'credential_key_read', fields: { backend: 'b', credential: 'f', file: path } },
    ])
  })

  test('stays as it is while the file is missing or nonsense, which is told once', async () => {
    const { credential, clock, files, lines } = await opened()
    for (const content of ['', 'two\nlines', undefined]) {
      if (content === undefined) delete files[path]
      else files[path] = { content }
      await clock.advance(5000)
      await proofOf(credential)
      await settled()
    }
    expect(valueIn(await proofOf(credential))).toBe('Bearer key-1')
    expect(lines).toEqual([
      {
        level: 'warn',
        event: 'credential_file_failed',
        fields: { backend: 'b', credential: 'f', file: path, reason: 'it is empty' },
      },
    ])
  })

  test('that was refused is not sent again before the file was looked at', async () => {
    const { credential, files } = await opened()
    const proof = await proofOf(credential)
    files[path] = { content: 'key-2' }
    expect(credential.refused(proof)).toBe(true)
    expect(valueIn(await proofOf(credential))).toBe('Bearer key-2')
  })

  test('that was refused and is still the same is tried again only later', async () => {
    const { credential } = await opened()
    expect(credential.refused(await proofOf(credential))).toBe(true)
    expect(await failureOf(credential)).toMatchObject({ reason: 'no_key' })
    expect(valueIn(await proofOf(credential))).toBe('Bearer key-1')
  })

  test('that was replaced already when the old one was refused is sent at once', async () => {
    const { credential, clock, files } = await opened()
    const proof = await proofOf(credential)
    files[path] = { content: 'key-2' }
    await clock.advance(5000)
    await proofOf(credential)
    await settled()
    expect(credential.refused(proof)).toBe(true)
    expect(credential.headers(signable())).not.toBeInstanceOf(Promise)
  })

  test('is hidden from answers as it is now, and as it was when the configuration was read', async () => {
    const { credential, clock, files, set } = await opened()
    files[path] = { content: 'key-number-2' }
    await clock.advance(5000)
    await proofOf(credential)
    await settled()
    const hidden = credential.secrets()
    expect(hidden.map((secret) => secret.reveal())).toEqual(['key-number-2'])
    expect(credential.secrets()).toBe(hidden)
    expect(set.secrets.map((secret) => secret.reveal())).toEqual(['key-1'])
  })
})

describe('setbackOf() knows whose fault a failure is', () => {
  const failure: AttemptFailure = { side: 'upstream', status: 401, cools: true, message: 'it answered with status 401' }

  test.each([
    ...[401, 402, 403, 429].map((status) => ({ name: `a ${status}`, changes: { status }, is: true })),
    ...[400, 404, 408, 500, 503, 529].map((status) => ({ name: `a ${status}`, changes: { status }, is: false })),
    { name: 'a 403 for a path', changes: { status: 403, cools: false }, is: false },
    { name: 'a 400 without quota', changes: { status: 400, blamesCredential: true }, is: true },
    { name: 'a 200 that tells of a key', changes: { status: 200, blamesCredential: true }, is: true },
    { name: 'a client that left', changes: { side: 'client' as const }, is: false },
  ])('$name is the credential’s own: $is', ({ changes, is }) => {
    expect(setbackOf({ ...failure, ...changes }) !== undefined).toBe(is)
  })

  test('a broken connection is not, and a Retry-After is handed on', () => {
    expect(setbackOf({ side: 'upstream', cools: true, message: 'it broke' })).toBeUndefined()
    expect(setbackOf({ ...failure, status: 429, retryAfterMs: 7000 })).toEqual({
      status: 429,
      isOfModel: true,
      retryAfterMs: 7000,
      message: failure.message,
    })
  })

  test.each([
    { name: 'a 401', changes: {}, isOfModel: false },
    ...[402, 403, 429].map((status) => ({ name: `a mere ${status}`, changes: { status }, isOfModel: true })),
    { name: 'a spent quota', changes: { status: 429, blamesCredential: true }, isOfModel: false },
    { name: 'a 429 in a 200', changes: { status: 200, reportedStatus: 429 }, isOfModel: true },
  ])('$name is about one model: $isOfModel', ({ changes, isOfModel }) => {
    expect(setbackOf({ ...failure, ...changes })).toMatchObject({ isOfModel })
  })

  test.each<[CredentialFailure['reason'], boolean]>([
    ['unsignable', false],
    ['no_key', true],
    ['no_token', true],
    ['cannot_sign', true],
    ['stopped', false],
    ['wrong_host', false],
  ])('A26: having nothing to send for %s is a setback: %p', (reason, is) => {
    const setback = setbackOfNothing({ kind: 'credential_failure', reason, message: 'm', retryAfterMs: 5 })
    expect(setback).toEqual(is ? { status: undefined, retryAfterMs: 5, message: 'm' } : undefined)
  })
})
