import { expect, test } from 'bun:test'
import { cannotListen } from '#server/cannot-listen.ts'

test.each([
  ['foo.invalid', 'ENOTTY', 'Cannot listen on "foo.invalid:80": this host name has no address'],
  ['::1', 'EADDRNOTAVAIL', 'Cannot listen on "[::1]:80": no interface of this machine has this address'],
  ['127.0.0.1', 'EOTHER', 'Cannot listen on "127.0.0.1:80": a message of the system'],
])('an address that cannot be had is told in words: %s %s', (host, code, told) => {
  const error = Object.assign(new Error('a message of the system'), { code })
  expect(cannotListen({ kind: 'tcp', host, port: 80 }, error)).toBe(told)
})
