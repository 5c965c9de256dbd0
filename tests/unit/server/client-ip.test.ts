import { expect, test } from 'bun:test'
import { AddressList } from '#kit/address-list.ts'
import { clientAddress } from '#server/client-ip.ts'

const trusted = new AddressList(['127.0.0.1', '10.0.0.0/8'])

test.each([
  {
    name: 'B86: a forged X-Forwarded-For of an untrusted peer is ignored',
    peer: '203.0.113.9',
    forwarded: '1.2.3.4',
    wanted: '203.0.113.9',
  },
  {
    name: 'B86: a trusted peer names the client',
    peer: '::ffff:127.0.0.1',
    forwarded: '198.51.100.7',
    wanted: '198.51.100.7',
  },
  {
    name: 'N117: what the client itself wrote to the left is ignored',
    peer: '127.0.0.1',
    forwarded: '1.2.3.4, 198.51.100.7, 10.1.1.1',
    wanted: '198.51.100.7',
  },
  {
    name: 'a chain of trusted hops ends at its first member',
    peer: '127.0.0.1',
    forwarded: '10.0.0.9, 10.1.1.1',
    wanted: '10.0.0.9',
  },
  { name: 'without headers the peer is the client', peer: '127.0.0.1', forwarded: undefined, wanted: '127.0.0.1' },
  { name: 'a unix socket has no address', peer: undefined, forwarded: '1.2.3.4', wanted: 'unix' },
])('$name', ({ peer, forwarded, wanted }) => {
  const headers = new Headers(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })
  expect(clientAddress(peer, headers, trusted)).toBe(wanted)
})

test('X-Real-IP counts where there is no X-Forwarded-For', () => {
  expect(clientAddress('127.0.0.1', new Headers({ 'x-real-ip': '198.51.100.7' }), trusted)).toBe('198.51.100.7')
})
