import { expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { streamWish } from '#wire/stream-wish.ts'

test.each([
  { body: '{"stream":true}', wish: true },
  { body: '{ "a":[1], "stream" : false }', wish: false },
  { body: '{"a":{"stream":true}}', wish: undefined },
  { body: '{"a":"\\"stream\\":true"}', wish: undefined },
  { body: '{"stream":"true"}', wish: undefined },
  { body: '{"stream":true', wish: undefined },
  { body: '{}', wish: undefined },
  { body: '', wish: undefined },
  { body: 'a "stream" of bytes', wish: undefined },
  { body: '["stream",true]', wish: undefined },
])('streamWish() of $body: $wish', ({ body, wish }) => {
  expect(streamWish(encode(body))).toBe(wish)
})
