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
    const isFieldsOnly = messages.en[event].replace(/<[^>]*>|\{\w+[^}]*\}/g, '') === ''
    expect(isFieldsOnly || /[\u4e00-\u9fff]/.test(messages.zh[event])).toBe(true)
  })

  test.each([
    { text: 'a={a} b={b}', fields: { a: 1, b: 'x' }, filled: 'a=1 b=x' },
    { text: 'a={a}', fields: {}, filled: 'a=-' },
    { text: 'a={a}< b={b}>!', fields: { a: true }, filled: 'a=true!' },
    { text: 'a={a}< b={b} c={c}>', fields: { a: 0, b: 2 }, filled: 'a=0' },
    { text: 'a={a}< b={b} c={c}>', fields: { a: 0, b: 2, c: '' }, filled: 'a=0 b=2 c=' },
    { text: '{a request|requests} in flight', fields: { a: 1 }, filled: '1 request in flight' },
    { text: '{a request|requests} in flight', fields: { a: 0 }, filled: '0 requests in flight' },
    { text: '{a model alias|model aliases}< {b x|xs}>', fields: { a: 2, b: 1 }, filled: '2 model aliases 1 x' },
    { text: 'up to {a as duration}', fields: { a: 90_000 }, filled: 'up to 1m30s' },
    { text: 'up to {a as duration}', fields: {}, filled: 'up to -' },
    { text: '[{a}] plain', fields: { a: 'A=2ms' }, filled: '[A=2ms] plain' },
  ])('"$text" is filled to "$filled"', ({ text, fields, filled }) => {
    expect(fillWording(readWording(text), fields)).toBe(filled)
  })

  test.each([
    ['en', 'config_loaded', { backends: 1, aliases: 1 }, 'Loaded 1 backend, 1 model alias'],
    ['en', 'server_started', { address: 'x', portFrom: 'PORT' }, 'LLM Proxy started, listening on x (port from PORT)'],
    ['zh', 'server_started', { address: 'x', portFrom: 'PORT' }, 'LLM Proxy 启动,监听地址: x (端口来自 PORT)'],
    ['en', 'shutdown_forced', { inFlight: 1 }, 'Shut down by force: 1 request was cut'],
    [
      'en',
      'config_rejected',
      { file: 'f', problems: 1, first: 'x' },
      'Cannot reload f: 1 problem, the last good configuration stays: x',
    ],
  ] as const)('in %s, %s of %j is told as "%s"', (language, event, fields, told) => {
    expect(fillWording(wordingOf(language, event), fields)).toBe(told)
  })

  test.each([
    ['en', 'Listening on loopback only, although ":8080" was asked for: set BACKEND_API_KEY'],
    ['zh', '要求监听 ":8080"'],
  ] as const)('in %s, an address that was asked for and is not served is told', (language, told) => {
    const wording = wordingOf(language, 'unauthenticated')
    const openedBy = 'BACKEND_API_KEY'
    expect(fillWording(wording, { address: 'x', asked: ':8080', openedBy })).toContain(told)
    expect(fillWording(wording, { address: 'x', asked: undefined, openedBy })).not.toContain(told.slice(0, 6))
  })

  test('a field may hold what looks like a placeholder', () => {
    expect(fillWording(readWording('a={a} b={b}'), { a: '{b}<c>', b: 1 })).toBe('a={b}<c> b=1')
  })

  test.each([
    [{ a: 1, b: 2, c: 3 }, 'x a=1 b=2 c=3'],
    [{ a: 1, c: 3 }, 'x a=1 c=3'],
    [{ b: 2, c: 3 }, 'x'],
  ])('text in brackets disappears with its field and with all that stands inside of it: %j', (fields, told) => {
    const wording = readWording('x< a={a}< b={b}>< c={c}>>')
    expect(fillWording(wording, fields)).toBe(told)
    expect(fieldsOf(wording)).toEqual(['a', 'b', 'c'])
  })

  test.each(['a < b', 'a > b', '< < a >', '< a > >'])('readWording() refuses "%s"', (text) => {
    expect(() => readWording(text)).toThrow('its brackets do not match')
  })
})

function isEvent(name: string): name is EventName {
  return name in messages.en
}
