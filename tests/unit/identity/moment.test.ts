import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readMoment } from '#identity/moment.ts'

test.each([
  ['2027-01-31', '2027-01-31T00:00:00.000Z'],
  ['2027-01-31T18:00Z', '2027-01-31T18:00:00.000Z'],
  ['2027-01-31T18:00:30.5+02:00', '2027-01-31T16:00:30.500Z'],
  [' 2027-01-31t18:00:00z ', '2027-01-31T18:00:00.000Z'],
])('"%s" is %s', (written, moment) => {
  expect(readMoment(written)).toBe(Date.parse(moment))
})

test.each([
  '',
  'tomorrow',
  '2027',
  '2027-02-31',
  '2027-13-01',
  '31.01.2027',
  '2027-01-31T18:00',
  '2027-01-31T25:00Z',
  '1e9',
])('"%s" is no moment', (written) => {
  expect(readMoment(written)).toBeUndefined()
})

test('no text throws', () => {
  fc.assert(fc.property(fc.string(), (text) => void readMoment(text)))
})
