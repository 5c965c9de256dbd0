import { describe, expect, test } from 'bun:test'
import type { EventName } from '#ports/log.ts'
import { messages, wordingOf } from '#telemetry/messages.ts'
import { fieldsOf, fillWording, readWording } from '#telemetry/wording.ts'

describe('wordings', () => {
  const events = Object.keys(messages.en).filter(isEvent)

  test.each(events)('%s has its Chinese form, which shows no field that the English one does not know', (event) => {
    const english = fieldsOf(wordingOf('en', event))
    for (const field of fieldsOf(wordingOf('zh', event))) expect(english).toContain(field)
    expect(messages.zh[event]).not.toBe('')
    const isFieldsOnly = messages.en[event].replace(/<[^>]*>|\{\w+\}/g, '') === ''
    expect(isFieldsOnly || /[\u4e00-\u9fff]/.test(messages.zh[event])).toBe(true)
  })

  test.each([
    { text: 'a={a} b={b}', fields: { a: 1, b: 'x' }, filled: 'a=1 b=x' },
    { text: 'a={a}', fields: {}, filled: 'a=-' },
    { text: 'a={a}< b={b}>!', fields: { a: true }, filled: 'a=true!' },
    { text: 'a={a}< b={b} c={c}>', fields: { a: 0, b: 2 }, filled: 'a=0' },
    { text: 'a={a}< b={b} c={c}>', fields: { a: 0, b: 2, c: '' }, filled: 'a=0 b=2 c=' },
    { text: '[{a}] plain', fields: { a: 'A=2ms' }, filled: '[A=2ms] plain' },
  ])('"$text" is filled to "$filled"', ({ text, fields, filled }) => {
    expect(fillWording(readWording(text), fields)).toBe(filled)
  })

  test('a field may hold what looks like a placeholder', () => {
    expect(fillWording(readWording('a={a} b={b}'), { a: '{b}<c>', b: 1 })).toBe('a={b}<c> b=1')
  })

  test.each(['a < b', 'a > b', '< < a > >'])('readWording() refuses "%s"', (text) => {
    expect(() => readWording(text)).toThrow('its brackets do not match')
  })
})

function isEvent(name: string): name is EventName {
  return name in messages.en
}
