import { describe, expect, test } from 'bun:test'
import { AddressList, canonicalAddress, readAddress } from '#kit/address-list.ts'

describe('AddressList', () => {
  test.each([
    { entry: '10.0.0.0/8', address: '10.255.0.1', inside: true },
    { entry: '10.0.0.0/8', address: '11.0.0.1', inside: false },
    { entry: '127.0.0.1', address: '127.0.0.1', inside: true },
    { entry: '127.0.0.1', address: '::ffff:127.0.0.1', inside: true },
    { entry: '127.0.0.1', address: '127.0.0.2', inside: false },
    { entry: '::1', address: '::1', inside: true },
    { entry: '2001:db8::/32', address: '2001:db8:1::5', inside: true },
    { entry: '2001:db8::/32', address: '10.0.0.1', inside: false },
    { entry: '0.0.0.0/0', address: 'unix', inside: false },
    { entry: 'unix', address: 'unix', inside: true },
    { entry: 'unix', address: '127.0.0.1', inside: false },
  ])('$entry holds $address: $inside', ({ entry, address, inside }) => {
    expect(new AddressList([entry]).includes(address)).toBe(inside)
  })

  test.each(['localhost', '10.0.0.0/33', '010.0.0.1', '10.1', '', '10.0.0.0/x'])('refuses "%s"', (entry) => {
    expect(() => new AddressList([entry])).toThrow(`Cannot use "${entry}"`)
  })

  test('an empty list holds nobody', () => {
    expect(new AddressList([]).includes('127.0.0.1')).toBe(false)
  })
})

test.each([
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['[2001:DB8::1]', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  [' 10.0.0.1 ', '10.0.0.1'],
  ['not an address', 'not an address'],
])('canonicalAddress() writes "%s" as "%s"', (given, wanted) => {
  expect(canonicalAddress(given)).toBe(wanted)
})

test.each([
  ['10.1.2.3', '10.1.2.3'],
  [' 10.1.2.3:5678 ', '10.1.2.3'],
  ['[2001:DB8::1]:443', '2001:db8::1'],
  ['[2001:DB8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['', undefined],
  ['unknown', undefined],
  ['unix', undefined],
  ['010.1.2.3', undefined],
  ['10.1', undefined],
  ['10.1.2.3:', undefined],
  ['[x]:1', undefined],
])('readAddress() reads "%s" as %p', (given, wanted) => {
  expect(readAddress(given)).toBe(wanted)
})
