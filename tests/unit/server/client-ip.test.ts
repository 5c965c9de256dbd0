import { describe, expect, test } from 'bun:test'
import { AddressList } from '#kit/address-list.ts'
import { clientAddress, ClientBehind } from '#server/client-ip.ts'

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
  { name: 'an empty header says nothing', peer: '127.0.0.1', forwarded: ' ', wanted: '127.0.0.1' },
  { name: 'a port is no part of the address', peer: '127.0.0.1', forwarded: '1.2.3.4:5678', wanted: '1.2.3.4' },
  { name: 'nor is that of an IPv6 address', peer: '127.0.0.1', forwarded: '[2001:db8::7]:443', wanted: '2001:db8::7' },
  {
    name: 'a trusted hop with a port is passed by like one without',
    peer: '127.0.0.1',
    forwarded: '198.51.100.7, 10.1.1.1:80',
    wanted: '198.51.100.7',
  },
  {
    name: 'what is no address stands for the proxy that wrote it, and hides what is left of it',
    peer: '127.0.0.1',
    forwarded: '1.2.3.4, unknown, 10.1.1.1',
    wanted: '10.1.1.1',
  },
  { name: 'a unix socket has no address', peer: undefined, forwarded: '1.2.3.4', wanted: 'unix' },
])('$name', ({ peer, forwarded, wanted }) => {
  const headers = new Headers(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })
  expect(clientAddress(peer, headers, trusted)).toBe(wanted)
})

test('X-Real-IP counts where there is no X-Forwarded-For', () => {
  expect(clientAddress('127.0.0.1', new Headers({ 'x-real-ip': '198.51.100.7' }), trusted)).toBe('198.51.100.7')
})

test.each([
  { name: 'an empty X-Forwarded-For', real: '198.51.100.7', forwarded: '', wanted: '198.51.100.7' },
  { name: 'a port', real: '198.51.100.7:80', forwarded: undefined, wanted: '198.51.100.7' },
  { name: 'no address', real: 'unknown', forwarded: undefined, wanted: '127.0.0.1' },
])('X-Real-IP is read beside $name', ({ real, forwarded, wanted }) => {
  const headers = new Headers({
    'x-real-ip': real,
    ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
  })
  expect(clientAddress('127.0.0.1', headers, trusted)).toBe(wanted)
})

test('the peer of a unix socket is believed when "unix" is trusted, and only then', () => {
  const headers = new Headers({ 'x-forwarded-for': '198.51.100.7' })
  const listed = new AddressList(['unix'])
  expect(clientAddress(undefined, headers, listed)).toBe('198.51.100.7')
  expect(clientAddress(undefined, new Headers(), listed)).toBe('unix')
  expect(clientAddress('203.0.113.9', headers, listed)).toBe('203.0.113.9')
})

describe('ClientBehind', () => {
  function behind(peer: string | undefined, forwarded?: string): { client: ClientBehind; asked: () => number } {
    const count = { asked: 0 }
    const connection = {
      get peer() {
        count.asked += 1
        return peer
      },
      patience() {},
    }
    const headers = new Headers(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })
    return { client: new ClientBehind(connection, headers, trusted), asked: () => count.asked }
  }

  test('asks the connection for nothing until someone wants to know, and then once', () => {
    const { client, asked } = behind('::ffff:127.0.0.1', '198.51.100.7')
    expect(asked()).toBe(0)
    expect([client.address, client.address, asked()]).toEqual(['198.51.100.7', '198.51.100.7', 1])
  })

  test('note() keeps the address for when the client has left', () => {
    const { client, asked } = behind('203.0.113.9')
    client.note()
    client.note()
    expect([client.address, asked()]).toEqual(['203.0.113.9', 1])
  })

  test('tells the peer without the form of IPv4 in IPv6, and none of a unix socket', () => {
    expect(behind('::ffff:203.0.113.9').client.peer).toBe('203.0.113.9')
    expect(behind(undefined).client.peer).toBeUndefined()
  })
})
