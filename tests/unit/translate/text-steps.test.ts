import { describe, expect, test } from 'bun:test'
import { seededRandom } from '#ports/random.ts'
import { CustomDecoder } from '#translate/custom-decoder.ts'
import { JsonEnd } from '#translate/json-end.ts'
import { StopScanner } from '#translate/stop-scanner.ts'
import { ThinkTags } from '#translate/think-tags.ts'
import { customInput } from '#translate/tool-args.ts'
import { ValueUnwrapper } from '#translate/value-unwrapper.ts'
import { cut } from '../../support/common-events.ts'

interface Step {
  push(piece: string): string
  end(): string
}

/** The same for every way of cutting the text: whole, in single units, and at random. */
function throughAll(text: string, open: () => Step): string {
  const cuts = [[text], text.split(''), ...[1, 2, 3, 4, 5].map((seed) => cut(seededRandom(seed), text))]
  const [first, ...others] = cuts.map((pieces) => {
    const step = open()
    return pieces.map((piece) => step.push(piece)).join('') + step.end()
  })
  for (const other of others) expect(other).toBe(first ?? '')
  return first ?? ''
}

describe('CustomDecoder', () => {
  test.each([
    {
      args: '{"input":"*** Begin Patch\\n+ \\"a\\"\\t\\u00e9\\ud83d\\ude00🙂"}',
      text: '*** Begin Patch\n+ "a"\té😀🙂',
    },
    { args: ' { "other" : {"input":"no"}, "n": 1.5e3, "input" : "yes" , "last": [ "]" ] } ', text: 'yes' },
    { args: '{"input":""}', text: '' },
    { args: '{"input":"cut in the mid', text: 'cut in the mid' },
    { args: '{"input":"cut in an escape\\u00', text: 'cut in an escape' },
    { args: '{"\\u0069nput":"escaped key"}', text: 'escaped key' },
    { args: '{"patch":"other shape"}', text: '{"patch":"other shape"}' },
    { args: '{"input":5}', text: '{"input":5}' },
    { args: 'plain words', text: 'plain words' },
    { args: '["input"]', text: '["input"]' },
    { args: '', text: '' },
  ])('gives the input of $args, as customInput() does', ({ args, text }) => {
    expect(throughAll(args, () => new CustomDecoder())).toBe(text)
    expect(customInput({ raw: args })).toBe(text)
  })

  test('tells text as soon as it is there, and knows when the object is closed', () => {
    const decoder = new CustomDecoder()
    expect(decoder.push('{"input":"abc')).toBe('abc')
    expect(decoder.push('\\')).toBe('')
    expect(decoder.push('nd"')).toBe('\nd')
    expect(decoder.isOver).toBe(false)
    expect(decoder.push('}')).toBe('')
    expect(decoder.isOver).toBe(true)
  })
})

describe('ValueUnwrapper', () => {
  test.each([
    { text: '{"value":[1,{"a":"}"},"]"]}', value: '[1,{"a":"}"},"]"]' },
    { text: ' {\n "value" :  "a string" } ', value: '"a string"' },
    { text: '{"value": 9007199254740993 }', value: '9007199254740993' },
    { text: '{"value":true}', value: 'true' },
    { text: '{"value":{"cut":', value: '{"cut":' },
    { text: '{"other":1}', value: '{"other":1}' },
    { text: 'no JSON', value: 'no JSON' },
    { text: '{"val', value: '{"val' },
    { text: '', value: '' },
  ])('$text is $value', ({ text, value }) => {
    expect(throughAll(text, () => new ValueUnwrapper())).toBe(value)
  })
})

describe('StopScanner', () => {
  test.each([
    { text: 'abc END def', stops: ['END'], told: 'abc ', found: 'END' },
    { text: 'abc EN', stops: ['END'], told: 'abc EN', found: undefined },
    { text: 'aab', stops: ['ab'], told: 'a', found: 'ab' },
    { text: 'x\n\nHuman: y', stops: ['Human:', '\n\n'], told: 'x', found: '\n\n' },
    { text: 'abc', stops: ['b', 'bc'], told: 'a', found: undefined },
    { text: 'abc', stops: [''], told: 'abc', found: undefined },
    { text: '🙂🙂stop', stops: ['stop'], told: '🙂🙂', found: 'stop' },
  ])('$text up to $stops', ({ text, stops, told, found }) => {
    expect(throughAll(text, () => new StopScanner(stops))).toBe(told)
    const scanner = new StopScanner(stops)
    scanner.push(text)
    if (found !== undefined) expect(scanner.found).toBe(found)
  })

  test('holds back no more than what may be a stop sequence', () => {
    const scanner = new StopScanner(['<END>'])
    expect(scanner.push('some text')).toBe('some text')
    expect(scanner.push('more <EN')).toBe('more ')
    expect(scanner.push('emy')).toBe('<ENemy')
  })

  test('cuts where a search of the whole text would', () => {
    const random = seededRandom(7)
    const letters = (count: number): string =>
      Array.from({ length: count }, () => 'ab'.charAt(Math.floor(random.unit() * 2))).join('')
    for (let round = 0; round < 300; round++) {
      const text = letters(12)
      const stops = [letters(3), letters(4)]
      const at = Math.min(...stops.map((stop) => text.indexOf(stop)).map((found) => (found === -1 ? 12 : found)))
      const single = new StopScanner(stops)
      const told =
        text
          .split('')
          .map((letter) => single.push(letter))
          .join('') + single.end()
      // A sequence that is complete first wins, though another one began before it.
      expect(text.startsWith(told)).toBe(true)
      expect(told.length).toBeGreaterThanOrEqual(at)
      expect(single.found === undefined).toBe(at === 12)
    }
  })
})

describe('ThinkTags', () => {
  test.each([
    { text: '<think>Hm.</think>\n\nYes.', thought: 'Hm.', said: 'Yes.' },
    { text: ' \n<think>\nHm.\n</think>Yes.', thought: '\nHm.\n', said: 'Yes.' },
    { text: '<think>never ended </thin', thought: 'never ended </thin', said: '' },
    { text: 'Use <think>tags</think>.', thought: '', said: 'Use <think>tags</think>.' },
    { text: '<think>a</think>b<think>c</think>', thought: 'a', said: 'b<think>c</think>' },
    { text: '<thin', thought: '', said: '<thin' },
    { text: '  plain', thought: '', said: '  plain' },
    { text: '<think></think>x', thought: '', said: 'x' },
  ])('$text', ({ text, thought, said }) => {
    const join = (part: 'thought' | 'text') => (): Step => {
      const tags = new ThinkTags()
      return { push: (piece) => tags.push(piece)[part], end: () => tags.end()[part] }
    }
    expect(throughAll(text, join('thought'))).toBe(thought)
    expect(throughAll(text, join('text'))).toBe(said)
  })
})

test.each([
  { text: '{"a":"}"}x', end: 9 },
  { text: '[1,[2]] ', end: 7 },
  { text: '"a\\"b",', end: 6 },
  { text: '12,', end: 2 },
  { text: 'true}', end: 4 },
  { text: '{"a":', end: undefined },
])('JsonEnd finds the end of $text', ({ text, end }) => {
  const whole = new JsonEnd()
  expect(whole.push(text)).toBe(end ?? text.length)
  expect(whole.isComplete).toBe(end !== undefined)
  const single = new JsonEnd()
  let read = 0
  for (const unit of text) if (!single.isComplete) read += single.push(unit)
  expect(read).toBe(end ?? text.length)
})
