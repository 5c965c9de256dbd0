import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Tool, ToolChoice } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { checkChoice, ToolNames, type NameRules } from '#translate/tool-names.ts'

const openai: NameRules = { max: 64, form: 'openai' }
const anthropic: NameRules = { max: 128, form: 'openai' }
const gemini: NameRules = { max: 128, form: 'gemini' }

function tool(name: string, namespace?: string): Tool {
  return { kind: 'function', name, namespace, schema: undefined }
}

function hash(name: string): string {
  return new Bun.CryptoHasher('sha256').update(name).digest('hex').slice(0, 8)
}

describe('ToolNames (§5.4)', () => {
  test.each([
    { name: 'a name that fits stays', tool: 'get_weather-2', rules: openai, sent: 'get_weather-2' },
    { name: 'other characters become _', tool: 'a.b/c d', rules: openai, sent: 'a_b_c_d' },
    { name: 'a character of two units becomes one _', tool: 'a😀', rules: openai, sent: 'a_' },
    { name: 'an empty name becomes _', tool: '', rules: openai, sent: '_' },
    { name: 'Gemini takes dots and colons', tool: 'a.b:c-d', rules: gemini, sent: 'a.b:c-d' },
    { name: 'Gemini wants a letter in front', tool: '2nd', rules: gemini, sent: '_2nd' },
    { name: 'one of 64 characters fits', tool: 'a'.repeat(64), rules: openai, sent: 'a'.repeat(64) },
    {
      name: 'a longer one ends in a hash',
      tool: 'a'.repeat(65),
      rules: openai,
      sent: `${'a'.repeat(55)}_${hash('a'.repeat(65))}`,
    },
    { name: 'Anthropic takes 128 characters', tool: 'a'.repeat(128), rules: anthropic, sent: 'a'.repeat(128) },
  ])('$name', ({ tool: name, rules, sent }) => {
    const notes = new Notes()
    const names = new ToolNames([tool(name)], rules, notes)
    expect(names.sent(name)).toBe(sent)
    expect([...names.back]).toEqual(name === sent ? [] : [[sent, { name }]])
    expect(notes.codes).toEqual(name === sent ? [] : ['adapted:tool_names_rewritten'])
    expect(notes.rejection).toBeUndefined()
  })

  test('names of the history are rewritten alike, and lead back', () => {
    const names = new ToolNames([], openai, new Notes())
    expect(names.sent('old.tool')).toBe('old_tool')
    expect(names.sent('old.tool')).toBe('old_tool')
    expect(names.back.get('old_tool')).toEqual({ name: 'old.tool' })
  })

  test('two that would look alike are told apart: who fits keeps its name', () => {
    const names = new ToolNames([tool('a.b'), tool('a_b'), tool('a/b')], openai, new Notes())
    expect(names.sent('a_b')).toBe('a_b')
    expect(names.sent('a.b')).toBe(`a_b_${hash('a.b')}`)
    expect(names.sent('a/b')).toBe(`a_b_${hash('a/b')}`)
    expect(names.back.get(`a_b_${hash('a/b')}`)).toEqual({ name: 'a/b' })
    expect(names.back.has('a_b')).toBe(false)
  })

  test('two of one name cannot be told apart', () => {
    const notes = new Notes()
    void new ToolNames([tool('a'), { kind: 'custom', name: 'a' }], openai, notes)
    expect(notes.rejection).toEqual({ kind: 'rejection', field: 'tools', message: 'two tools are named "a"' })
  })

  test('those of a namespace get its name in front, and lead back', () => {
    const notes = new Notes()
    const names = new ToolNames([tool('get', 'files'), tool('get')], openai, notes)
    expect(names.sent('get', 'files')).toBe('files__get')
    expect(names.sent('get')).toBe('get')
    expect([...names.back]).toEqual([['files__get', { name: 'get', namespace: 'files' }]])
    expect(notes.codes).toEqual(['adapted:tool_namespace_flattened'])
  })

  test('a tool that is called like one of a namespace keeps its name', () => {
    const names = new ToolNames([tool('get', 'files'), tool('files__get')], openai, new Notes())
    expect(names.sent('files__get')).toBe('files__get')
    expect(names.sent('get', 'files')).toBe('files__get__2')
    expect(names.back.get('files__get__2')).toEqual({ name: 'get', namespace: 'files' })
  })

  test('the same name in two namespaces is no other', () => {
    const notes = new Notes()
    const names = new ToolNames([tool('get', 'a'), tool('get', 'b')], openai, notes)
    expect([names.sent('get', 'a'), names.sent('get', 'b')]).toEqual(['a__get', 'b__get'])
    expect(notes.rejection).toBeUndefined()
  })

  test('a choice or result that does not say the namespace means the only one that has it', () => {
    const names = new ToolNames([tool('get', 'files'), tool('put', 'a'), tool('put', 'b')], openai, new Notes())
    expect(names.sent('get')).toBe('files__get')
    expect(names.sent('files__get')).toBe('files__get')
    expect(names.sent('put')).toBe('put')
  })

  test('names of hosted tools are not sent', () => {
    const notes = new Notes()
    const names = new ToolNames([{ kind: 'hosted', tool: 'web.search', native: {} }], openai, notes)
    expect(names.back.size).toBe(0)
    expect(notes.codes).toEqual([])
  })

  test('whatever the names, all fit, differ and lead back', () => {
    const name = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('a', '.', '_', '/', '9') }),
      fc.string({ minLength: 60, maxLength: 140 }),
    )
    const some = fc.uniqueArray(fc.tuple(name, fc.option(fc.constantFrom('n', 'n_', 'a.b'), { nil: undefined })), {
      selector: ([own, namespace]) => JSON.stringify([own, namespace ?? null]),
    })
    fc.assert(
      fc.property(some, fc.constantFrom(openai, anthropic, gemini), (tools, rules) => {
        const notes = new Notes()
        const names = new ToolNames(
          tools.map(([own, namespace]) => tool(own, namespace)),
          rules,
          notes,
        )
        const form = rules.form === 'gemini' ? /^[a-zA-Z_][\w.:-]*$/ : /^[\w-]+$/
        const sent = tools.map(([own, namespace]) => names.sent(own, namespace))
        expect(new Set(sent).size).toBe(tools.length)
        for (const [index, [own, namespace]] of tools.entries()) {
          const as = sent[index] ?? ''
          expect(as).toMatch(form)
          expect(as.length).toBeLessThanOrEqual(rules.max)
          const back = names.back.get(as) ?? { name: as }
          expect([back.name, back.namespace]).toEqual([own, namespace])
        }
        expect(notes.rejection).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })
})

describe('checkChoice() (§3, §5.5)', () => {
  const tools: readonly Tool[] = [
    tool('get'),
    tool('put', 'files'),
    { kind: 'custom', name: 'patch' },
    { kind: 'client_builtin', tool: 'bash', name: 'bash', native: {} },
    { kind: 'hosted', tool: 'web_search', native: { type: 'web_search_20250305', name: 'search' } },
  ]
  test.each<{ name: string; choice: ToolChoice | undefined; isRejected: boolean; tools?: readonly Tool[] }>([
    { name: 'none', choice: undefined, isRejected: false },
    { name: 'auto', choice: { mode: 'auto' }, isRejected: false },
    { name: 'required without tools', choice: { mode: 'required' }, isRejected: false, tools: [] },
    { name: 'a tool that is declared', choice: { mode: 'tool', name: 'get', isCustom: false }, isRejected: false },
    { name: 'a custom tool', choice: { mode: 'tool', name: 'patch', isCustom: true }, isRejected: false },
    { name: 'a built-in', choice: { mode: 'tool', name: 'bash', isCustom: false }, isRejected: false },
    { name: 'a tool of a namespace', choice: { mode: 'tool', name: 'put', isCustom: false }, isRejected: false },
    {
      name: 'a tool of a namespace, with it',
      choice: { mode: 'tool', name: 'files__put', isCustom: false },
      isRejected: false,
    },
    { name: 'a hosted tool by its name', choice: { mode: 'tool', name: 'search', isCustom: false }, isRejected: false },
    { name: 'a hosted tool', choice: { mode: 'hosted', tool: 'web_search' }, isRejected: false },
    {
      name: 'a hosted tool that is declared nowhere',
      choice: { mode: 'hosted', tool: 'file_search' },
      isRejected: true,
    },
    {
      name: 'a tool that is declared nowhere',
      choice: { mode: 'tool', name: 'nope', isCustom: false },
      isRejected: true,
    },
    {
      name: 'a tool where none are',
      choice: { mode: 'tool', name: 'get', isCustom: false },
      isRejected: true,
      tools: [],
    },
    {
      name: 'some that are declared',
      choice: { mode: 'allowed', names: ['get', 'patch'], isRequired: true },
      isRejected: false,
    },
    {
      name: 'some of which one is declared nowhere',
      choice: { mode: 'allowed', names: ['get', 'nope'], isRequired: false },
      isRejected: true,
    },
  ])('$name', ({ choice, isRejected, tools: own = tools }) => {
    const notes = new Notes()
    checkChoice(choice, own, notes)
    expect(notes.rejection?.field).toBe(isRejected ? 'tool_choice' : undefined)
  })
})
