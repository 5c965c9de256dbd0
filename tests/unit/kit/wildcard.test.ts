import { expect, test } from 'bun:test'
import { expandWildcard } from '#kit/wildcard.ts'

test.each([
  { pattern: '429', numbers: [429] },
  { pattern: ' 503 ', numbers: [503] },
  { pattern: '42x', numbers: [420, 421, 422, 423, 424, 425, 426, 427, 428, 429] },
  { pattern: '5X9', numbers: [509, 519, 529, 539, 549, 559, 569, 579, 589, 599] },
])('expandWildcard() reads "$pattern"', ({ pattern, numbers }) => {
  expect(expandWildcard(pattern)).toEqual(numbers)
})

test('expandWildcard() takes two x for a hundred numbers', () => {
  const numbers = expandWildcard('4xx') ?? []
  expect([numbers.length, numbers[0], numbers.at(-1)]).toEqual([100, 400, 499])
})

test.each(['', 'abc', 'xxx', 'x00', '4', '4x', '4xxx', '099', '-40', '4.4', '4e1', '４xx'])(
  'expandWildcard() takes "%s" for junk',
  (pattern) => {
    expect(expandWildcard(pattern)).toBeUndefined()
  },
)
