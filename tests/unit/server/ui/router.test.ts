import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { hashOf, pageNames, placeOf, type Place } from '#server/ui/router.ts'

describe('placeOf()', () => {
  test.each<{ hash: string; place: Place }>([
    { hash: '', place: { page: 'overview', search: '' } },
    { hash: '#', place: { page: 'overview', search: '' } },
    { hash: '#/', place: { page: 'overview', search: '' } },
    { hash: '#/services', place: { page: 'services', search: '' } },
    { hash: '#/services/', place: { page: 'services', search: '' } },
    { hash: '#services', place: { page: 'services', search: '' } },
    { hash: '#/backends/a%2Fb%20c', place: { page: 'backends', search: 'a/b c' } },
    { hash: '#/backends/100%', place: { page: 'backends', search: '100%' } },
    { hash: '#/credentials/a/b', place: { page: 'credentials', search: 'a/b' } },
    { hash: '#/nowhere/x', place: { page: 'overview', search: '' } },
    { hash: '#/constructor', place: { page: 'overview', search: '' } },
  ])('reads "$hash"', ({ hash, place }) => {
    expect(placeOf(hash)).toEqual(place)
  })

  test('finds back to every place of a page that is searched', () => {
    const name = fc.constantFrom(...pageNames.filter((page) => page !== 'overview'))
    fc.assert(
      fc.property(name, fc.string({ unit: 'grapheme' }), (page, search) => {
        expect(placeOf(hashOf({ page, search }))).toEqual({ page, search })
      }),
    )
  })
})
