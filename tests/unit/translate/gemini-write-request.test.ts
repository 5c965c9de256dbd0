import { describe, expect, test } from 'bun:test'
import type { CompatPolicy } from '#core/compat.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { BackendRequest } from '#translate/codec.ts'
import type { CommonRequest, Message, Opaque, Part, Tool, ToolResultPart } from '#translate/common.ts'
import { geminiBackend } from '#translate/gemini/backend.ts'
import { geminiClient } from '#translate/gemini/client.ts'
import { noSignature } from '#translate/gemini/signature.ts'
import { Notes } from '#translate/notes.ts'
import { commonRequest, requestFacts, targetOf } from '../../support/translating.ts'

interface Way {
  readonly model?: string
  readonly policy?: Partial<CompatPolicy>
  readonly notes?: Notes
}

const third = 'gemini-3-pro'
const second = 'gemini-2.5-flash'

function write(
  request: Partial<CommonRequest>,
  { model = third, policy, notes = new Notes() }: Way = {},
): BackendRequest {
  return geminiBackend.writeRequest(commonRequest(request), targetOf('gemini', 'gemini', model, policy), notes)
}

function bodyOf(request: Partial<CommonRequest>, way?: Way): JsonObject {
  return write(request, way).body
}

const said = (role: Message['role'], ...parts: (string | Part)[]): Message => ({
  role,
  placement: 'inline',
  parts: parts.map((part) => (typeof part === 'string' ? { kind: 'text', text: part } : part)),
})
const call = (id: string, name: string, more: object = {}): Part => ({
  kind: 'tool_call',
  id,
  name,
  args: { raw: '{"a":1}' },
  isCustom: false,
  tool: 'function',
  ...more,
})
const result = (callId: string, more: Partial<ToolResultPart> = {}): Part => ({
  kind: 'tool_result',
  callId,
  parts: [{ kind: 'text', text: '18C' }],
  isError: false,
  isCustom: false,
  ...more,
})
const q = said('user', 'q')
const png = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'iVBORw0KGgo=' } } as const
const inlinePng = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }

describe('the address', () => {
  test.each([
    { model: 'gemini-2.5-pro', stream: false, path: '/v1beta/models/gemini-2.5-pro:generateContent', query: '' },
    {
      model: 'models/gemini-2.5-pro',
      stream: true,
      path: '/v1beta/models/gemini-2.5-pro:streamGenerateContent',
      query: 'alt=sse',
    },
    { model: 'tunedModels/x', stream: false, path: '/v1beta/tunedModels/x:generateContent', query: '' },
    { model: 'a/b:c?d#e', stream: false, path: '/v1beta/models/a/b:c%3Fd%23e:generateContent', query: '' },
  ])('$model, stream $stream', ({ model, stream, path, query }) => {
    expect(write({ messages: [q], stream }, { model })).toMatchObject({ path, query, stream, headers: [] })
  })
})

describe('messages', () => {
  test('blocks of the system stay apart; those in the middle are marked (§5.2)', () => {
    const notes = new Notes()
    const body = bodyOf(
      {
        messages: [said('system', 'a', 'b'), said('developer', 'c'), q, said('system', 'd'), said('assistant', 'e'), q],
      },
      { notes },
    )
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'a' }, { text: 'b' }, { text: 'c' }] },
      contents: [
        { role: 'user', parts: [{ text: 'q' }, { text: '<system-reminder>d</system-reminder>' }] },
        { role: 'model', parts: [{ text: 'e' }] },
        { role: 'user', parts: [{ text: 'q' }] },
      ],
      generationConfig: { thinkingConfig: { includeThoughts: true } },
    })
    expect(notes.codes).toEqual(['adapted:system_position'])
  })

  test('roles alternate and the user begins', () => {
    const notes = new Notes()
    const { contents } = bodyOf({ messages: [said('assistant', 'a'), said('assistant', 'b'), q, q] }, { notes })
    expect(contents).toEqual([
      { role: 'user', parts: [{ text: 'Continue.' }] },
      { role: 'model', parts: [{ text: 'a' }, { text: 'b' }] },
      { role: 'user', parts: [{ text: 'q' }, { text: 'q' }] },
    ])
    expect(notes.codes).toEqual(['adapted:turn_inserted'])
  })

  test('a last word of the assistant is noted, for Gemini does not go on with it', () => {
    const notes = new Notes()
    bodyOf({ messages: [q, said('assistant', 'The')] }, { notes })
    expect(notes.codes).toEqual(['adapted:prefill'])
  })

  test('names of speakers are noted', () => {
    const notes = new Notes()
    bodyOf({ messages: [{ ...q, name: 'ann' }] }, { notes })
    expect(notes.fields).toEqual([['dropped:message_name', 'messages[0].name']])
  })

  test('what only another API understands is noted', () => {
    const notes = new Notes()
    const native: Part = { kind: 'native', form: 'messages', type: 'server_tool_use', value: {} }
    bodyOf({ messages: [q, said('assistant', 'a', native), q] }, { notes })
    expect(notes.codes).toEqual(['dropped:server_tool_blocks'])
  })
})

describe('media (§5.3)', () => {
  test.each<{ name: string; part: Part; expected: unknown; model?: string }>([
    { name: 'an image', part: png, expected: inlinePng },
    {
      name: 'audio',
      part: { ...png, medium: 'audio', mime: 'audio/x-wav' },
      expected: { inlineData: { mimeType: 'audio/wav', data: png.source.base64 } },
    },
    {
      name: 'a document',
      part: { ...png, medium: 'file', mime: 'application/pdf', filename: 'a.pdf' },
      expected: { inlineData: { mimeType: 'application/pdf', data: png.source.base64 } },
    },
    {
      name: 'a text without a name',
      part: { kind: 'media', medium: 'file', mime: 'text/plain', source: { text: 'hé' } },
      expected: { inlineData: { mimeType: 'text/plain', data: Buffer.from('hé').toString('base64') } },
    },
    {
      name: 'a text with a name',
      part: { kind: 'media', medium: 'file', mime: 'text/csv', filename: 'a.csv', source: { base64: 'YSxi' } },
      expected: { text: '--- file: a.csv ---\na,b' },
    },
    {
      name: 'a video on a page',
      part: { kind: 'media', medium: 'video', mime: '', source: { url: 'https://youtu.be/x' } },
      expected: { fileData: { fileUri: 'https://youtu.be/x' } },
    },
    {
      name: 'a file of its own store',
      part: { kind: 'media', medium: 'image', mime: 'image/png', source: { file: { form: 'gemini', id: 'files/x' } } },
      expected: { fileData: { mimeType: 'image/png', fileUri: 'files/x' } },
    },
  ])('$name', ({ part, expected }) => {
    const notes = new Notes()
    expect(bodyOf({ messages: [said('user', part)] }, { notes })['contents']).toEqual([
      { role: 'user', parts: [expected] },
    ])
    expect(notes.rejection).toBeUndefined()
  })

  test.each<{ name: string; part: Part }>([
    { name: 'a file of another provider', part: { ...png, source: { file: { form: 'chat', id: 'file-1' } } } },
    { name: 'an office file', part: { ...png, medium: 'file', mime: 'application/msword' } },
    { name: 'an image by address that nobody fetched', part: { ...png, source: { url: 'https://a/b.png' } } },
  ])('$name is rejected with its place, in every mode (#17.7)', ({ part }) => {
    const notes = new Notes('lenient')
    bodyOf({ messages: [said('user', 'see', part)] }, { notes })
    expect(notes.rejection?.field).toBe('messages[0].content[1]')
  })

  test('how closely to look is said once, where all say the same', () => {
    const messages = [said('user', { ...png, detail: 'low' })]
    expect(bodyOf({ messages })['generationConfig']).toMatchObject({ mediaResolution: 'MEDIA_RESOLUTION_LOW' })
    const notes = new Notes()
    const mixed = [said('user', { ...png, detail: 'low' }, { ...png, detail: 'high' })]
    expect(bodyOf({ messages: mixed }, { notes })['generationConfig']).not.toHaveProperty('mediaResolution')
    expect(notes.codes).toEqual(['dropped:image_detail'])
  })
})

describe('calls and results (§5.6)', () => {
  const turn = said('assistant', 'Checking.', call('c1', 'get_weather'), call('c2', 'get_time', { args: { raw: '' } }))

  test('one turn of the loop: names are looked up, results stand in one content in the order of the calls (#17.9)', () => {
    const messages = [q, turn, said('user', result('c2', { isError: true })), said('user', result('c1'))]
    expect(bodyOf({ messages }, { model: second })['contents']).toEqual([
      { role: 'user', parts: [{ text: 'q' }] },
      {
        role: 'model',
        parts: [
          { text: 'Checking.' },
          { functionCall: { id: 'c1', name: 'get_weather', args: { a: 1 } } },
          { functionCall: { id: 'c2', name: 'get_time', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'c1', name: 'get_weather', response: { output: '18C' } } },
          { functionResponse: { id: 'c2', name: 'get_time', response: { error: '18C' } } },
        ],
      },
    ])
  })

  test.each<{ name: string; parts?: readonly Part[]; value?: unknown; response: string }>([
    { name: 'an object', value: { t: 1 }, response: '{"t":1}' },
    { name: 'a list', value: [1], response: '{"output":[1]}' },
    {
      name: 'a text that is an object, with its digits',
      parts: [{ kind: 'text', text: '{"id": 12345678901234567890}' }],
      response: '{"id":12345678901234567890}',
    },
    { name: 'a text that is a number', parts: [{ kind: 'text', text: '42' }], response: '{"output":"42"}' },
    {
      name: 'several texts',
      parts: [
        { kind: 'text', text: 'a' },
        { kind: 'text', text: 'b' },
      ],
      response: '{"output":"a\\nb"}',
    },
    { name: 'nothing', parts: [], response: '{"output":""}' },
  ])('the response is an object: $name', ({ parts = [], value, response }) => {
    const messages = [q, said('assistant', call('c1', 'f')), said('user', result('c1', { parts, value }))]
    expect(JSON.stringify(bodyOf({ messages })['contents'])).toContain(`"response":${response}}`)
  })

  test('media of a result stand within it since Gemini 3, behind it before', () => {
    const messages = [
      q,
      said('assistant', call('c1', 'f')),
      said('user', result('c1', { parts: [{ kind: 'text', text: 'see' }, png] }), 'so?'),
    ]
    const functionResponse = { id: 'c1', name: 'f', response: { output: 'see' } }
    expect(bodyOf({ messages })['contents']).toMatchObject({
      2: { parts: [{ functionResponse: { ...functionResponse, parts: [inlinePng] } }, { text: 'so?' }] },
    })
    const notes = new Notes()
    expect(bodyOf({ messages }, { model: second, notes })['contents']).toMatchObject({
      2: { parts: [{ functionResponse }, inlinePng, { text: 'so?' }] },
    })
    expect(notes.codes).toEqual(['adapted:tool_media_moved'])
  })

  test('each call has one result and each result one call (§12.3)', () => {
    const messages = [q, turn, said('user', result('c1'), result('c9'), 'and?')]
    const notes = new Notes()
    const { contents } = bodyOf({ messages }, { model: second, notes })
    expect(contents).toMatchObject({
      2: {
        parts: [
          { functionResponse: { name: 'get_weather' } },
          { functionResponse: { name: 'get_time', response: { error: expect.stringContaining('no result') } } },
          { text: 'and?' },
        ],
      },
    })
    expect(notes.codes).toContain('adapted:orphan_tool_result')
    expect(notes.codes).toContain('adapted:missing_tool_result')
  })

  test('ids are sent only where they are taken', () => {
    const target = targetOf('gemini', 'gemini', second)
    const request = commonRequest({ messages: [q, turn, said('user', result('c1'), result('c2'))] })
    const bare = { ...target, profile: { ...target.profile, takesCallIds: false } }
    expect(JSON.stringify(geminiBackend.writeRequest(request, bare, new Notes()).body)).not.toContain('"id"')
  })
})

describe('signatures (§6)', () => {
  const own: Opaque = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'AAAA' }
  const foreign: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'x' }
  const thought = (text: string, opaque?: Opaque): Part => ({
    kind: 'reasoning',
    text,
    style: 'summary',
    isRedacted: false,
    opaque,
  })
  const modelParts = (parts: readonly Part[], way?: Way): unknown => {
    const { contents } = bodyOf({ messages: [q, said('assistant', ...parts), said('user', result('c1'))] }, way)
    return (contents as { parts: unknown }[])[1]?.parts
  }
  const written = (id: string, more = {}): object => ({ functionCall: { id, name: 'f', args: { a: 1 } }, ...more })

  test('one comes home with the call that it stood on', () => {
    expect(modelParts([call('c1', 'f', { opaque: own })])).toEqual([written('c1', { thoughtSignature: 'AAAA' })])
  })

  test('one that other forms keep as a thought goes to the call behind it', () => {
    expect(modelParts([thought('', own), 'a', call('c1', 'f')].map(asPart))).toEqual([
      { text: 'a' },
      written('c1', { thoughtSignature: 'AAAA' }),
    ])
  })

  test('one in front of a text stays there, where the call has its own', () => {
    const parts = [thought('', own), 'a', call('c1', 'f', { opaque: { ...own, payload: 'BBBB' } })].map(asPart)
    expect(modelParts(parts)).toEqual([
      { text: 'a', thoughtSignature: 'AAAA' },
      written('c1', { thoughtSignature: 'BBBB' }),
    ])
  })

  test('one of a text goes to the text', () => {
    const { contents } = bodyOf({ messages: [q, said('assistant', thought('', own), 'a'), q] })
    expect(contents).toMatchObject({ 1: { parts: [{ text: 'a', thoughtSignature: 'AAAA' }] } })
  })

  test('one with nothing behind it goes to an empty text, and none is lost to another', () => {
    const { contents } = bodyOf({
      messages: [
        q,
        said('assistant', thought('', own), thought('', { ...own, payload: 'BBBB' }), 'a', thought('', own)),
        q,
      ],
    })
    expect(contents).toMatchObject({
      1: {
        parts: [
          { text: '', thoughtSignature: 'AAAA' },
          { text: 'a', thoughtSignature: 'BBBB' },
          { text: '', thoughtSignature: 'AAAA' },
        ],
      },
    })
  })

  test('one of another provider is dropped with a note', () => {
    const notes = new Notes()
    const parts = modelParts([thought('hm', foreign), call('c1', 'f')], { model: second, notes })
    expect(JSON.stringify(parts)).not.toContain('thoughtSignature')
    expect(notes.codes).toEqual(['dropped:foreign_reasoning'])
  })

  test('Gemini 3 without one gets its stand-in, on the first call of each step of the current turn only', () => {
    const messages = [
      q,
      said('assistant', call('old', 'f')),
      said('user', result('old')),
      said('assistant', 'done'),
      q,
      said('assistant', call('a1', 'f'), call('a2', 'f')),
      // What is said beside results does not begin a turn.
      said('user', result('a1'), result('a2'), 'by the way'),
      said('assistant', 'text', call('b1', 'f', { opaque: own }), call('b2', 'f')),
      said('user', result('b1'), result('b2')),
      said('assistant', call('c1', 'f')),
      said('user', result('c1')),
    ]
    const signed = (way?: Way): unknown =>
      (bodyOf({ messages }, way)['contents'] as { role: string; parts: JsonObject[] }[])
        .filter(({ role }) => role === 'model')
        .map(({ parts }) => parts.filter((part) => part['functionCall']).map((part) => part['thoughtSignature']))
    expect(signed()).toEqual([[undefined], [], [noSignature, undefined], ['AAAA', undefined], [noSignature]])
    expect(signed({ model: second })).toEqual([
      [undefined],
      [],
      [undefined, undefined],
      ['AAAA', undefined],
      [undefined],
    ])
  })
})

function asPart(part: Part | string): Part {
  return typeof part === 'string' ? { kind: 'text', text: part } : part
}

describe('tools', () => {
  const schema = { type: 'object', properties: { a: { type: 'string', const: 'x' } }, additionalProperties: false }
  const f: Tool = { kind: 'function', name: 'f', description: 'does f', schema, strict: true }

  test('all declarations stand in one object, with full JSON Schema where it is taken', () => {
    const g: Tool = { kind: 'function', name: 'g', schema: undefined }
    expect(bodyOf({ messages: [q], tools: [f, g] })['tools']).toEqual([
      {
        functionDeclarations: [
          {
            name: 'f',
            description: 'does f',
            parametersJsonSchema: { ...schema, properties: { a: { type: 'string', enum: ['x'] } } },
          },
          { name: 'g' },
        ],
      },
    ])
    const [first] = bodyOf({ messages: [q], tools: [f] }, { model: 'gemini-1.5-pro' })['tools'] as JsonObject[]
    expect(first).toMatchObject({ functionDeclarations: [{ name: 'f', parameters: { properties: { a: {} } } }] })
    expect(JSON.stringify(first)).not.toContain('additionalProperties')
  })

  test('names that do not fit are rewritten, in history and choice too, and the way back is known', () => {
    const odd: Tool = { kind: 'function', name: '1 odd', schema: undefined }
    const messages = [q, said('assistant', call('c1', '1 odd')), said('user', result('c1'))]
    const { body, back } = write({
      messages,
      tools: [odd],
      toolChoice: { mode: 'tool', name: '1 odd', isCustom: false },
    })
    const [[sent, name] = []] = back.toolNames
    expect(name).toEqual({ name: '1 odd' })
    expect(JSON.stringify(body)).not.toContain('1 odd')
    expect(body).toMatchObject({
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [sent] } },
      contents: {
        1: { parts: [{ functionCall: { name: sent } }] },
        2: { parts: [{ functionResponse: { name: sent } }] },
      },
    })
  })

  test('custom tools and built-ins have stand-ins', () => {
    const notes = new Notes()
    const tools: Tool[] = [
      { kind: 'custom', name: 'patch' },
      { kind: 'client_builtin', tool: 'bash', name: 'bash', native: { type: 'bash_20250124' } },
      { kind: 'client_builtin', tool: 'unheard_of', name: 'x', native: {} },
    ]
    const custom = said('assistant', call('c1', 'patch', { isCustom: true, args: { raw: '*** Begin' } }))
    const { body, back } = write({ messages: [q, custom, said('user', result('c1'))], tools }, { notes })
    expect(body['tools']).toMatchObject([{ functionDeclarations: [{ name: 'patch' }, { name: 'bash' }] }])
    expect(body['contents']).toMatchObject({ 1: { parts: [{ functionCall: { args: { input: '*** Begin' } } }] } })
    expect([...back.customTools]).toEqual(['patch'])
    expect([...back.builtins]).toEqual([['bash', 'bash']])
    expect(notes.codes).toEqual(['adapted:custom_tool_wrapped', 'dropped:client_tool'])
  })

  test.each<{ choice: CommonRequest['toolChoice']; config: JsonObject }>([
    { choice: { mode: 'auto' }, config: { mode: 'AUTO' } },
    { choice: { mode: 'none' }, config: { mode: 'NONE' } },
    { choice: { mode: 'required' }, config: { mode: 'ANY' } },
    { choice: { mode: 'tool', name: 'f', isCustom: false }, config: { mode: 'ANY', allowedFunctionNames: ['f'] } },
    {
      choice: { mode: 'allowed', names: ['f'], isRequired: true },
      config: { mode: 'ANY', allowedFunctionNames: ['f'] },
    },
    {
      choice: { mode: 'allowed', names: ['f'], isRequired: false },
      config: { mode: 'VALIDATED', allowedFunctionNames: ['f'] },
    },
  ])('choice $choice.mode is $config', ({ choice, config }) => {
    expect(bodyOf({ messages: [q], tools: [f], toolChoice: choice })['toolConfig']).toEqual({
      functionCallingConfig: config,
    })
  })

  test('a choice without tools is left out; one of a tool that is not declared is rejected', () => {
    expect(bodyOf({ messages: [q], toolChoice: { mode: 'auto' } })).not.toHaveProperty('toolConfig')
    const notes = new Notes()
    bodyOf({ messages: [q], tools: [f], toolChoice: { mode: 'tool', name: 'g', isCustom: false } }, { notes })
    expect(notes.rejection?.field).toBe('tool_choice')
  })

  test('a search is Google’s own where the operator wants that, beside functions since Gemini 3', () => {
    const search: Tool = { kind: 'hosted', tool: 'web_search', native: { type: 'web_search' } }
    const policy = { hostedTools: 'map' } as const
    const codes = (tools: readonly Tool[], way: Way): readonly [unknown, readonly string[]] => {
      const notes = new Notes()
      return [bodyOf({ messages: [q], tools }, { ...way, notes })['tools'], notes.codes]
    }
    expect(codes([search], {})).toEqual([undefined, ['dropped:hosted_tool']])
    expect(codes([search], { policy, model: second })).toEqual([[{ googleSearch: {} }], []])
    expect(codes([search, f], { policy, model: second })[1]).toEqual(['dropped:hosted_tool'])
    expect(bodyOf({ messages: [q], tools: [search, f] }, { policy })).toMatchObject({
      tools: [{ functionDeclarations: [{ name: 'f' }] }, { googleSearch: {} }],
      toolConfig: { includeServerSideToolInvocations: true },
    })
  })

  test('one call at a time cannot be asked for', () => {
    const notes = new Notes()
    bodyOf({ messages: [q], tools: [f], parallelToolCalls: false }, { notes })
    expect(notes.codes).toEqual(['dropped:parallel_tool_calls'])
  })
})

describe('generationConfig', () => {
  const config = (request: Partial<CommonRequest>, way?: Way): JsonObject =>
    (bodyOf({ messages: [q], ...request }, way)['generationConfig'] ?? {}) as JsonObject

  test('all that has a place there (§5.1)', () => {
    const sampling = {
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      seed: 7,
      stop: ['a', ''],
      n: 2,
      maxOutputTokens: 100,
      logprobs: true,
      topLogprobs: 3,
    }
    expect(config({ form: 'completions', sampling })).toEqual({
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      seed: 7,
      stopSequences: ['a'],
      candidateCount: 2,
      maxOutputTokens: 100,
      responseLogprobs: true,
      logprobs: 3,
    })
  })

  test('what has none is noted', () => {
    const notes = new Notes()
    config(
      {
        sampling: { logitBias: { 1: 2 }, minP: 0.1, repetitionPenalty: 1.1, seed: 2 ** 40, temperature: 3 },
        output: { verbosity: 'low', prediction: {} },
        cache: { key: 'k' },
        identity: { endUser: 'u', tags: { a: 'b' } },
        tier: 'scale',
      },
      { notes },
    )
    expect(notes.codes).toEqual([
      'dropped:logit_bias',
      'dropped:unknown_field',
      'dropped:penalties',
      'dropped:verbosity',
      'dropped:prediction',
      'dropped:cache_hint',
      'adapted:temperature_clamped',
      'dropped:seed',
      'dropped:user',
      'dropped:metadata',
      'dropped:service_tier',
    ])
  })

  test('stop sequences beyond the fifth are looked for here', () => {
    const stop = ['a', 'b', 'c', 'd', 'e', 'f']
    const { body, back } = write({ messages: [q], sampling: { stop } })
    expect(body['generationConfig']).toMatchObject({ stopSequences: ['a', 'b', 'c', 'd', 'e'] })
    expect(back.stops).toEqual(['f'])
  })

  test('JSON and schemas (§5.8)', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: false }
    const format = { kind: 'json_schema', schema } as const
    expect(config({ output: { format: { kind: 'json' } } })).toMatchObject({ responseMimeType: 'application/json' })
    expect(config({ output: { format } })).toMatchObject({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    })
    expect(config({ output: { format } }, { model: 'gemini-1.5-pro' })).toHaveProperty('responseSchema')
  })

  test('Gemini 2 takes no schema beside functions: it is told in words', () => {
    const schema = { type: 'object', properties: { zebra: { type: 'string' } } }
    const request: Partial<CommonRequest> = {
      messages: [q],
      tools: [{ kind: 'function', name: 'f', schema: undefined }],
      output: { format: { kind: 'json_schema', schema } },
    }
    const body = bodyOf(request, { model: second })
    expect(JSON.stringify(body['systemInstruction'])).toContain('zebra')
    expect(body['generationConfig'] ?? {}).not.toHaveProperty('responseMimeType')
    expect(bodyOf(request)['generationConfig']).toHaveProperty('responseJsonSchema')
  })

  test.each<{ name: string; request: Partial<CommonRequest>; way?: Way; thinking: unknown }>([
    {
      name: 'a level since Gemini 3',
      request: { reasoning: { effort: 'low' } },
      thinking: { thinkingLevel: 'LOW', includeThoughts: true },
    },
    {
      name: 'a budget before',
      request: { reasoning: { effort: 'medium' } },
      way: { model: second },
      thinking: { thinkingBudget: 8192, includeThoughts: true },
    },
    {
      name: 'off is said (#17.2)',
      request: { reasoning: { effort: 'none' } },
      way: { model: second },
      thinking: { thinkingBudget: 0 },
    },
    {
      name: 'what cannot be off is at its lowest',
      request: { reasoning: { effort: 'none' } },
      thinking: { thinkingLevel: 'LOW' },
    },
    {
      name: 'thoughts are told where the client’s form has a place for them',
      request: {},
      thinking: { includeThoughts: true },
    },
    {
      name: 'not where the operator switched them off',
      request: {},
      way: { policy: { chatReasoning: 'off' } },
      thinking: undefined,
    },
    { name: 'not to clients of Messages who did not ask', request: { form: 'messages' }, thinking: undefined },
    {
      name: 'to those who did',
      request: { form: 'messages', reasoning: { budgetTokens: 2000, kind: 'budget' } },
      way: { model: second },
      thinking: { thinkingBudget: 2000, includeThoughts: true },
    },
    {
      name: 'not to those who do not want to see them',
      request: { form: 'responses', reasoning: { effort: 'high', visibility: 'none' } },
      thinking: { thinkingLevel: 'HIGH' },
    },
    {
      name: 'nothing to models that do not think',
      request: { reasoning: { effort: 'high' } },
      way: { model: 'gemini-2.0-flash' },
      thinking: undefined,
    },
  ])('thinking: $name', ({ request, way, thinking }) => {
    expect(config(request, way)['thinkingConfig']).toEqual(thinking as never)
  })

  test('spoken answers', () => {
    expect(config({ output: { modalities: ['text', 'audio'] } })['responseModalities']).toEqual(['AUDIO'])
    expect(config({ output: { modalities: ['text', 'image'] } })['responseModalities']).toEqual(['TEXT', 'IMAGE'])
    expect(config({ output: { modalities: ['text'] } })).not.toHaveProperty('responseModalities')
  })
})

test('service tier, storing, and labels where they may be told', () => {
  const request = { messages: [q], tier: 'default', store: false, identity: { tags: { 'Team A': 'X' } } }
  const body = bodyOf(request, { policy: { forwardsIdentity: true } })
  expect(body).toMatchObject({ serviceTier: 'standard', store: false, labels: { team_a: 'x' } })
  expect(bodyOf({ ...request, tier: 'auto' })).not.toHaveProperty('serviceTier')
})

test('the same request twice gives the same bytes', () => {
  const request: Partial<CommonRequest> = {
    messages: [
      said('system', 's'),
      q,
      said('assistant', call('', 'f'), call('', 'f')),
      said('user', result('', { name: 'f' })),
    ],
    tools: [{ kind: 'function', name: 'a b', schema: { type: 'object' } }],
    output: { format: { kind: 'json' } },
  }
  expect(JSON.stringify(bodyOf(request))).toBe(JSON.stringify(bodyOf(request)))
})

test('what Gemini’s own form says comes out as it went in (§1)', () => {
  const signed = { functionCall: { id: 'c1', name: 'f', args: { a: [1, null] } }, thoughtSignature: 'AAAA' }
  const body = {
    systemInstruction: { parts: [{ text: 'a' }, { text: 'b' }] },
    contents: [
      { role: 'user', parts: [{ text: 'q' }, inlinePng, { fileData: { mimeType: 'image/png', fileUri: 'files/x' } }] },
      { role: 'model', parts: [{ text: 'hm', thought: true }, { text: 'Checking.' }, signed] },
      { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'f', response: { t: 18 } } }] },
      { role: 'model', parts: [{ text: 'done', thoughtSignature: 'BBBB' }, { executableCode: { code: '1' } }] },
      { role: 'user', parts: [{ text: 'thanks' }] },
    ],
    tools: [
      { functionDeclarations: [{ name: 'f', description: 'd', parametersJsonSchema: { type: 'object' } }] },
      { googleSearch: {} },
    ],
    toolConfig: {
      functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] },
      includeServerSideToolInvocations: true,
    },
    generationConfig: {
      temperature: 1,
      topK: 3,
      maxOutputTokens: 9,
      stopSequences: ['x'],
      candidateCount: 2,
      responseModalities: ['TEXT', 'IMAGE'],
      thinkingConfig: { thinkingLevel: 'HIGH', includeThoughts: true },
    },
    safetySettings: [{ category: 'c', threshold: 't' }],
    labels: { team: 'a' },
    serviceTier: 'flex',
    store: true,
  }
  const request = geminiClient.readRequest(body, requestFacts(), new Notes())
  const notes = new Notes()
  expect(geminiBackend.writeRequest(request, targetOf('gemini', 'gemini', third), notes).body).toEqual(body)
  expect(notes.codes).toEqual([])
})
