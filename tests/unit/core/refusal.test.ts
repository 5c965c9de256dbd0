import { expect, test } from 'bun:test'
import { isAnswer } from '#core/answer.ts'
import { isRefusal, refusalStatus, refuse } from '#core/refusal.ts'
import { stringKeys } from '#kit/string-keys.ts'

test.each(stringKeys(refusalStatus))('refuse() gives "%s" its status of the table', (code) => {
  const refusal = refuse(code, 'Cannot do this: it is a test')
  expect(refusal).toEqual({
    kind: 'refusal',
    code,
    status: refusalStatus[code],
    message: 'Cannot do this: it is a test',
  })
  expect([isRefusal(refusal), isAnswer(refusal)]).toEqual([true, false])
})

test('refuse() takes what is particular, another status included', () => {
  const extras = { status: 400, param: 'model', retryAfterMs: 5 }
  expect(refuse('model_not_found', 'Cannot find it: no', extras)).toMatchObject(extras)
})

test('isRefusal() is not fooled', () => {
  for (const value of [undefined, null, 'refusal', 0, {}, { kind: 'failure' }, []])
    expect([isRefusal(value), isAnswer(value)]).toEqual([false, false])
})
