import { expect, test } from 'bun:test'
import { seededRandom } from '#ports/random.ts'
import { toBase64, vectorOf, vectorsOf, wholeOf } from '#translate/embed/vector.ts'
import { cohereTask, novaPurpose, taskOf } from '#translate/embed/task.ts'

test('toBase64() and vectorOf() give back every vector of 32-bit floats', () => {
  const random = seededRandom(7)
  for (let round = 0; round < 200; round++) {
    const vector = Array.from({ length: 1 + Math.floor(random.unit() * 40) }, () =>
      Math.fround((random.unit() - 0.5) * 1e3),
    )
    expect(vectorOf(toBase64(vector))).toEqual(vector)
  }
})

test('vectorOf() takes nothing else', () => {
  for (const value of [undefined, null, 7, {}, [], ['a'], [1, '2'], '', 'AAA', 'AAAAAAA=']) {
    expect(vectorOf(value)).toBeUndefined()
  }
})

test('vectorsOf() is all or nothing', () => {
  expect(vectorsOf([[1], [2]])).toEqual([[1], [2]])
  expect(vectorsOf([])).toEqual([])
  expect(vectorsOf([[1], null])).toBeUndefined()
})

test.each([0, -1, 1.5, Number.NaN, Infinity, '8', null, 2 ** 60])('wholeOf() takes no %j', (value) => {
  expect(wholeOf(value)).toBeUndefined()
})

test.each([
  { word: 'retrieval_query', google: 'RETRIEVAL_QUERY', cohere: 'search_query', nova: 'TEXT_RETRIEVAL' },
  { word: 'passage', google: 'RETRIEVAL_DOCUMENT', cohere: 'search_document', nova: 'GENERIC_INDEX' },
  { word: 'classification', google: 'CLASSIFICATION', cohere: 'classification', nova: 'CLASSIFICATION' },
  { word: 'separation', google: 'CLUSTERING', cohere: 'clustering', nova: 'CLUSTERING' },
  { word: 'QUESTION_ANSWERING', google: 'QUESTION_ANSWERING', cohere: 'search_query', nova: 'TEXT_RETRIEVAL' },
  { word: '__proto__', google: undefined, cohere: 'search_document', nova: 'GENERIC_INDEX' },
])('"$word" is $google, $cohere, $nova', ({ word, google, cohere, nova }) => {
  const task = taskOf(word)
  expect(task).toBe(google)
  expect(cohereTask(task)).toBe(cohere)
  expect(novaPurpose(task)).toBe(nova)
})
