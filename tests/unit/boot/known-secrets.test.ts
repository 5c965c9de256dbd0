import { expect, test } from 'bun:test'
import { KnownSecrets } from '#boot/known-secrets.ts'
import { Secret } from '#core/secret.ts'

test('N005: secrets of the configuration and those that came are one list, the same while nothing changes', () => {
  let configured = [new Secret('a')]
  let arrived: readonly Secret[] = []
  const known = new KnownSecrets(() => configured)
  const values = (): string[] => known.all().map((secret) => secret.reveal())
  expect(values()).toEqual(['a'])
  known.watch({ arrived: () => arrived })
  expect(known.all()).toBe(known.all())
  arrived = [new Secret('token')]
  expect(values()).toEqual(['a', 'token'])
  expect(known.all()).toBe(known.all())
  configured = [new Secret('b')]
  expect(values()).toEqual(['b', 'token'])
})
