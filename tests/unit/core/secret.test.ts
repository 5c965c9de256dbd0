import { expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { Secret } from '#core/secret.ts'

const value = 'sk-canary-0123456789'
const secret = new Secret(value)

test.each([
  { name: 'a template', shown: `key: ${secret.toString()}` },
  { name: 'a concatenation', shown: 'key: '.concat(String(secret)) },
  { name: 'JSON', shown: JSON.stringify({ secret }) },
  { name: 'inspect', shown: inspect({ deep: { secret } }, { depth: 9, showHidden: true }) },
  { name: 'Bun.inspect', shown: Bun.inspect({ secret }) },
  { name: 'its keys', shown: JSON.stringify([Object.keys(secret), Object.getOwnPropertyNames(secret)]) },
  { name: 'the message of an error', shown: new Error(`Cannot use ${String(secret)}`).message },
])('B63: a Secret does not show itself in $name', ({ shown }) => {
  expect(shown).not.toContain('canary')
})

test('a Secret is revealed where it is asked to be', () => {
  expect(secret.reveal()).toBe(value)
})
