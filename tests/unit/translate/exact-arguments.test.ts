import { describe, expect, test } from 'bun:test'
import { withExactArguments } from '#translate/exact-arguments.ts'

function written(text: string): string {
  return JSON.stringify(withExactArguments(JSON.parse(text), text))
}

describe('numbers in what is said to tools and by them keep their digits (§5.6)', () => {
  test.each([
    '{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"n":12345678901234567890,"d":1.0,"l":[1e3,-0]}}]}]}',
    '{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":12345678901234567890}}}]}]}',
    '{"contents":[{"role":"model","parts":[{"function_call":{"name":"f","args":{"d":1.50}}}]}]}',
    '{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"n":0.10}}}]}]}',
  ])('%s', (text) => {
    expect(written(text)).toBe(text)
  })

  test('and those that we look at are numbers', () => {
    const text =
      '{"temperature":1.0,"messages":[{"role":"user","content":"q"},{"role":"user","content":[{"type":"text","text":"1.0"}]}]}'
    expect(withExactArguments(JSON.parse(text), text)).toEqual(JSON.parse(text))
  })

  test.each([
    '{"messages":{"a":1.0}}',
    '{"messages":[1.0,null,{"content":[1.0,null,{"type":"tool_use"}]}]}',
    '{"contents":[{"parts":[{"functionCall":1.0}]}]}',
  ])('whatever else stands there stays: %s', (text) => {
    expect(JSON.parse(written(text))).toEqual(JSON.parse(text))
  })
})
