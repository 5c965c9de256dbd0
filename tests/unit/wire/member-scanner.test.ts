import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { done, finishReason, MemberScanner } from '#wire/member-scanner.ts'
import { inPieces } from '../../support/streams.ts'

const encoder = new TextEncoder()

/** JSON whose members are called like ours at every depth. */
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(true, false, null, 1, 'true', 'done', '"done":true', '\\"', '{"done":true}'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('done', 'don', 'done_reason', 'a', 'x"done'), tie('value'), { maxKeys: 4 }),
  ),
}))
const anyObject = fc.dictionary(fc.constantFrom('done', 'done_reason', 'message', 'd'), anyValue)

describe('MemberScanner', () => {
  test('finds what JSON.parse finds, in pieces of any size and with any blanks', () => {
    fc.assert(
      fc.property(anyObject, fc.integer({ min: 1, max: 9 }), fc.constantFrom('', ' ', '\t'), (value, size, blank) => {
        const scanner = new MemberScanner(done)
        for (const piece of inPieces(encoder.encode(JSON.stringify(value, undefined, blank)), size)) {
          expect(scanner.isClosed).toBe(false)
          scanner.scan(piece)
        }
        expect({ hasFound: scanner.hasFound, isClosed: scanner.isClosed }).toEqual({
          hasFound: value['done'] === true,
          isClosed: true,
        })
      }),
    )
  })

  test('goes on where another one stands, which stays there', () => {
    const first = new MemberScanner(done)
    first.scan(encoder.encode('{"a":"x\\'))
    const second = new MemberScanner(done, first)
    second.scan(encoder.encode('"","done":true}'))
    expect([first.hasFound, first.isClosed, second.hasFound, second.isClosed]).toEqual([false, false, true, true])
  })

  test.each([
    { text: '{"candidates":[{"finishReason":"STOP"}]}', has: true },
    { text: '{"candidates" : [ {"index":0 , "finishReason" : "STOP"} ] }', has: true },
    { text: 'data: {"candidates":[{"content":{"parts":[{"text":"]}"}]},"finishReason":"STOP"}]}\n', has: true },
    { text: '{"candidates":[{"index":0},{"finishReason":"STOP"}]}', has: true },
    { text: '{"candidates":[{"finishReason":""}]}', has: false },
    { text: '{"candidates":[{"finishReason":null,"x":"STOP"}]}', has: false },
    { text: '{"candidates":[{"finishReason":"1"}]}', has: false },
    { text: '{"candidates":[{"xfinishReason":"STOP"}]}', has: false },
    { text: '{"candidates":[{"x":"finishReason","y":"STOP"}]}', has: false },
    { text: '{"candidates":[{"content":{"args":{"finishReason":"STOP"}}}]}', has: false },
    { text: '{"finishReason":"STOP"}', has: false },
  ])("of $text the candidate's reason to end is found: $has", ({ text, has }) => {
    for (const size of [1, 7, 1000]) {
      const scanner = new MemberScanner(finishReason)
      for (const piece of inPieces(encoder.encode(text), size)) scanner.scan(piece)
      expect([scanner.hasFound, scanner.isClosed]).toEqual([has, true])
    }
  })
})
