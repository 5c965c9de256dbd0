import { describe, expect, test } from 'bun:test'
import { modelIn, retell } from '#cache/retell.ts'

const digits = '"id":12345678901234567890,"share":1.0'
const call = `{"functionCall":{"id":"f","name":"g","args":{"model":"other",${digits}}},"thoughtSignature":"two"}`
const sse = (...events: string[]): string => events.map((event) => `data: ${event}\r\n\r\n`).join('')

describe('C312 an answer in the other framing has every member and every digit', () => {
  test('Gemini: whole as a stream is one event of it, on one line', () => {
    const body = `{\n "candidates": [{"content":{"role":"model","parts":[{"text":"a\\nb"},${call}]},"finishReason":"STOP","citationMetadata":{}}],\n "responseId":"r"}`
    const told = retell('gemini', body, true) ?? ''
    expect(told.trimEnd().split('\n')).toHaveLength(1)
    expect(told).toContain(digits)
    expect(retell('gemini', told, false)).toContain('"citationMetadata":{}')
    expect(JSON.parse(retell('gemini', told, false) ?? '')).toEqual(JSON.parse(body))
  })

  test('Gemini: a stream as a whole joins texts, and leaves alone what is signed', () => {
    const told = retell(
      'gemini',
      sse(
        '{"candidates":[{"content":{"role":"model","parts":[{"text":"h","thought":true}]},"index":0}],"responseId":"r"}',
        '{"candidates":[{"content":{"role":"model","parts":[{"text":"m","thought":true}]},"index":0}]}',
        '{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"index":0},{"content":{"parts":[{"text":"x"}]},"index":1}]}',
        '{"candidates":[{"content":{"role":"model","parts":[{"text":"b"},{"text":"c","thoughtSignature":"one"}]},"index":0}]}',
        `{"candidates":[{"content":{"role":"model","parts":[${call}]},"index":0,"finishReason":"STOP","groundingMetadata":{"q":1}}],"usageMetadata":{"totalTokenCount":3}}`,
      ),
      false,
    )
    expect(told).toContain(digits)
    expect(JSON.parse(told ?? '')).toMatchObject({
      responseId: 'r',
      usageMetadata: { totalTokenCount: 3 },
      candidates: [
        {
          finishReason: 'STOP',
          groundingMetadata: { q: 1 },
          content: {
            role: 'model',
            parts: [
              { text: 'hm', thought: true },
              { text: 'ab' },
              { text: 'c', thoughtSignature: 'one' },
              { thoughtSignature: 'two' },
            ],
          },
        },
        { index: 1, content: { parts: [{ text: 'x' }] } },
      ],
    })
  })

  test('Ollama: both ways', () => {
    const lines = [
      '{"model":"m","message":{"role":"assistant","content":"a","thinking":"t"},"done":false}',
      `{"model":"m","message":{"role":"assistant","content":"b","tool_calls":[{"function":{"name":"f","arguments":{${digits}}}}]},"done":false}`,
      '{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":2}',
    ]
    const whole = retell('ollama', `${lines.join('\n')}\n`, false) ?? ''
    expect(whole).toContain(digits)
    expect(JSON.parse(whole)).toMatchObject({
      message: { role: 'assistant', content: 'ab', thinking: 't', tool_calls: [{}] },
      done: true,
      eval_count: 2,
    })
    expect(retell('ollama', whole, true)).toBe(`${whole}\n`)
  })

  test('Messages: whole as a stream, with signatures, citations, cached tokens and blocks of no known type', () => {
    const body = `{"content":[{"type":"thinking","thinking":"hm","signature":"s=="},{"type":"text","text":"a","citations":[{"cited_text":"q"}]},{"type":"tool_use","id":"toolu_1","name":"f","input":{"model":"other",${digits}}},{"type":"new_kind","x":1}],"id":"msg_1","type":"message","role":"assistant","model":"claude","stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":1}}}`
    const told = retell('messages', body, true) ?? ''
    const events: Record<string, unknown>[] = told
      .trimEnd()
      .split('\n\n')
      .map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)))
    expect(events[0]).toMatchObject({
      message: { id: 'msg_1', model: 'claude', content: [], stop_reason: null, usage: { input_tokens: 9 } },
    })
    expect(events.flatMap(({ delta }) => (delta === undefined ? [] : [delta]))).toEqual([
      { type: 'thinking_delta', thinking: 'hm' },
      { type: 'signature_delta', signature: 's==' },
      { type: 'citations_delta', citation: { cited_text: 'q' } },
      { type: 'text_delta', text: 'a' },
      { type: 'input_json_delta', partial_json: `{"model":"other",${digits}}` },
      { stop_reason: 'tool_use', stop_sequence: null },
    ])
    expect(told).toContain('"content_block":{"type":"new_kind","x":1}')
    expect(events.at(-2)).toMatchObject({ usage: { output_tokens: 5, cache_creation: {} } })
    expect(told).toEndWith('event: message_stop\ndata: {"type":"message_stop"}\n\n')
  })

  test('what is no such answer is told by nobody, and members of any name harm nothing', () => {
    for (const form of ['gemini', 'ollama', 'messages', 'chat'] as const) {
      for (const text of ['', 'x', '[]', '1', 'data: x\n\n', '{"content":[1]}\n{'])
        expect(retell(form, text, false)).toBeUndefined()
      for (const text of ['', 'x', '[]', '1.0']) expect(retell(form, text, true)).toBeUndefined()
    }
    expect(retell('gemini', 'data: {"__proto__":{"x":1},"candidates":[1]}\n\n', false)).toContain('"__proto__":{"x":1}')
    expect(retell('ollama', '{"message":{"__proto__":{"content":"x"}}}\n', false)).toContain('"__proto__"')
  })
})

test('the model is that of the answer, and none that a call of a tool names', () => {
  expect(modelIn('{"content":[{"input":{"model":"other"}}],"model":"own"}')).toBe('own')
  expect(modelIn('event: message_start\ndata: {"message":{"model":"own"}}\n\n')).toBe('own')
  expect(modelIn('data: {"type":"response.created","response":{"model":"own"}}\n\n')).toBe('own')
  expect(modelIn('data: {"candidates":[{"args":{"model":"other"}}],"modelVersion":"own"}\n\n')).toBe('own')
  expect(modelIn('{"a":{"model":"other"}}')).toBeUndefined()
})
