import { expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { cachedTokensIn } from '#wire/cached-tokens.ts'

test.each([
  ['chat', '{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":7}}}', 7],
  ['Responses', '{"usage":{"input_tokens_details":{"cached_tokens": 8 }}}', 8],
  ['Anthropic', '{"usage":{"cache_creation_input_tokens":3,"cache_read_input_tokens":4}}', 7],
  [
    'one number in the words of two',
    '{"cached_tokens":9,"cache_read_input_tokens":9,"cache_creation_input_tokens":0}',
    9,
  ],
  ['Gemini', '{"usageMetadata":{"cachedContentTokenCount" : 5}}', 5],
  ['the last of a stream', 'data: {"cached_tokens":1}\n\ndata: {"cached_tokens":2}\n\n', 2],
  ['none', '{"usage":{"prompt_tokens":9}}', undefined],
  ['null', '{"cached_tokens":null}', undefined],
  ['a text that speaks of it', '{"content":"\\"cached_tokens\\":7"}', undefined],
  ['behind much else', `${'x'.repeat(1_000_000)}"cached_tokens":7`, 7],
  ['before much else', `"cached_tokens":7${'x'.repeat(1_000_000)}`, undefined],
])('%s', (_, text, tokens) => {
  expect(cachedTokensIn(encode(text))).toBe(tokens)
})
