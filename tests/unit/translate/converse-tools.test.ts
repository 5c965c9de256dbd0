import { describe, expect, test } from 'bun:test'
import type { CommonRequest, Part, Tool } from '#translate/common.ts'
import { said } from '../../support/common-request.ts'
import {
  claude,
  nova,
  llama,
  write,
  weather,
  time,
  call,
  result,
  loop,
  type Asking,
} from '../../support/converse-asking.ts'

describe('§5.4, §5.5: tools', () => {
  test.each<{
    name: string
    overrides: Partial<CommonRequest>
    choice: unknown
    tools: string[]
    codes: string[]
    model?: string
  }>([
    {
      name: 'auto',
      overrides: { toolChoice: { mode: 'auto' } },
      choice: undefined,
      tools: ['get_weather', 'get_time'],
      codes: [],
    },
    {
      name: 'any',
      overrides: { toolChoice: { mode: 'required' } },
      choice: { any: {} },
      tools: ['get_weather', 'get_time'],
      codes: [],
    },
    {
      name: 'one',
      overrides: { toolChoice: { mode: 'tool', name: 'get_time', isCustom: false } },
      choice: { tool: { name: 'get_time' } },
      tools: ['get_weather', 'get_time'],
      codes: [],
    },
    {
      name: 'a few',
      overrides: { toolChoice: { mode: 'allowed', names: ['get_time'], isRequired: true } },
      choice: { any: {} },
      tools: ['get_time'],
      codes: [],
    },
    {
      name: 'a few, if any',
      overrides: { toolChoice: { mode: 'allowed', names: ['get_time'], isRequired: false } },
      choice: undefined,
      tools: ['get_time'],
      codes: [],
    },
    { name: 'none', overrides: { toolChoice: { mode: 'none' } }, choice: undefined, tools: [], codes: [] },
    {
      name: 'none, where the history has calls',
      overrides: { toolChoice: { mode: 'none' }, messages: loop },
      choice: undefined,
      tools: ['get_weather', 'get_time'],
      codes: ['dropped:foreign_reasoning', 'adapted:tool_choice_none'],
    },
    {
      name: 'one, of a model that cannot be forced',
      overrides: { toolChoice: { mode: 'tool', name: 'get_time', isCustom: false } },
      choice: undefined,
      tools: ['get_time'],
      codes: ['adapted:tool_choice_downgraded'],
      model: llama,
    },
  ])('choice: $name', ({ overrides, choice, tools, codes, model = nova }) => {
    const sent = write({ tools: [weather, time], ...overrides }, { model })
    const config = sent.body['toolConfig'] as
      | { tools: { toolSpec: { name: string } }[]; toolChoice?: unknown }
      | undefined
    expect(config?.tools.map(({ toolSpec }) => toolSpec.name) ?? []).toEqual(tools)
    expect(config?.toolChoice).toEqual(choice)
    expect(sent.codes).toEqual(codes)
  })

  test('one call at a time is told to Claude in its own words', () => {
    const asked = (toolChoice: CommonRequest['toolChoice']) =>
      write({ tools: [time], parallelToolCalls: false, toolChoice }, { model: claude }).body[
        'additionalModelRequestFields'
      ]
    expect(asked(undefined)).toEqual({ tool_choice: { type: 'auto', disable_parallel_tool_use: true } })
    expect(asked({ mode: 'required' })).toEqual({ tool_choice: { type: 'any', disable_parallel_tool_use: true } })
    expect(asked({ mode: 'tool', name: 'get_time', isCustom: false })).toEqual({
      tool_choice: { type: 'tool', name: 'get_time', disable_parallel_tool_use: true },
    })
  })

  test('names that do not fit are rewritten everywhere, with a way back', () => {
    const name = 'ns.get weather!'
    const sent = write({
      messages: [said('user', 'q'), said('assistant', call('c', name, '{}')), said('user', result('c', 'x'))],
      tools: [{ kind: 'function', name, schema: undefined }],
      toolChoice: { mode: 'tool', name, isCustom: false },
    })
    const [[rewritten, meant] = []] = [...sent.back.toolNames]
    expect(meant).toEqual({ name })
    expect(rewritten).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
    expect(JSON.stringify(sent.body).split(`"name":"${rewritten}"`)).toHaveLength(4)
    expect(sent.codes).toEqual(['adapted:tool_names_rewritten'])
  })

  test('ids that do not fit are made anew, the same for a call and its result', () => {
    const id = 'fc_'.padEnd(90, 'x')
    const { body } = write({
      messages: [said('user', 'q'), said('assistant', call(id, 'get_time', '')), said('user', result(id, 'x'))],
      tools: [time],
    })
    const ids = [...JSON.stringify(body).matchAll(/"toolUseId":"([^"]*)"/g)].map(([, own]) => own)
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
  })

  test('custom tools and built-ins of the client are functions, hosted ones are dropped', () => {
    const sent = write({
      tools: [
        {
          kind: 'custom',
          name: 'apply_patch',
          description: 'Patches',
          grammar: { syntax: 'lark', definition: 'start: X' },
        },
        { kind: 'client_builtin', tool: 'bash', name: 'bash', native: { type: 'bash_20250124', name: 'bash' } },
        { kind: 'client_builtin', tool: 'unheard_of', name: 'odd', native: { type: 'unheard_of' } },
        { kind: 'hosted', tool: 'web_search', native: { type: 'web_search' } },
      ],
      messages: [
        said('user', 'q'),
        said('assistant', {
          kind: 'tool_call',
          id: 'c',
          name: 'apply_patch',
          args: { raw: '*** Begin' },
          isCustom: true,
          tool: 'function',
        }),
        said('user', result('c', 'done')),
      ],
    })
    expect([...sent.back.customTools]).toEqual(['apply_patch'])
    expect([...sent.back.builtins]).toEqual([['bash', 'bash']])
    expect(sent.codes).toEqual(['adapted:custom_tool_wrapped', 'dropped:client_tool', 'dropped:hosted_tool'])
    expect(sent.body['messages']).toMatchObject([{}, { content: [{ toolUse: { input: { input: '*** Begin' } } }] }, {}])
  })

  test('tools that stand only in the history are made up, since they are refused without', () => {
    const sent = write({ messages: loop }, { model: claude })
    expect(sent.body['toolConfig']).toEqual({
      tools: ['get_weather', 'get_time'].map((name) => ({
        toolSpec: { name, description: 'No longer available.', inputSchema: { json: { type: 'object' } } },
      })),
    })
    expect(sent.codes).toEqual(['adapted:tools_synthesised'])
  })

  test('strict is told to those who know it', () => {
    const tools: readonly Tool[] = [{ ...weather, strict: true }]
    expect(JSON.stringify(write({ tools }, { model: claude }).body)).toContain('"strict":true')
    expect(JSON.stringify(write({ tools }).body)).not.toContain('strict')
  })
})

describe('§5.8: structured output', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'integer' } },
    required: ['a'],
    additionalProperties: false,
  }
  const output = { format: { kind: 'json_schema', name: 'thing', description: 'A thing', schema } } as const

  test('natively, with the schema as a text', () => {
    const { body, back } = write({ output }, { model: claude })
    expect(body['outputConfig']).toEqual({
      textFormat: {
        type: 'json_schema',
        structure: { jsonSchema: { schema: JSON.stringify(schema), name: 'thing', description: 'A thing' } },
      },
    })
    expect(back).toMatchObject({ outputTool: undefined, isOutputWrapped: false })
  })

  test('a root that is no object is wrapped', () => {
    const format = { kind: 'json_schema', schema: { type: 'array', items: { type: 'string' } } } as const
    const sent = write({ output: { format } }, { model: claude })
    expect(sent.back.isOutputWrapped).toBe(true)
    expect(sent.codes).toContain('adapted:schema_wrapped')
    expect(JSON.stringify(sent.body['outputConfig'])).toContain('value')
  })

  test('by a tool that must be called', () => {
    const sent = write({ output })
    expect(sent.body['toolConfig']).toMatchObject({
      tools: [{ toolSpec: { inputSchema: { json: { type: 'object' } } } }],
      toolChoice: { tool: { name: sent.back.outputTool } },
    })
    expect(sent.codes).toEqual(['adapted:json_schema_tool'])
  })

  test('JSON of any shape by a word to the system', () => {
    const sent = write({ output: { format: { kind: 'json' } } })
    expect(sent.body['system']).toEqual([{ text: expect.stringContaining('JSON') }])
    expect(sent.codes).toEqual(['adapted:json_object_instruction'])
  })
})

describe('§5.9: the cache', () => {
  const hinted = (text: string, ttl?: string): Part => ({ kind: 'text', text, cache: { ttl } })

  test('points stand behind what they are for, in tools, system and messages', () => {
    const { body } = write(
      {
        messages: [{ ...said('system', hinted('s', '1h')), placement: 'top' }, said('user', hinted('a'), 'b')],
        tools: [{ ...weather, cache: { ttl: '1h' } }, time],
      },
      { model: claude },
    )
    expect(body).toMatchObject({
      messages: [{ content: [{ text: 'a' }, { cachePoint: { type: 'default' } }, { text: 'b' }] }],
      system: [{ text: 's' }, { cachePoint: { type: 'default', ttl: '1h' } }],
      toolConfig: { tools: [{}, { cachePoint: { type: 'default', ttl: '1h' } }, {}] },
    })
  })

  test('at most four: those of tools and system, and the last ones; a longer life never follows a shorter one', () => {
    const { body } = write(
      {
        messages: [
          { ...said('system', hinted('s')), placement: 'top' },
          said('user', hinted('1', '1h'), hinted('2', '1h'), hinted('3', '1h'), hinted('4', '1h')),
        ],
      },
      { model: claude },
    )
    const point = { cachePoint: { type: 'default' } }
    expect(body['messages']).toEqual([
      { role: 'user', content: [{ text: '1' }, { text: '2' }, point, { text: '3' }, point, { text: '4' }, point] },
    ])
    expect(body['system']).toEqual([{ text: 's' }, point])
  })

  test('of many in front, two are left for the end of the talk', () => {
    const system = { ...said('system', hinted('1'), hinted('2'), hinted('3'), hinted('4')), placement: 'top' as const }
    const { body } = write({ messages: [system, said('user', hinted('a'), hinted('b'))] }, { model: claude })
    const point = { cachePoint: { type: 'default' } }
    expect(body['system']).toEqual([{ text: '1' }, point, { text: '2' }, point, { text: '3' }, { text: '4' }])
    expect(body['messages']).toEqual([{ role: 'user', content: [{ text: 'a' }, point, { text: 'b' }, point] }])
  })

  test('who has no cache drops them', () => {
    const sent = write({ messages: [said('user', hinted('a'))] }, { model: llama })
    expect(sent.codes).toEqual(['dropped:cache_hint'])
    expect(JSON.stringify(sent.body)).not.toContain('cachePoint')
  })

  test('clients that cannot ask for it get it for long prompts to Claude, unless the operator says no', () => {
    const count = (asking: Asking, overrides: Partial<CommonRequest> = {}) =>
      JSON.stringify(
        write({ tools: [time], messages: [said('system', 's'), said('user', 'q')], ...overrides }, asking).body,
      ).split('cachePoint').length - 1
    expect(count({ model: claude, inputEstimate: 5000 })).toBe(3)
    expect(count({ model: claude, inputEstimate: 1000 })).toBe(0)
    expect(count({ model: claude, inputEstimate: 5000, policy: { autoCache: false } })).toBe(0)
    expect(count({ model: claude, inputEstimate: 5000 }, { form: 'messages' })).toBe(0)
    expect(count({ model: nova, inputEstimate: 5000 })).toBe(0)
    expect(count({ model: nova }, { cache: { auto: {} } })).toBe(2)
  })
})
