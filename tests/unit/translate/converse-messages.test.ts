import { describe, expect, test } from 'bun:test'
import type { CommonRequest, Part } from '#translate/common.ts'
import { said } from '../../support/common-request.ts'
import {
  claude,
  adaptiveClaude,
  nova,
  nova2,
  gptOss,
  llama,
  write,
  weather,
  time,
  call,
  result,
  loop,
} from '../../support/converse-asking.ts'

describe('§5.2: roles and turns', () => {
  test('system texts stand in front as blocks; one among the messages is tagged', () => {
    const messages = [
      { ...said('system', 'one', 'two'), placement: 'top' as const },
      said('user', 'hi'),
      said('developer', 'be brief'),
      said('assistant', 'yes'),
      said('user', 'go'),
    ]
    const { body, codes } = write({ messages })
    expect(body).toEqual({
      messages: [
        { role: 'user', content: [{ text: 'hi' }, { text: '<system-reminder>be brief</system-reminder>' }] },
        { role: 'assistant', content: [{ text: 'yes' }] },
        { role: 'user', content: [{ text: 'go' }] },
      ],
      system: [{ text: 'one' }, { text: 'two' }],
    })
    expect(codes).toEqual(['adapted:system_position'])
  })

  test('a model without system texts is told them by the user; one that takes a single one gets one', () => {
    const messages = [said('system', 'one'), said('system', 'two'), said('user', 'hi')]
    expect(write({ messages }, { profile: { systemRole: 'user' } }).body).toEqual({
      messages: [{ role: 'user', content: [{ text: 'one' }, { text: 'two' }, { text: 'hi' }] }],
    })
    expect(write({ messages }, { profile: { wantsSingleSystem: true } }).body['system']).toEqual([
      { text: 'one\n\ntwo' },
    ])
  })

  test('blank texts are left out, and so is a turn of nothing else', () => {
    const messages = [said('user', 'a', ' '), said('assistant', '\n'), said('user', 'b')]
    expect(write({ messages }).body['messages']).toEqual([{ role: 'user', content: [{ text: 'a' }, { text: 'b' }] }])
  })

  test('the user begins where the model wants that', () => {
    const messages = [said('assistant', 'hello'), said('user', 'hi')]
    const sent = write({ messages })
    expect(sent.codes).toEqual(['adapted:turn_inserted'])
    expect(sent.body['messages']).toMatchObject([{ role: 'user', content: [{ text: 'Continue.' }] }, {}, {}])
    expect(write({ messages }, { model: claude }).codes).toEqual([])
  })

  test('an answer that was begun does not end in blanks, or is a turn like others', () => {
    const messages = [said('user', 'hi'), said('assistant', 'It is ')]
    const begun = write({ messages }, { model: claude })
    expect(begun.body['messages']).toMatchObject([{}, { content: [{ text: 'It is' }] }])
    expect(begun.codes).toEqual([])
    expect(write({ messages }).codes).toEqual(['adapted:prefill'])
  })

  test('newer Claude, which refuses to go on with it, is told to go on by the user (§5.2)', () => {
    const messages = [said('user', 'hi'), said('assistant', 'It is')]
    const sent = write({ messages }, { model: adaptiveClaude })
    expect(sent.body['messages']).toMatchObject([{}, { role: 'assistant' }, { role: 'user', content: [{}] }])
    expect(sent.codes).toEqual(['adapted:prefill'])
    expect(write({ form: 'messages', messages }, { model: adaptiveClaude }).body['messages']).toHaveLength(2)
  })
})

describe('§5.3: media', () => {
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  const pdf = Buffer.from('%PDF-1.4 x').toString('base64')

  test('an image, a document and a video have formats; names of documents are plain and differ', () => {
    const file = { kind: 'media', medium: 'file', mime: 'application/pdf', source: { base64: pdf } } as const
    const { body, rejection } = write({
      messages: [
        said(
          'user',
          'look',
          { kind: 'media', medium: 'image', mime: 'image/jpg', source: { base64: '/9j/4AAQ' } },
          { kind: 'media', medium: 'image', mime: '', source: { base64: png } },
          { ...file, filename: 'my_report (v2).pdf', context: 'of May', citations: true },
          { ...file, filename: 'my_report (v2).pdf' },
          { ...file, filename: '???' },
          { kind: 'media', medium: 'file', mime: 'text/plain', source: { text: 'plain' }, title: 'notes' },
          { kind: 'media', medium: 'video', mime: 'video/quicktime', source: { url: 's3://bucket/a.mov' } },
        ),
      ],
    })
    expect(rejection).toBeUndefined()
    expect(body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { text: 'look' },
          { image: { format: 'jpeg', source: { bytes: '/9j/4AAQ' } } },
          { image: { format: 'png', source: { bytes: png } } },
          {
            document: {
              format: 'pdf',
              name: 'my report (v2)',
              source: { bytes: pdf },
              context: 'of May',
              citations: { enabled: true },
            },
          },
          { document: { format: 'pdf', name: 'my report (v2)-2', source: { bytes: pdf } } },
          { document: { format: 'pdf', name: 'document', source: { bytes: pdf } } },
          { document: { format: 'txt', name: 'notes', source: { bytes: Buffer.from('plain').toString('base64') } } },
          { video: { format: 'mov', source: { s3Location: { uri: 's3://bucket/a.mov' } } } },
        ],
      },
    ])
  })

  test('office files by their type; files of other types that are texts as texts; others are rejected', () => {
    const mimes = [
      ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
      ['application/msword', 'doc'],
      ['text/markdown', 'md'],
      ['text/csv', 'csv'],
      ['text/html', 'html'],
      ['application/json', 'txt'],
    ] as const
    for (const [mime, format] of mimes) {
      const part: Part = {
        kind: 'media',
        medium: 'file',
        mime,
        source: { base64: Buffer.from('{}').toString('base64') },
      }
      expect(write({ messages: [said('user', part)] }).body['messages']).toMatchObject([
        { content: [{ document: { format } }] },
      ])
    }
    const zip: Part = { kind: 'media', medium: 'file', mime: 'application/zip', source: { base64: 'UEsDBA==' } }
    expect(write({ messages: [said('user', zip)] }).rejection?.message).toContain('application/zip')
  })

  test('who takes no documents reads their text', () => {
    const part: Part = { kind: 'media', medium: 'file', mime: 'text/plain', source: { text: 'x' }, filename: 'a.txt' }
    expect(write({ messages: [said('user', part)] }, { model: llama }).body['messages']).toEqual([
      { role: 'user', content: [{ text: '--- file: a.txt ---\nx' }] },
    ])
  })

  test('the detail of an image is a hint', () => {
    const part: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: png }, detail: 'high' }
    expect(write({ messages: [said('user', part)] }).codes).toEqual(['dropped:image_detail'])
    expect(write({ messages: [said('user', { ...part, detail: 'auto' })] }).codes).toEqual([])
  })
})

describe('§5.6: results', () => {
  const asked = [said('user', 'q'), said('assistant', call('c', 'get_time', ''))]
  const image: Part = { kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'iVBORw0KGgo=' } }

  function resultOf(part: Partial<Extract<Part, { kind: 'tool_result' }>>, model = nova): unknown {
    const own: Part = { kind: 'tool_result', callId: 'c', parts: [], isError: false, isCustom: false, ...part }
    const { body } = write({ messages: [...asked, said('user', own)], tools: [time] }, { model })
    return (body['messages'] as unknown[])[2]
  }

  test.each<{ name: string; part: Partial<Extract<Part, { kind: 'tool_result' }>>; content: unknown[] }>([
    { name: 'a JSON object is one', part: { value: { a: 1 } }, content: [{ json: { a: 1 } }] },
    { name: 'a text in place of it is a text', part: { value: 'x' }, content: [{ text: 'x' }] },
    { name: 'a list is told as a text', part: { value: [1, 2] }, content: [{ text: '[1,2]' }] },
    { name: 'nothing is told so', part: {}, content: [{ text: '(no output)' }] },
    {
      name: 'blank texts are nothing',
      part: { parts: [{ kind: 'text', text: ' ' }] },
      content: [{ text: '(no output)' }],
    },
    {
      name: 'texts and images are blocks',
      part: { parts: [{ kind: 'text', text: 'a' }, image] },
      content: [{ text: 'a' }, { image: { format: 'png', source: { bytes: 'iVBORw0KGgo=' } } }],
    },
  ])('$name', ({ part, content }) => {
    expect(resultOf(part)).toEqual({
      role: 'user',
      content: [{ toolResult: { toolUseId: 'c', content, status: 'success' } }],
    })
  })

  test('who knows no mark of errors is told in words', () => {
    const parts: Part[] = [{ kind: 'text', text: 'offline' }]
    expect(resultOf({ parts, isError: true }, gptOss)).toEqual({
      role: 'user',
      content: [{ toolResult: { toolUseId: 'c', content: [{ text: 'Error: offline' }] } }],
    })
  })

  test('media that do not fit into a result stand behind all of them', () => {
    const model = 'mistral.mistral-large-2407-v1:0'
    expect(resultOf({ parts: [image] }, model)).toEqual({
      role: 'user',
      content: [
        { toolResult: { toolUseId: 'c', content: [{ text: 'See attached file 1.' }] } },
        { text: 'attached file 1:' },
        { image: { format: 'png', source: { bytes: 'iVBORw0KGgo=' } } },
      ],
    })
  })
})

describe('§5.7: thinking', () => {
  function asked(overrides: Partial<CommonRequest>, model: string) {
    const { body, codes } = write(overrides, { model })
    return { fields: body['additionalModelRequestFields'], limits: body['inferenceConfig'], codes }
  }

  test('Claude by budget, with the limit that it needs', () => {
    const sent = asked({ reasoning: { effort: 'low' }, sampling: { temperature: 0.5 } }, claude)
    expect(sent.fields).toEqual({ thinking: { type: 'enabled', budget_tokens: 2048 } })
    expect(sent.limits).toEqual({ maxTokens: 64_000 })
    expect(sent.codes).toContain('dropped:unknown_field')
  })

  test('§5.7-2: off is said', () => {
    expect(asked({ reasoning: { effort: 'none' } }, claude).fields).toEqual({ thinking: { type: 'disabled' } })
    expect(asked({ reasoning: { effort: 'none' } }, nova2).fields).toEqual({ reasoningConfig: { type: 'disabled' } })
  })

  test('§5.7-3: new Claude by adaptive thinking and effort', () => {
    expect(asked({ reasoning: { effort: 'high', visibility: 'summary' } }, adaptiveClaude).fields).toEqual({
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'high' },
    })
  })

  test.each([
    { model: nova2, effort: 'low', fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' } } },
    { model: nova2, effort: 'high', fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' } } },
    { model: gptOss, effort: 'medium', fields: { reasoning_effort: 'medium' } },
    { model: llama, effort: 'medium', fields: undefined },
  ] as const)('$model with effort $effort', ({ model, effort, fields }) => {
    expect(asked({ reasoning: { effort } }, model).fields).toEqual(fields)
  })

  test('Nova takes no limits when it thinks hard', () => {
    const sampling = { maxOutputTokens: 100, temperature: 0.1 }
    expect(asked({ reasoning: { effort: 'high' }, sampling }, nova2).limits).toBeUndefined()
    expect(asked({ reasoning: { effort: 'low' }, sampling }, nova2).limits).toMatchObject({ maxTokens: 100 })
  })

  test('§6.4: calls without signed thoughts: Claude does not think on by budget', () => {
    const unsigned = [said('user', 'q'), said('assistant', call('c', 'get_time', '')), said('user', result('c', 'x'))]
    const sent = asked({ messages: unsigned, tools: [time], reasoning: { effort: 'low' } }, claude)
    expect(sent.fields).toEqual({ thinking: { type: 'disabled' } })
    expect(sent.codes).toContain('adapted:thinking_disabled_missing_signature')
    const signed = asked({ messages: loop, tools: [weather, time], reasoning: { effort: 'low' } }, claude)
    expect(signed.fields).toMatchObject({ thinking: { type: 'enabled' } })
    // A turn that is over needs none.
    const over = asked(
      { messages: [...unsigned, said('assistant', 'a'), said('user', 'b')], reasoning: { effort: 'low' } },
      claude,
    )
    expect(over.fields).toMatchObject({ thinking: { type: 'enabled' } })
  })

  test.each([
    { name: 'of another form', opaque: { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'S' } as const },
    { name: 'of nobody', opaque: undefined },
  ])('§6.1: thoughts $name are left out', ({ opaque }) => {
    const thought: Part = { kind: 'reasoning', text: 'hm', style: 'summary', isRedacted: false, opaque }
    const { body, codes } = write(
      { messages: [said('user', 'q'), said('assistant', thought, 'a'), said('user', 'b')] },
      { model: claude },
    )
    expect(body['messages']).toMatchObject([{}, { content: [{ text: 'a' }] }, {}])
    expect(codes).toEqual(['dropped:foreign_reasoning'])
  })

  test('what may not be read goes back as it came', () => {
    const opaque = { form: 'converse', family: 'claude', kind: 'redacted', payload: 'AAEC' } as const
    const thought: Part = { kind: 'reasoning', text: '', style: 'summary', isRedacted: true, opaque }
    const { body } = write(
      { messages: [said('user', 'q'), said('assistant', thought, 'a'), said('user', 'b')] },
      { model: claude },
    )
    expect(body['messages']).toMatchObject([
      {},
      { content: [{ reasoningContent: { redactedContent: 'AAEC' } }, {}] },
      {},
    ])
  })
})
