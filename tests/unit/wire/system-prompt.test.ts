import { describe, expect, test } from 'bun:test'
import type { Talk } from '#core/talk.ts'
import { encode } from '#kit/bytes.ts'
import { seededRandom } from '#ports/random.ts'
import { withSystemPrompt, type PromptAddition } from '#wire/system-prompt.ts'

const both: PromptAddition = { before: { text: 'A', separator: '-' }, after: { text: 'Z', separator: '+' } }
const chat: Talk = { form: 'chat', does: 'generate' }
const gemini: Talk = { form: 'gemini', does: 'generate' }

function through(text: string, talk: Talk = chat, path = '/v1/x', addition = both): string | undefined {
  const told = withSystemPrompt(encode(text), talk, path, addition)
  return typeof told === 'object' ? Buffer.from(told.body).toString() : told
}

describe('a system prompt gets more text, and no other byte changes', () => {
  test.each<{ name: string; talk?: Talk; path?: string; from: string; to: string | undefined }>([
    {
      name: 'a text',
      from: '{"messages":[{"role":"system","content":"x"}]}',
      to: '{"messages":[{"role":"system","content":"A-x+Z"}]}',
    },
    {
      name: 'the first and the last of those in front',
      from: '{"messages":[{"role":"system","content":"x"},{"role":"developer","content":"y"},{"role":"user"}]}',
      to: '{"messages":[{"role":"system","content":"A-x"},{"role":"developer","content":"y+Z"},{"role":"user"}]}',
    },
    {
      name: 'one that is not in front stays',
      from: '{"messages":[{"role":"user","content":"u"},{"role":"system","content":"x"}]}',
      to: '{"messages":[{"role":"system","content":"A+Z"},{"role":"user","content":"u"},{"role":"system","content":"x"}]}',
    },
    {
      name: 'null',
      from: '{"messages":[{"role":"system","content":null}]}',
      to: '{"messages":[{"role":"system","content":"A+Z"}]}',
    },
    {
      name: 'no content',
      from: '{"messages":[{"role":"system"}]}',
      to: '{"messages":[{"content":"A+Z","role":"system"}]}',
    },
    {
      name: 'no parts',
      from: '{"messages":[{"role":"system","content":[ ]}]}',
      to: '{"messages":[{"role":"system","content":[{"type":"text","text":"A+Z"} ]}]}',
    },
    {
      name: 'a number is for its backend to refuse, and no way past the prompt',
      from: '{"messages":[{"role":"system","content":1}]}',
      to: '{"messages":[{"role":"system","content":[{"type":"text","text":"A-"},1,{"type":"text","text":"+Z"}]}]}',
    },
    {
      name: 'Messages: a block alone',
      talk: { form: 'messages', does: 'generate' },
      from: '{"system":{"type":"text","text":"x"}}',
      to: '{"system":[{"type":"text","text":"A-"},{"type":"text","text":"x"},{"type":"text","text":"+Z"}]}',
    },
    {
      name: 'Messages: what is no prompt is none',
      talk: { form: 'messages', does: 'generate' },
      from: '{"system":true}',
      to: '{"system":[{"type":"text","text":"A-"},true,{"type":"text","text":"+Z"}]}',
    },
    {
      name: 'Gemini: a part alone, as its maker writes it',
      talk: gemini,
      from: '{"system_instruction":{"parts": {"text":"x"}}}',
      to: '{"system_instruction":{"parts": [{"text":"A-"},{"text":"x"},{"text":"+Z"}]}}',
    },
    {
      name: 'Gemini: a request that is counted, in the other spelling',
      talk: { form: 'gemini', does: 'count' },
      from: '{"generate_content_request":{"a":1}}',
      to: '{"generate_content_request":{"systemInstruction":{"parts":[{"text":"A+Z"}]},"a":1}}',
    },
    {
      name: 'Responses: a list of items',
      talk: { form: 'responses', does: 'generate' },
      from: '{"instructions":[{"role":"developer","content":"x"}]}',
      to:
        '{"instructions":[{"type":"message","role":"developer","content":"A-"},{"role":"developer","content":"x"},' +
        '{"type":"message","role":"developer","content":"+Z"}]}',
    },
    {
      name: 'keys that are escaped because they must be',
      from: String.raw`{"a\"b":1,"messages":[{"x\\":1,"role":"system","content":"x"}]}`.replaceAll('\\"', '\\"'),
      to: String.raw`{"a\"b":1,"messages":[{"x\\":1,"role":"system","content":"A-x+Z"}]}`,
    },
    { name: 'the same key in capitals', from: '{"messages":[{"role":"user"}],"Messages":[]}', to: 'ambiguous' },
    { name: 'the same key with a long s', from: '{"messages":[{"role":"user"}],"me\u017fsages":[]}', to: 'ambiguous' },
    { name: 'a role in capitals', from: '{"messages":[{"role":"user","ROLE":"system"}]}', to: 'ambiguous' },
    {
      name: 'Gemini: both spellings at once',
      talk: gemini,
      from: '{"systemInstruction":"x","system_instruction":"y"}',
      to: 'ambiguous',
    },
    {
      name: 'deeper than anybody looks',
      from: `{"messages":[{"role":"user"}],"a":${'['.repeat(70)}${']'.repeat(70)}}`,
      to: 'ambiguous',
    },
    { name: 'no messages', from: '{"messages":[]}', to: undefined },
    { name: 'messages of another kind', from: '{"messages":{"a":1}}', to: undefined },
    { name: 'no object', from: '[1]', to: undefined },
    { name: 'no JSON', from: '{"messages":[{"role"', to: 'ambiguous' },
    {
      name: 'a member that comes twice: the last one counts, as everywhere',
      from: '{"messages":[],"n":1.0,"messages":[{"role":"user"}]}',
      to: '{"messages":[{"role":"system","content":"A+Z"},{"role":"user"}],"n":1.0}',
    },
    {
      name: 'an escaped key in a message',
      from: String.raw`{"messages":[{"r\u006fle":"system","content":"x"}]}`,
      to: '{"messages":[{"role":"system","content":"A-x+Z"}]}',
    },
    {
      name: 'Gemini: an empty instruction',
      talk: gemini,
      from: '{"systemInstruction":{ }}',
      to: '{"systemInstruction":{"parts":[{"text":"A+Z"}] }}',
    },
    {
      name: 'Gemini: an instruction without parts',
      talk: gemini,
      from: '{"systemInstruction":{"role":"user"}}',
      to: '{"systemInstruction":{"parts":[{"text":"A+Z"}],"role":"user"}}',
    },
    {
      name: 'Gemini: behind a byte order mark',
      talk: gemini,
      from: '\ufeff{"a":1}',
      to: '{"systemInstruction":{"parts":[{"text":"A+Z"}]},"a":1}',
    },
    {
      name: 'Gemini: contents that are counted',
      talk: { form: 'gemini', does: 'count' },
      from: '{"contents":[]}',
      to: undefined,
    },
    { name: 'embeddings', talk: { form: 'gemini', does: 'embed' }, from: '{"content":{}}', to: undefined },
  ])('$name', ({ talk, path, from, to }) => {
    expect(through(from, talk, path)).toBe(to)
  })

  test('what stands elsewhere is found again', () => {
    const text = '{"messages":[{"role":"user"}],"model":"m"}'
    const at = { start: text.indexOf('"m"'), end: text.indexOf('"m"') + 3 }
    const told = withSystemPrompt(encode(text), chat, '/v1/x', both)
    if (typeof told !== 'object') throw new Error('not told')
    const now = told.moved(at)
    expect(Buffer.from(told.body).toString('utf8', now?.start, now?.end)).toBe('"m"')
    expect(told.moved({ start: 0, end: 1 })).toEqual({ start: 0, end: 1 })
  })

  test('property: as a change of the parsed value would have it, whatever else stands in the body', () => {
    const random = seededRandom(7)
    const pick = <Value>(...values: readonly Value[]): Value | undefined =>
      values[Math.floor(random.unit() * values.length)]
    for (let turn = 0; turn < 2000; turn += 1) {
      const content = pick<unknown>(
        '',
        'x',
        'ü"\\\n',
        null,
        [],
        [{ type: 'text', text: 'p', cache_control: { type: 'ephemeral' } }],
      )
      const message = (): object => ({
        ...pick({}, { name: '}]"' }),
        role: pick('user', 'system', 'developer'),
        content: pick(content, 'y'),
      })
      const list = Array.from({ length: 1 + Math.floor(random.unit() * 3) }, message)
      const body = { ...pick({}, { a: '[{"' }), messages: list, model: 'm' }
      const told = through(JSON.stringify(body, undefined, pick(0, 2)))
      expect(JSON.parse(told ?? 'null')).toEqual({ ...body, messages: expected(list) })
    }
  })
})

/** The same by other means. */
function expected(list: readonly object[]): readonly object[] {
  const messages = structuredClone(list) as { role: string; content: unknown }[]
  const end = messages.findIndex(({ role }) => role === 'user')
  const own = end === -1 ? messages : messages.slice(0, end)
  const first = own[0]
  const last = own.at(-1)
  if (first === undefined || last === undefined) return [{ role: 'system', content: 'A+Z' }, ...messages]
  if (first === last) first.content = more(first.content, 'A-', '+Z', 'A+Z')
  else {
    first.content = more(first.content, 'A-', '', 'A')
    last.content = more(last.content, '', '+Z', 'Z')
  }
  return messages
}

function more(content: unknown, front: string, back: string, whole: string): unknown {
  if (content === '' || content === null) return whole
  if (typeof content === 'string') return front + content + back
  const parts = content as unknown[]
  const part = (text: string): object[] => (text === '' ? [] : [{ type: 'text', text }])
  return parts.length === 0 ? part(whole) : [...part(front), ...parts, ...part(back)]
}
