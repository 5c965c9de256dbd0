import { describe, expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { seededRandom } from '#ports/random.ts'
import { JsonChange } from '#rules/answer-rule.ts'
import { loadText, problemLines } from '../../support/config.ts'

const head = 'backends: [{ name: b, url: "mock://b" }]\nmodels: { m: { routes: [{ backend: b, model: m }] } }\n'
const here = process.cwd()

async function complaints(text: string, files: Record<string, { content: string }> = {}): Promise<readonly string[]> {
  const lines = await problemLines(`allow_unauthenticated: true\n${head}${text}`, { files })
  return lines.map((line) => line.slice(line.indexOf(' ') + 1))
}

describe('what is wrong with rules is told', () => {
  test.each<{ text: string; files?: Record<string, { content: string }>; says: string }>([
    { text: 'system_prompts: [{ file: gone.md }]', says: `file "${here}/gone.md" cannot be read: there is none` },
    { text: 'system_prompts: [{ dir: none }]', says: 'note: there are no such files, so it adds nothing' },
    { text: 'system_prompts: [{ text: " " }]', says: 'the prompt is empty, so it adds nothing' },
    {
      text: 'system_prompts: [{ text: "${NOBODY}" }]',
      says: '"${NOBODY}" stands for nothing that is set, and stays as it is',
    },
    { text: 'system_prompts: [{ text: a, file: b }]', says: 'expected one of "text", "file" and "dir"' },
    {
      text: 'system_prompts: [{ text: a, separator: custom }]',
      says: '"separator: custom" lacks its "custom_separator"',
    },
    {
      text: 'system_prompts: [{ file: a.md }]',
      files: { [`${here}/a.md`]: { content: '---\nwhat: 1\n---\nx' } },
      says: 'file "a.md": "what" is unknown',
    },
    {
      text: 'system_prompts: [{ file: a.md }]',
      files: { [`${here}/a.md`]: { content: '---\npriority: x\n---\nx' } },
      says: 'file "a.md": "priority": ',
    },
    {
      text: 'system_prompts: [{ file: a.md }]',
      files: { [`${here}/a.md`]: { content: '---\n[\n---\nx' } },
      says: 'file "a.md": it is no YAML',
    },
    {
      text: 'system_prompts: [{ file: a.md }]',
      files: { [`${here}/a.md`]: { content: '---\nseparator: &x none\nposition: *x\n---\nx' } },
      says: 'file "a.md": it refers to itself, which is not supported',
    },
    { text: 'system_prompts: [{ text: "${constructor}" }]', says: '"${constructor}" stands for nothing that is set' },
    {
      text: 'middleware: [{ name: response_transformer, config: { add_fields: { "*": 1 } } }]',
      says: 'expected the name of one member',
    },
    {
      text: 'middleware: [{ name: content_filter }]',
      says: 'expected one of "request_modifier" and "response_transformer"',
    },
    {
      text: 'middleware: [{ name: request_modifier, config: { strip_fields: [a] } }]',
      says: 'does nothing in "request_modifier", it belongs into "response_transformer"',
    },
    {
      text: 'middleware: [{ name: request_modifier, config: { add_headers: { Host: a } } }]',
      says: '"Host" belongs to the connection and cannot be set',
    },
    {
      text: 'middleware: [{ name: request_modifier, config: { add_headers: { Authorization: a } } }]',
      says: '"Authorization" is what proves a request to its backend',
    },
  ])('$text', async ({ text, files, says }) => {
    expect((await complaints(text, files)).join('\n')).toContain(says)
  })

  test('a line of dashes is no front matter, and a switched-off file is left out', async () => {
    const files = {
      [`${here}/a.md`]: { content: '---\nhello\n---\n' },
      [`${here}/b.md`]: { content: '---\nenabled: false\n---\n' },
    }
    expect(await complaints('system_prompts: [{ file: a.md }, { file: b.md }]', files)).toEqual([])
  })
})

test('files and folders of prompts are watched, and what they hold is part of the digest', async () => {
  const text = `${head}system_prompts: [{ file: a.md }, { dir: "more/*.md" }, { dir: all }]`
  const files: Record<string, { content: string }> = { [`${here}/a.md`]: { content: 'a' } }
  const before = await loadText(text, { files })
  expect(before.files).toEqual([`${here}/a.md`, `${here}/more`, `${here}/all`])
  files[`${here}/more/b.md`] = { content: 'b' }
  const after = await loadText(text, { files })
  expect(after.files).toContain(`${here}/more/b.md`)
  files[`${here}/more/b.md`] = { content: 'c' }
  const last = await loadText(text, { files })
  expect(new Set([before.digest, after.digest, last.digest]).size).toBe(3)
})

describe('JSON is changed by rules', () => {
  const change = new JsonChange([{ strip: [['_meta']], add: [['t', '{now}!']] }])
  const through = (text: string): string => Buffer.from(change.of(encode(text), 0)).toString()

  test.each([
    { from: '{}', to: '{"t":"1970-01-01T00:00:00.000Z!"}' },
    { from: ' { "a" : 1.0 } \n', to: ' { "a" : 1.0 ,"t":"1970-01-01T00:00:00.000Z!"} \n' },
    { from: '{"t":1,"_meta":{},"a":1}', to: '{"a":1,"t":"1970-01-01T00:00:00.000Z!"}' },
    { from: '[{"_meta":1}]', to: '[{}]' },
    { from: '{"a":', to: '{"a":' },
    { from: '"x"', to: '"x"' },
    { from: '{"a":1} {"b":2}', to: '{"a":1} {"b":2}' },
  ])('$from → $to', ({ from, to }) => {
    expect(through(from)).toBe(to)
  })

  test('names are found however they are escaped', () => {
    const slashes = new JsonChange([{ strip: [['a/b'], ['c"d'], ['_meta']], add: [] }])
    const text = String.raw`{"a\/b":1,"c\"d":2,"\u005fmeta":3,"e":4}`.replaceAll('\\\\', '\\')
    expect(Buffer.from(slashes.of(encode(text), 0)).toString()).toBe('{"e":4}')
  })

  test('property: as a change of the parsed value would have it', () => {
    const random = seededRandom(3)
    const pick = (...values: readonly unknown[]): unknown => values[Math.floor(random.unit() * values.length)]
    for (let turn = 0; turn < 1000; turn += 1) {
      const body = Object.fromEntries(
        ['_meta', 't', 'a', 'b}']
          .filter(() => random.unit() < 0.5)
          .map((key) => [key, pick(1, '}', null, { _meta: 1 }, [])]),
      )
      const { _meta, t: _t, ...kept } = body
      const told: unknown = JSON.parse(through(JSON.stringify(body, undefined, turn % 2)))
      expect(told).toEqual({ ...kept, t: '1970-01-01T00:00:00.000Z!' })
    }
  })
})
