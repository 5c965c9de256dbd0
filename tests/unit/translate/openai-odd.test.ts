import { describe, expect, test } from 'bun:test'
import { askedAs, answerOf, bytesOf, mainBackends, type Backend, type MainForm } from '../../support/dialect-asking.ts'
import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Call } from '#core/call.ts'
import { encode } from '#kit/bytes.ts'
import type { Translation } from '#translate/asked.ts'
import { isRejection, type Rejection } from '#translate/notes.ts'

const compatible: Backend = { form: 'chat', protocol: 'any', model: 'local' }
const mistral: Backend = { form: 'chat', protocol: 'mistral', model: 'mistral-large-latest' }
const image = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }

function isAsked(asked: Translation | Rejection): asked is Translation {
  return !isRejection(asked)
}

async function sent(from: MainForm, to: Backend, body: object): Promise<JsonObject> {
  const asked = await askedAs(from, to, body)
  if (!isAsked(asked)) throw new Error(`${asked.field}: ${asked.message}`)
  return asObject(JSON.parse(textOf(asked.call))) ?? {}
}

async function refused(from: MainForm, to: Backend, body: object): Promise<string> {
  const asked = await askedAs(from, to, body)
  return isAsked(asked) ? '' : `${asked.field}: ${asked.message}`
}

function textOf({ body }: Call): string {
  return new TextDecoder().decode(body)
}

/** What a client gets of a stream. */
async function told(from: MainForm, to: Backend, body: object, events: readonly object[]): Promise<string> {
  const asked = await askedAs(from, to, { ...body, stream: true }, true)
  if (!isAsked(asked)) throw new Error(asked.message)
  const bytes = encode(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''))
  const { text } = await bytesOf(asked.answer(answerOf(bytes, 'text/event-stream')))
  return text
}

describe('calls that a server tells whole, without ids (#17.18)', () => {
  const piece = (name: string, args: string, index?: number): object => ({
    id: 'c',
    choices: [
      {
        index: 0,
        delta: {
          tool_calls: [
            { ...(index !== undefined && { index }), type: 'function', function: { name, arguments: args } },
          ],
        },
        finish_reason: null,
      },
    ],
  })
  const done = { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }

  async function calls(...pieces: readonly object[]): Promise<readonly unknown[]> {
    const text = await told('responses', compatible, { input: 'q' }, [...pieces, done])
    const last = text.trim().split('\n').at(-1)?.slice('data: '.length) ?? ''
    const output = asList(asObject(asObject(JSON.parse(last))?.['response'])?.['output'])
    return output.map((item) => [asObject(item)?.['name'], asObject(item)?.['arguments']])
  }

  const both = [
    ['f', '{"a":1}'],
    ['g', '{"b":2}'],
  ]

  test('are as many as have a name behind whole arguments, with the same number or none', async () => {
    expect(await calls(piece('f', '{"a":1}'), piece('g', '{"b":2}'))).toEqual(both)
    expect(await calls(piece('f', '{"a":1}', 0), piece('g', '{"b":2}', 0))).toEqual(both)
    expect(await calls(piece('f', '{"a":1}'), piece('f', '{"a":2}'))).toEqual([
      ['f', '{"a":1}'],
      ['f', '{"a":2}'],
    ])
  })

  test('are one where the name comes with every piece of it', async () => {
    expect(await calls(piece('f', '{"a"'), piece('f', ':1}'), piece('f', ''))).toEqual([['f', '{"a":1}']])
  })
})

test('an answer is cut where only the name of the last event says so', async () => {
  const text = await told('chat', mainBackends.responses, { messages: [{ role: 'user', content: 'q' }] }, [
    { type: 'response.created', response: { id: 'resp_1' } },
    { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'x' },
    { type: 'response.incomplete', response: { id: 'resp_1', incomplete_details: { reason: 'max_output_tokens' } } },
  ])
  expect(text).toContain('"finish_reason":"length"')
})

describe('what a Chat backend is sent', () => {
  test('custom tools of two namespaces keep their own names, with their calls', async () => {
    const tool = { type: 'custom', name: 'run' }
    const { tools, messages } = await sent('responses', compatible, {
      tools: [
        { type: 'function', name: 'run', parameters: {} },
        { type: 'namespace', name: 'a', tools: [tool] },
        { type: 'namespace', name: 'b', tools: [tool] },
      ],
      input: [
        { role: 'user', content: 'q' },
        { type: 'custom_tool_call', call_id: 'c1', namespace: 'b', name: 'run', input: 'x' },
        { type: 'custom_tool_call_output', call_id: 'c1', output: 'y' },
      ],
    })
    expect(asList(tools).map((one) => asObject(asObject(one)?.['function'])?.['name'])).toEqual([
      'run',
      'a__run',
      'b__run',
    ])
    expect(asList(messages)[1]).toMatchObject({ tool_calls: [{ function: { name: 'b__run' } }] })
  })

  test('images that the model made are shown to it by the user, behind the results of its calls', async () => {
    const call = { functionCall: { name: 'f', args: {} } }
    const { messages } = await sent('gemini', compatible, {
      contents: [
        { role: 'user', parts: [{ text: 'draw' }] },
        { role: 'model', parts: [{ text: 'Here.' }, image, call] },
        { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: 'r' } } }, { text: 'redder' }] },
        { role: 'model', parts: [image] },
      ],
    })
    const shown = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }
    expect(asList(messages)).toMatchObject([
      { role: 'user', content: 'draw' },
      { role: 'assistant', content: 'Here.' },
      { role: 'tool', content: 'r' },
      { role: 'user', content: [shown, { type: 'text', text: 'redder' }] },
      { role: 'user', content: [shown] },
    ])
  })

  test('ids of files go to OpenAI, which has them, and to nobody else (§3)', async () => {
    const body = { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] }
    expect(await sent('responses', mainBackends.chat, body)).toMatchObject({
      messages: [{ content: [{ type: 'file', file: { file_id: 'file-1' } }] }],
    })
    expect(await refused('responses', compatible, body)).toContain('a file of another provider is not supported')
  })

  test('documents are told to Mistral in its own word (§12.5)', async () => {
    const document = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjQK' }
    const body = {
      max_tokens: 10,
      messages: [{ role: 'user', content: [{ type: 'document', title: 'a', source: document }] }],
    }
    const content = [
      { type: 'document_url', document_url: 'data:application/pdf;base64,JVBERi0xLjQK', document_name: 'a.pdf' },
    ]
    expect(await sent('messages', mistral, body)).toMatchObject({ messages: [{ content }] })
  })

  test('speech for clients of Gemini is asked for, and told, in the format that both stream', async () => {
    const speechConfig = { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'alloy' } } }
    const body = {
      contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
      generationConfig: { responseModalities: ['AUDIO'], speechConfig },
    }
    expect(await sent('gemini', compatible, body)).toMatchObject({
      modalities: ['text', 'audio'],
      audio: { voice: 'alloy', format: 'pcm16' },
    })
    const text = await told('gemini', compatible, body, [
      { id: 'c', choices: [{ index: 0, delta: { audio: { id: 'a', data: 'AAAA' } }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    ])
    expect(text).toContain('"mimeType":"audio/L16;codec=pcm;rate=24000"')
  })
})

describe('requests of very many parts', () => {
  const many = <One>(count: number, one: (index: number) => One): readonly One[] =>
    Array.from({ length: count }, (_, index) => one(index))

  test('are written in the time that their length takes', async () => {
    const cached = { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }
    const detail = (index: number): object => ({ type: 'reasoning.text', text: 'a', signature: 's', index })
    const tool = (index: number): object => ({ type: 'function', name: `f${index}` })
    const asks: readonly (() => Promise<unknown>)[] = [
      async () =>
        await sent('messages', mainBackends.responses, {
          max_tokens: 10,
          messages: [{ role: 'user', content: many(40_000, () => cached) }],
        }),
      async () =>
        await sent('chat', mainBackends.responses, {
          messages: [
            { role: 'user', content: 'q' },
            { role: 'assistant', content: 'a', reasoning_details: many(100_000, detail) },
          ],
        }),
      async () =>
        await sent('responses', mainBackends.chat, {
          input: 'q',
          tools: many(20_000, tool),
          tool_choice: { type: 'allowed_tools', mode: 'auto', tools: many(20_000, (index) => tool(19_999 - index)) },
        }),
    ]
    for (const ask of asks) {
      const beganMs = performance.now()
      await ask()
      expect(performance.now() - beganMs).toBeLessThan(1500)
    }
  }, 60_000)

  test('do not overflow anything', async () => {
    const body = {
      input: [
        { role: 'assistant', content: many(1_000_000, () => 'a') },
        { role: 'user', content: 'q' },
      ],
    }
    const { messages } = await sent('responses', compatible, body)
    expect(asList(messages)).toHaveLength(2)
  })
})
