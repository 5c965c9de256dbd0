import { describe, expect, test } from 'bun:test'
import type { CommonRequest, Output } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { outputPlanFor, type OutputPlan } from '#translate/output.ts'
import { profileOf } from '#translate/profiles.ts'
import { commonRequest } from '../../support/common-request.ts'

const schema = { type: 'object', properties: { z: { type: 'number' }, a: { type: 'string' } } }
const closed = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
const tools = [{ kind: 'function', name: 'f', schema: undefined }] as const
const json: Output = { format: { kind: 'json' } }
const structured: Output = { format: { kind: 'json_schema', schema } }

const native = profileOf('messages', 'anthropic', 'claude-opus-5')
const byTool = profileOf('messages', 'anthropic', 'claude-sonnet-4')
const byWords = profileOf('chat', 'deepseek', 'deepseek-v4')
const gemini25 = profileOf('gemini', 'gemini', 'gemini-2.5-pro')
const gemini3 = profileOf('gemini', 'gemini', 'gemini-3-flash')

function plan(
  output: Output,
  profile = native,
  says: Partial<CommonRequest> = {},
  hasJsonMode = true,
): { readonly plan: OutputPlan; readonly codes: readonly string[] } {
  const notes = new Notes()
  return { plan: outputPlanFor(commonRequest({ output, ...says }), profile, hasJsonMode, notes), codes: notes.codes }
}

test('text is asked for by saying nothing', () => {
  expect(plan({})).toEqual({ plan: { way: 'text' }, codes: [] })
  expect(plan({ format: { kind: 'text' } })).toEqual({ plan: { way: 'text' }, codes: [] })
})

describe('a name (§5.8-1)', () => {
  test.each([
    [undefined, 'response'],
    ['', 'response'],
    ['my schema/ü', 'my_schema__'],
    ['x'.repeat(80), 'x'.repeat(64)],
    ['fits-_1', 'fits-_1'],
  ])('%p → %s', (name, told) => {
    const output: Output = { format: { kind: 'json_schema', name, schema, strict: true, description: 'd' } }
    expect(plan(output)).toEqual({
      plan: { way: 'schema', name: told, description: 'd', schema, strict: true },
      codes: [],
    })
  })
})

describe('a tool that stands for it (§5.8-2)', () => {
  test('where there are no others', () => {
    const { plan: told, codes } = plan(structured, byTool)
    expect(told).toMatchObject({ way: 'tool', tool: { kind: 'function', name: 'json_response', schema } })
    expect(codes).toEqual(['adapted:json_schema_tool'])
  })

  test('with others it is said in words', () => {
    expect(plan(structured, byTool, { tools })).toMatchObject({
      plan: { way: 'instruction' },
      codes: ['adapted:json_object_instruction'],
    })
  })

  test('those of the provider are none', () => {
    const hosted = { tools: [{ kind: 'hosted', tool: 'web_search', native: {} }] } as const
    expect(plan(structured, byTool, hosted).plan.way).toBe('tool')
  })

  test('where none can be forced it is said in words', () => {
    expect(plan(structured, { ...byTool, takesForcedTool: false }).plan.way).toBe('instruction')
  })
})

describe('strictness (§5.8-3)', () => {
  test.each<[form: string, strict: boolean | undefined, of: object, told: boolean | undefined]>([
    ['chat', undefined, closed, undefined],
    ['chat', true, schema, true],
    ['chat', false, closed, false],
    ['responses', undefined, closed, undefined],
    ['messages', undefined, closed, true],
    ['messages', undefined, schema, false],
    ['gemini', undefined, closed, true],
    ['ollama', undefined, schema, false],
  ])('from %s, %p', (form, strict, of, told) => {
    const output: Output = { format: { kind: 'json_schema', schema: { ...of }, strict } }
    expect(plan(output, native, { form }).plan).toMatchObject({ way: 'schema', strict: told })
  })
})

describe('JSON of any shape (§5.8-4)', () => {
  test('is a switch where the form has one', () => {
    expect(plan(json, byWords)).toEqual({ plan: { way: 'json' }, codes: [] })
  })

  test('is said in words where it has none', () => {
    const { plan: told, codes } = plan(json, native, {}, false)
    expect(told).toEqual({
      way: 'instruction',
      text: 'Answer with one JSON value and nothing else: no other words, and no code fence around it.',
    })
    expect(codes).toEqual(['adapted:json_object_instruction'])
  })
})

test('words hold the schema, in the order of its keys, and what it is for', () => {
  const output: Output = { format: { kind: 'json_schema', schema, description: 'a point' } }
  const { plan: told } = plan(output, byWords)
  expect(told).toMatchObject({ way: 'instruction' })
  expect(JSON.stringify(told)).toContain(JSON.stringify(JSON.stringify(schema)).slice(1, -1))
  expect(JSON.stringify(told)).toContain('a point')
  expect(plan(output, byWords).plan).toEqual(told)
})

test('Gemini 2 takes no JSON beside tools, Gemini 3 does (§5.8-6)', () => {
  expect(plan(structured, gemini25, { tools }).plan.way).toBe('instruction')
  expect(plan(json, gemini25, { tools }).plan.way).toBe('instruction')
  expect(plan(structured, gemini25).plan.way).toBe('schema')
  expect(plan(structured, gemini3, { tools }).plan.way).toBe('schema')
  expect(plan(json, gemini3, { tools }).plan.way).toBe('json')
})
