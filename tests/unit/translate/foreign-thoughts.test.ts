import { describe, expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { mayHoldThoughts, withoutForeignThoughts } from '#translate/foreign-thoughts.ts'
import { sealed } from '#translate/opaque.ts'

const envelope = sealed({ form: 'gemini', family: 'gemini', kind: 'signature', payload: 'c2ln' })
const inBase64 = Buffer.from(envelope).toString('base64')

function cleaned(form: string, body: object): unknown {
  const sent = encode(JSON.stringify(body))
  const bytes = mayHoldThoughts(form, sent) ? withoutForeignThoughts(form, sent) : undefined
  return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString())
}

const user = { role: 'user', content: 'q' }

describe('a conversation that began at a backend of another form', () => {
  test('loses its thoughts before it goes on at Claude, and no turn is left empty', () => {
    const own = { type: 'thinking', thinking: 'mine', signature: 'EqQB' }
    const messages = [
      user,
      { role: 'assistant', content: [{ type: 'thinking', thinking: 't', signature: envelope }] },
      {
        role: 'assistant',
        content: [own, { type: 'redacted_thinking', data: envelope }, { type: 'text', text: 'a' }],
      },
    ]
    expect(cleaned('messages', { model: 'm', messages })).toEqual({
      model: 'm',
      messages: [user, { role: 'assistant', content: [own, { type: 'text', text: 'a' }] }],
    })
  })

  test('is counted by Gemini without them, wherever it stands in the request', () => {
    const contents = [{ role: 'model', parts: [{ text: 'a', thoughtSignature: inBase64 }] }]
    const without = [{ role: 'model', parts: [{ text: 'a' }] }]
    expect(cleaned('gemini', { contents })).toEqual({ contents: without })
    expect(cleaned('gemini', { generateContentRequest: { model: 'm', contents } })).toEqual({
      generateContentRequest: { model: 'm', contents: without },
    })
  })

  test('goes on without thinking by budget where the turn that is going on has lost its thought (§6.4)', () => {
    const use = { type: 'tool_use', id: 'c', name: 'f', input: {} }
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: 'r' }] }
    const turn = (first: object): unknown[] => [user, { role: 'assistant', content: [first, use] }, result]
    const foreign = { type: 'thinking', thinking: 't', signature: envelope }
    const thinking = { type: 'enabled', budget_tokens: 2000 }
    expect(cleaned('messages', { thinking, messages: turn(foreign) })).toMatchObject({ thinking: { type: 'disabled' } })
    expect(cleaned('messages', { thinking, messages: [...turn(foreign), user] })).toMatchObject({ thinking })
    const adaptive = { type: 'adaptive' }
    expect(cleaned('messages', { thinking: adaptive, messages: turn(foreign) })).toMatchObject({ thinking: adaptive })
  })

  test('loses its reasoning items before it goes on at OpenAI', () => {
    const own = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' }
    const foreign = { type: 'reasoning', id: 'rs_2', summary: [], encrypted_content: envelope }
    expect(cleaned('responses', { input: [user, foreign, own], store: false })).toEqual({
      input: [user, own],
      store: false,
    })
  })

  test('loses details and signatures of calls before it goes on in Chat', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{"n":12345678901234567890}' } }
    const message = {
      role: 'assistant',
      content: null,
      reasoning_details: [{ type: 'reasoning.text', text: 't', signature: envelope }],
      tool_calls: [{ ...call, extra_content: { google: { thought_signature: envelope } } }],
    }
    expect(cleaned('chat', { messages: [user, message] })).toEqual({
      messages: [user, { role: 'assistant', content: null, tool_calls: [call] }],
    })
  })

  test('says at Gemini that its calls have no signature', () => {
    const contents = [
      {
        role: 'model',
        parts: [
          { text: 'a', thoughtSignature: inBase64 },
          { functionCall: { name: 'f', args: {} }, thoughtSignature: inBase64 },
          { functionCall: { name: 'g', args: {} }, thoughtSignature: 'T1dO' },
        ],
      },
    ]
    expect(cleaned('gemini', { contents })).toEqual({
      contents: [
        {
          role: 'model',
          parts: [
            { text: 'a' },
            { functionCall: { name: 'f', args: {} }, thoughtSignature: 'skip_thought_signature_validator' },
            { functionCall: { name: 'g', args: {} }, thoughtSignature: 'T1dO' },
          ],
        },
      ],
    })
  })
})

test.each([
  { form: 'messages', body: { messages: [user] } },
  { form: 'messages', body: { messages: [{ role: 'user', content: [{ type: 'text', text: envelope }] }] } },
  { form: 'embeddings', body: { input: `about ${envelope}` } },
])('a body of the form $form without any is left alone', ({ form, body }) => {
  expect(cleaned(form, body)).toBeUndefined()
})
