import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import type { CommonRequest, Opaque, Part } from '#translate/common.ts'
import { geminiClient } from '#translate/gemini/client.ts'
import { signatureOf } from '#translate/gemini/signature.ts'
import { Notes } from '#translate/notes.ts'
import { requestFacts } from '../../support/translating.ts'

function read(body: JsonObject, notes = new Notes()): CommonRequest {
  return geminiClient.readRequest(body, requestFacts({ model: 'alias', stream: true }), notes)
}

function partsOf(...parts: unknown[]): readonly Part[] {
  return read({ contents: [{ role: 'model', parts }] }).messages[0]?.parts ?? []
}

const png = Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1').toString('base64')

describe('contents', () => {
  test.each([
    { name: 'a text', contents: 'hi' },
    { name: 'a part', contents: { text: 'hi' } },
    { name: 'a content', contents: { role: 'user', parts: [{ text: 'hi' }] } },
    { name: 'a content whose parts are one part', contents: { role: 'USER', parts: { text: 'hi' } } },
    { name: 'a list of texts', contents: ['hi'] },
    { name: 'a list of contents', contents: [{ parts: [{ text: 'hi' }] }] },
  ])('may be $name', ({ contents }) => {
    expect(read({ contents }).messages).toEqual([
      { role: 'user', placement: 'inline', parts: [{ kind: 'text', text: 'hi' }] },
    ])
  })

  test('loose parts before and after a content are turns of the user', () => {
    const { messages } = read({ contents: ['a', { role: 'model', parts: [{ text: 'b' }] }, 'c', { text: 'd' }] })
    expect(messages.map(({ role, parts }) => [role, parts.length])).toEqual([
      ['user', 1],
      ['assistant', 1],
      ['user', 2],
    ])
  })

  test('chunks that the official client kept as contents of their own are one turn again', () => {
    const model = (part: JsonObject): JsonObject => ({ role: 'model', parts: [part] })
    const thoughtSignature = signatureOf([{ form: 'messages', family: 'claude', kind: 'signature', payload: 's' }])
    const { messages } = read({
      contents: [
        model({ text: 'th', thought: true }),
        model({ text: 'ink', thought: true }),
        model({ text: 'hel' }),
        model({ text: 'lo' }),
        model({ functionCall: { name: 'f' }, thoughtSignature }),
        model({ text: '' }),
        { role: 'user', parts: [{ functionResponse: { name: 'f' } }] },
        { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
      ],
    })
    expect(messages.map(({ role, parts }) => [role, parts.length])).toEqual([
      ['assistant', 3],
      ['user', 1],
      ['user', 2],
    ])
    expect(messages[0]?.parts).toMatchObject([
      { kind: 'reasoning', text: 'think', opaque: { payload: 's' } },
      { kind: 'text', text: 'hello' },
      { kind: 'tool_call' },
    ])
  })

  test('results in the role "function" are the user’s', () => {
    const { messages } = read({ contents: [{ role: 'function', parts: [{ functionResponse: { name: 'f' } }] }] })
    expect(messages[0]?.role).toBe('user')
  })

  test.each([
    { contents: null },
    { contents: 1 },
    { contents: {} },
    { contents: [] },
    { contents: [null, 1, []] },
    { contents: [{ role: 1, parts: 2 }] },
    { contents: [{ parts: [null, {}, { functionCall: 3 }] }] },
  ])('$contents says nothing and breaks nothing', ({ contents }) => {
    expect(read({ contents }).messages).toEqual([])
  })
})

describe('systemInstruction', () => {
  test.each([
    { name: 'a text', systemInstruction: 'be brief' },
    { name: 'a part', systemInstruction: { text: 'be brief' } },
    { name: 'a content', systemInstruction: { role: 'system', parts: [{ text: 'be brief' }] } },
    { name: 'a list of parts', systemInstruction: [{ text: 'be brief' }] },
  ])('may be $name', ({ systemInstruction }) => {
    expect(read({ systemInstruction }).messages).toEqual([
      { role: 'system', placement: 'top', parts: [{ kind: 'text', text: 'be brief' }] },
    ])
  })

  test('its blocks stay apart, and it may be spelled in snake_case (#17.8)', () => {
    expect(read({ system_instruction: { parts: [{ text: 'a' }, { text: 'b' }] } }).messages[0]?.parts).toHaveLength(2)
  })

  test('an image in it is rejected, for nobody would see it', () => {
    const notes = new Notes()
    read({ systemInstruction: { parts: [{ inlineData: { mimeType: 'image/png', data: png } }] } }, notes)
    expect(notes.rejection?.field).toBe('systemInstruction.parts[0]')
  })
})

describe('parts', () => {
  test.each<{ name: string; part: JsonObject; expected: object }>([
    {
      name: 'a thought',
      part: { text: 'hm', thought: true },
      expected: { kind: 'reasoning', text: 'hm', style: 'summary', isRedacted: false },
    },
    {
      name: 'bytes in the alphabet of addresses without padding',
      part: { inline_data: { mime_type: 'image/png', data: png.replaceAll('+', '-').replace(/=+$/, '') } },
      expected: { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png } },
    },
    {
      name: 'audio',
      part: { inlineData: { mimeType: 'audio/wav', data: 'UklGRg==' } },
      expected: { kind: 'media', medium: 'audio', mime: 'audio/wav', source: { base64: 'UklGRg==' } },
    },
    {
      name: 'a document with its name',
      part: { inlineData: { mimeType: 'application/pdf', data: 'JVBERi0=', displayName: 'a.pdf' } },
      expected: { medium: 'file', mime: 'application/pdf', filename: 'a.pdf' },
    },
    {
      name: 'an address of the web',
      part: { fileData: { fileUri: 'https://example.com/a.png' } },
      expected: { medium: 'image', mime: 'image/png', source: { url: 'https://example.com/a.png' } },
    },
    {
      name: 'a file of Google’s',
      part: { fileData: { mimeType: 'video/mp4', fileUri: 'gs://bucket/a.mp4' }, videoMetadata: { fps: 2 } },
      expected: {
        medium: 'video',
        source: { file: { form: 'gemini', id: 'gs://bucket/a.mp4' } },
        rest: { videoMetadata: { fps: 2 } },
      },
    },
    {
      name: 'a file of its own store, which has an address but only for Google',
      part: {
        fileData: { mimeType: 'image/png', fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/x' },
      },
      expected: {
        source: { file: { form: 'gemini', id: 'https://generativelanguage.googleapis.com/v1beta/files/x' } },
      },
    },
    {
      name: 'a video on a page',
      part: { fileData: { fileUri: 'https://www.youtube.com/watch?v=x' } },
      expected: { medium: 'video', source: { url: 'https://www.youtube.com/watch?v=x' } },
    },
    {
      name: 'how closely to look at one image',
      part: { inlineData: { mimeType: 'image/png', data: png }, mediaResolution: { level: 'media_resolution_low' } },
      expected: { detail: 'low' },
    },
    {
      name: 'a call',
      part: { functionCall: { id: 'c1', name: 'f', args: { a: 1 } } },
      expected: {
        kind: 'tool_call',
        id: 'c1',
        name: 'f',
        args: { value: { a: 1 } },
        isCustom: false,
        tool: 'function',
      },
    },
    {
      name: 'a call in snake_case without id and arguments',
      part: { function_call: { name: 'f' } },
      expected: { kind: 'tool_call', id: '', name: 'f', args: { value: {} } },
    },
    {
      name: 'code that Google carried out',
      part: { executableCode: { code: '1+1', language: 'PYTHON' } },
      expected: {
        kind: 'native',
        form: 'gemini',
        type: 'executableCode',
        value: { executableCode: { code: '1+1', language: 'PYTHON' } },
      },
    },
  ])('$name', ({ part, expected }) => {
    expect(partsOf(part)).toMatchObject([expected])
  })

  test('an empty text says nothing', () => {
    expect(partsOf({ text: '' }, { text: 'a' })).toHaveLength(1)
  })
})

describe('results of tools', () => {
  test.each<{ name: string; response: unknown; expected: object }>([
    {
      name: 'an output that is text',
      response: { output: '18C' },
      expected: { parts: [{ kind: 'text', text: '18C' }], isError: false },
    },
    {
      name: 'an error',
      response: { error: 'offline' },
      expected: { parts: [{ kind: 'text', text: 'offline' }], isError: true },
    },
    {
      name: 'an output that is a value',
      response: { output: { t: 18 } },
      expected: { value: { t: 18 }, isError: false },
    },
    { name: 'an object of its own', response: { t: 18, unit: 'C' }, expected: { value: { t: 18, unit: 'C' } } },
    { name: 'nothing', response: {}, expected: { parts: [], value: undefined } },
    { name: 'no object', response: 'text', expected: { parts: [{ kind: 'text', text: 'text' }], isError: false } },
    { name: 'a list', response: [1], expected: { value: [1], isError: false } },
    { name: 'a place for errors that holds none', response: { error: '', out: 'x' }, expected: { isError: false } },
    { name: 'false for an error', response: { error: false }, expected: { value: { error: false }, isError: false } },
  ])('$name', ({ response, expected }) => {
    const [part] = partsOf({ functionResponse: { name: 'f', response } })
    expect(part).toMatchObject({ kind: 'tool_result', callId: '', name: 'f', ...expected })
  })

  test('media beside a value do not hide it', () => {
    const media = { inlineData: { mimeType: 'image/png', data: png } }
    const [part] = partsOf({ functionResponse: { id: 'c1', name: 'f', response: { t: 1 }, parts: [media] } })
    expect(part).toMatchObject({
      callId: 'c1',
      value: undefined,
      parts: [
        { kind: 'text', text: '{"t":1}' },
        { kind: 'media', medium: 'image' },
      ],
    })
  })
})

describe('signatures (§6)', () => {
  const gemini: Opaque = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'AAAA' }
  const claude: Opaque = { form: 'messages', family: 'claude', kind: 'signature', payload: 'sig+/=' }
  const redacted: Opaque = { form: 'messages', family: 'claude', kind: 'redacted', payload: 'xyz' }
  const call = { functionCall: { id: 'c1', name: 'f', args: {} } }

  test('Gemini’s own stays on its call', () => {
    expect(partsOf({ ...call, thoughtSignature: 'AAAA' })).toMatchObject([{ kind: 'tool_call', opaque: gemini }])
  })

  test('one on an empty text goes to the text in front of it', () => {
    expect(partsOf({ text: 'a' }, { text: '', thoughtSignature: 'AAAA' })).toMatchObject([
      { kind: 'text', text: 'a', opaque: gemini },
    ])
  })

  test('one on an empty text behind a call is a thought that nobody sees', () => {
    expect(partsOf(call, { text: '', thought_signature: 'AAAA' })).toMatchObject([
      { kind: 'tool_call' },
      { kind: 'reasoning', text: '', opaque: gemini },
    ])
  })

  test('another model’s comes back to its thought, whose pieces become one again', () => {
    const parts = partsOf(
      { text: 'Let me ', thought: true },
      { text: 'check.', thought: true },
      { text: 'Checking.' },
      { ...call, thoughtSignature: signatureOf([claude]) },
    )
    expect(parts).toMatchObject([
      { kind: 'reasoning', text: 'Let me check.', isRedacted: false, opaque: claude },
      { kind: 'text', text: 'Checking.' },
      { kind: 'tool_call', id: 'c1' },
    ])
    expect(parts[2]).not.toHaveProperty('opaque')
  })

  test('without thoughts shown, the signature stands in front of what it led to', () => {
    const parts = partsOf({ text: 'Checking.' }, { ...call, thoughtSignature: signatureOf([claude]) })
    expect(parts.map(({ kind }) => kind)).toEqual(['reasoning', 'text', 'tool_call'])
  })

  test('thoughts that the client threw away are whole again, for their provider takes no others (§6.4)', () => {
    const worded = { ...claude, text: 'Let me check.' }
    const parts = partsOf({ text: 'Checking.' }, { ...call, thoughtSignature: signatureOf([worded]) })
    expect(parts).toMatchObject([
      { kind: 'reasoning', text: 'Let me check.', opaque: claude },
      { kind: 'text', text: 'Checking.' },
      { kind: 'tool_call', id: 'c1' },
    ])
  })

  test('thoughts between texts of one step stay where they were (§6.4)', () => {
    const parts = partsOf(
      { text: 'o', thought: true },
      { text: 'ne', thought: true },
      { text: 'Checking.' },
      { text: 'two', thought: true },
      { ...call, thoughtSignature: signatureOf([redacted, claude, { ...claude, payload: 'other' }]) },
    )
    expect(parts).toMatchObject([
      { kind: 'reasoning', isRedacted: true, opaque: redacted },
      { kind: 'reasoning', text: 'one', opaque: claude },
      { kind: 'text', text: 'Checking.' },
      { kind: 'reasoning', text: 'two', opaque: { payload: 'other' } },
      { kind: 'tool_call', id: 'c1' },
    ])
  })

  test('thoughts of an earlier step stay with it', () => {
    const parts = partsOf(
      { text: 'one', thought: true },
      { ...call, thoughtSignature: signatureOf([claude]) },
      { text: 'two', thought: true },
      { functionCall: { id: 'c2', name: 'f' }, thoughtSignature: signatureOf([{ ...claude, payload: 'two' }]) },
    )
    expect(parts).toMatchObject([
      { text: 'one', opaque: { payload: 'sig+/=' } },
      { id: 'c1' },
      { text: 'two', opaque: { payload: 'two' } },
      { id: 'c2' },
    ])
  })

  test('several on one part all come back, also beside one of Gemini’s', () => {
    const parts = partsOf(
      { text: 'hm', thought: true },
      { ...call, thoughtSignature: signatureOf([redacted, claude, gemini]) },
    )
    expect(parts).toMatchObject([
      { kind: 'reasoning', text: '', isRedacted: true, opaque: redacted },
      { kind: 'reasoning', text: 'hm', isRedacted: false, opaque: claude },
      { kind: 'tool_call', opaque: gemini },
    ])
  })

  test('a text that cannot be told from another is left out rather than signed wrongly (§6.4)', () => {
    const two = [claude, { ...claude, payload: 'other' }]
    const parts = partsOf({ text: 'hm', thought: true }, { ...call, thoughtSignature: signatureOf(two) })
    expect(parts.slice(0, 2)).toMatchObject([
      { text: '', opaque: claude },
      { text: '', opaque: { payload: 'other' } },
    ])
  })

  test.each(['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go', ''])(
    '%j is no signature',
    (thoughtSignature) => {
      expect(partsOf({ ...call, thoughtSignature })).toEqual([
        expect.not.objectContaining({ opaque: expect.anything() }),
      ])
    },
  )

  test('a damaged envelope counts as missing', () => {
    const thoughtSignature = Buffer.from('lp1.%%%').toString('base64')
    expect(partsOf({ ...call, thoughtSignature })).toEqual([expect.not.objectContaining({ opaque: expect.anything() })])
  })
})

describe('tools', () => {
  test('declarations of several objects, and schemas of both kinds', () => {
    const parameters = {
      type: 'OBJECT',
      properties: { type: { type: 'STRING', nullable: true }, n: { type: 'INTEGER', format: 'int64' } },
      required: ['type'],
      propertyOrdering: ['type', 'n'],
    }
    const { tools } = read({
      tools: [
        { functionDeclarations: [{ name: 'a', description: 'does a', parameters }] },
        { function_declarations: [{ name: 'b', parametersJsonSchema: { type: 'object' } }, { name: 'c' }, { x: 1 }] },
        { googleSearch: {}, urlContext: {} },
        { computerUse: { environment: 'ENVIRONMENT_BROWSER' } },
      ],
    })
    expect(tools).toMatchObject([
      {
        kind: 'function',
        name: 'a',
        description: 'does a',
        schema: {
          type: 'object',
          properties: { type: { type: ['string', 'null'] }, n: { type: 'integer', format: 'int64' } },
          required: ['type'],
        },
      },
      { kind: 'function', name: 'b', schema: { type: 'object' } },
      { kind: 'function', name: 'c', schema: undefined },
      { kind: 'hosted', tool: 'web_search', native: { googleSearch: {} } },
      { kind: 'hosted', tool: 'web_fetch' },
      { kind: 'client_builtin', tool: 'computer_use' },
    ])
  })

  test.each<[config: JsonObject | undefined, expected: unknown]>([
    [undefined, undefined],
    [{}, { mode: 'auto' }],
    [{ mode: 'auto' }, { mode: 'auto' }],
    [{ mode: 'NONE' }, { mode: 'none' }],
    [{ mode: 'Any' }, { mode: 'required' }],
    [
      { mode: 'ANY', allowedFunctionNames: ['a'] },
      { mode: 'tool', name: 'a', isCustom: false },
    ],
    [
      { mode: 'ANY', allowed_function_names: ['a', 'b'] },
      { mode: 'allowed', names: ['a', 'b'], isRequired: true },
    ],
    [{ mode: 'VALIDATED' }, { mode: 'auto' }],
    [
      { mode: 'VALIDATED', allowedFunctionNames: ['a'] },
      { mode: 'allowed', names: ['a'], isRequired: false },
    ],
  ])('choice %j', (functionCallingConfig, expected) => {
    expect(read({ toolConfig: functionCallingConfig && { functionCallingConfig } }).toolChoice).toEqual(
      expected as never,
    )
  })
})

describe('generationConfig', () => {
  test('sampling, in either spelling, numbers also as text', () => {
    const { sampling } = read({
      generation_config: {
        temperature: 0.5,
        top_p: 0.9,
        topK: '40',
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        seed: 7,
        stopSequences: ['x', 3],
        candidateCount: 2,
        max_output_tokens: 100,
        responseLogprobs: true,
        logprobs: 3,
      },
    })
    expect(sampling).toEqual({
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      seed: 7,
      stop: ['x'],
      n: 2,
      maxOutputTokens: 100,
      logprobs: true,
      topLogprobs: 3,
    })
  })

  test.each<[thinkingConfig: JsonObject | undefined, expected: object | undefined]>([
    [undefined, undefined],
    [{}, { visibility: 'none' }],
    [
      { thinkingLevel: 'low', includeThoughts: true },
      { effort: 'low', visibility: 'summary' },
    ],
    [{ thinkingBudget: 0 }, { budgetTokens: 0, kind: 'off', visibility: 'none' }],
    [{ thinking_budget: -1 }, { budgetTokens: -1, kind: 'adaptive' }],
    [
      { thinkingBudget: 4096, include_thoughts: true },
      { budgetTokens: 4096, kind: 'budget', visibility: 'summary' },
    ],
  ])('thinking %j', (thinkingConfig, expected) => {
    const { reasoning } = read({ generationConfig: { thinkingConfig } })
    if (expected === undefined) expect(reasoning).toBeUndefined()
    else expect(reasoning).toMatchObject(expected)
  })

  test.each<[config: JsonObject, expected: unknown]>([
    [{}, undefined],
    [{ responseMimeType: 'text/plain' }, { kind: 'text' }],
    [{ responseMimeType: 'application/json' }, { kind: 'json' }],
    [
      { responseMimeType: 'application/json', responseSchema: { type: 'STRING', enum: ['a'], format: 'enum' } },
      { kind: 'json_schema', schema: { type: 'string', enum: ['a'] } },
    ],
    [{ responseJsonSchema: { type: 'object' } }, { kind: 'json_schema', schema: { type: 'object' } }],
    [
      { responseMimeType: 'text/x.enum', response_schema: { type: 'STRING', enum: ['a'] } },
      { kind: 'json_schema', schema: { type: 'string', enum: ['a'] }, isBare: true },
    ],
  ])('output %j', (generationConfig, expected) => {
    expect(read({ generationConfig }).output.format).toEqual(expected as never)
  })

  test.each([
    { generationConfig: { responseMimeType: '' }, refused: undefined },
    { generationConfig: { responseMimeType: 'text/x.enum', responseSchema: { enum: ['a'] } }, refused: undefined },
    { generationConfig: { responseMimeType: 'text/x.enum' }, refused: 'generationConfig.responseMimeType' },
    { generationConfig: { responseMimeType: 'text/csv' }, refused: 'generationConfig.responseMimeType' },
  ])('the type of $generationConfig: refused for $refused', ({ generationConfig, refused }) => {
    const notes = new Notes()
    read({ generationConfig }, notes)
    expect(notes.rejection?.field).toBe(refused as string)
  })

  test('spoken answers get a voice that others know', () => {
    const speechConfig = { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } }
    const { output } = read({ generationConfig: { responseModalities: ['TEXT', 'AUDIO'], speechConfig } })
    expect(output).toMatchObject({ modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'pcm16' } })
  })

  test('the resolution of all images is that of each that says nothing else', () => {
    const image = { inlineData: { mimeType: 'image/png', data: png } }
    const { messages } = read({
      contents: [{ parts: [image, { ...image, mediaResolution: { level: 'MEDIA_RESOLUTION_HIGH' } }] }],
      generationConfig: { mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    })
    expect(messages[0]?.parts).toMatchObject([{ detail: 'low' }, { detail: 'high' }])
  })
})

describe('the rest', () => {
  test('what no other form has is named', () => {
    const notes = new Notes()
    const request = read(
      {
        contents: 'hi',
        model: 'models/x',
        safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
        somethingNew: 1,
        generationConfig: { routingConfig: {} },
        labels: { team: 'a', n: 1 },
        serviceTier: 'standard',
        store: false,
      },
      notes,
    )
    expect(notes.fields).toEqual([
      ['dropped:safety_settings', 'safetySettings'],
      ['dropped:unknown_field', 'somethingNew'],
      ['dropped:unknown_field', 'generationConfig.routingConfig'],
    ])
    expect(request).toMatchObject({
      form: 'gemini',
      model: 'alias',
      stream: true,
      identity: { tags: { team: 'a' } },
      tier: 'default',
      store: false,
    })
  })

  test.each(['cachedContent', 'continuationToken'])(
    '%s is rejected, for part of the talk would be missing (§3)',
    (field) => {
      const notes = new Notes('lenient')
      read({ contents: 'hi', [field]: 'x' }, notes)
      expect(notes.rejection?.field).toBe(field)
    },
  )

  test('names of the prototype are only names', () => {
    const request = read(JSON.parse('{"__proto__":{"a":1},"contents":"hi","labels":{"__proto__":"x"}}') as JsonObject)
    expect(Object.getPrototypeOf(request.rest)).toBe(Object.prototype)
    expect(Object.keys(request.identity.tags ?? {})).toEqual(['__proto__'])
  })
})
