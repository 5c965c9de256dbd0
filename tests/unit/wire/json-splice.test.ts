import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRefusal } from '#core/refusal.ts'
import { concat } from '#kit/bytes.ts'
import { spliceModel } from '#wire/json-splice.ts'
import { peekJson } from '#wire/peek.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function withModel(text: string, model: string): string {
  const body = encoder.encode(text)
  const found = peekJson(body)
  if (isRefusal(found)) throw new Error(found.message)
  return decoder.decode(concat(spliceModel(body, found.modelAt, model)))
}

describe('spliceModel()', () => {
  test('B39, N106: changes nothing but the bytes of the model', () => {
    const text = '{ "z":9007199254740993, "model" : "old" ,"a":"<a>\\u003c","n":1e400,\t"z2":-0.0}'
    expect(withModel(text, 'new')).toBe(text.replace('"old"', '"new"'))
  })

  test('escapes what JSON needs escaped', () => {
    expect(withModel('{"model":"m"}', 'a"b\\c\nd')).toBe('{"model":"a\\"b\\\\c\\nd"}')
    expect(withModel('{"model":"m"}', '通义')).toBe('{"model":"通义"}')
  })

  test('leaves the given body alone, which other attempts still need', () => {
    const body = encoder.encode('{"model":"one"}')
    spliceModel(body, { start: 9, end: 14 }, 'another')
    expect(decoder.decode(body)).toBe('{"model":"one"}')
  })

  test('copies nothing: what stands around the model are views of the body', () => {
    const body = encoder.encode('{"model":"one","more":1}')
    const [before, , behind] = spliceModel(body, { start: 9, end: 14 }, 'another')
    expect(before?.buffer).toBe(body.buffer)
    expect(behind?.buffer).toBe(body.buffer)
  })

  test('equals parsing, setting and comparing, and keeps every other byte, for any object', () => {
    const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.jsonValue()), anyText, anyText, (other, before, after) => {
        delete other['stream']
        const text = JSON.stringify({ ...other, model: before })
        const result = withModel(text, after)
        expect(JSON.parse(result)).toEqual({ ...JSON.parse(text), model: JSON.parse(JSON.stringify(after)) })
        const spelled = JSON.stringify(before)
        const at = text.indexOf(`"model":${spelled}`) + '"model":'.length
        expect(result).toBe(text.slice(0, at) + JSON.stringify(after) + text.slice(at + spelled.length))
      }),
    )
  })
})
