import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { StreamForm } from '#core/endpoint.ts'
import { SaidText } from '#wire/said-text.ts'
import { plainStream, plainStreams } from '../../support/plain-streams.ts'
import { bytesOf, chatChunk, cutInTwo, dataEvent, inPieces, namedEvent } from '../../support/streams.ts'

function told(form: StreamForm, ...events: readonly string[]): SaidText {
  const said = new SaidText(form)
  said.see(bytesOf(events))
  return said
}

const pieces = ['Grüße, ', '模型 🙂', ' "[DONE]"\n\ndata: x', '']

describe('SaidText follows the text that the client has', () => {
  test.each([...plainStreams])('$name, event by event, however they are cut', ({ form, events }) => {
    const all = events(pieces)
    for (let count = 0; count <= all.length; count++) {
      const bytes = bytesOf(all.slice(0, count))
      const whole = told(form, ...all.slice(0, count))
      for (const size of [1, 7, 1000]) {
        const said = new SaidText(form)
        for (const piece of inPieces(bytes, size)) said.see(piece)
        expect([said.text, said.whyNot, said.soFar.step]).toEqual([whole.text, whole.whyNot, whole.soFar.step])
      }
    }
    const last = told(form, ...all)
    expect(last.whyNot).toBe('its end was told')
    expect(last.text).toBe('')
  })

  test.each([...plainStreams])('$name: the text is there as long as its end was not told', ({ form, events }) => {
    const all = events(pieces)
    const texts = all.map((_, index) => told(form, ...all.slice(0, index + 1))).filter((said) => said.canContinue)
    const isInLast = form === 'gemini_sse' || form === 'gemini_array'
    expect(texts.at(-1)?.text).toBe(isInLast ? pieces.slice(0, -1).join('') : pieces.join(''))
  })

  test.each([...plainStreams])('$name: nobody goes on with half of an event', ({ form, events }) => {
    const bytes = bytesOf(events(pieces).slice(0, 3))
    const places = [...cutInTwo(bytes)].map(([front]) => {
      const said = new SaidText(form)
      said.see(front)
      return said
    })
    expect(places.filter((said) => said.canContinue).length).toBeLessThan(12)
    for (const said of places) if (!said.canContinue) expect(said.whyNot).toBe('the client has half of an event')
    expect(places.at(-1)?.canContinue).toBe(true)
  })

  test('keep-alives of every kind change nothing', () => {
    const ping = namedEvent({ type: 'ping' })
    const empty = dataEvent({ candidates: [{ content: { role: 'model', parts: [] }, index: 0 }] })
    for (const type of ['ping', 'keepalive']) {
      for (const event of [dataEvent({ type }), namedEvent({ type })]) {
        expect(told('chat', chatChunk({ content: 'a' }), event).canContinue).toBe(true)
        expect(told('gemini_sse', event).canContinue).toBe(true)
      }
    }
    expect(told('chat', 'event: ping\ndata: \n\n').canContinue).toBe(true)
    expect(told('chat', ': keep-alive\n\n', chatChunk({ content: 'a' }), ': keep-alive\n\n').text).toBe('a')
    expect(told('messages', ping, ...plainStream('messages').events(['a', 'b']).slice(0, 4), ping).text).toBe('a')
    expect(told('gemini_sse', empty, ...plainStream('gemini_sse').events(['a', 'b']).slice(0, 1), empty).text).toBe('a')
    expect(told('gemini_array', '\n', ...plainStream('gemini_array').events(['a', 'b']).slice(0, 1), ' \n').text).toBe(
      'a',
    )
    expect(told('ndjson', '\n', ...plainStream('ndjson').events(['a', 'b']).slice(0, 1), '\n').canContinue).toBe(true)
  })

  test.each(['\r\n', '\r'])('line ends written %j are line ends', (lineEnd) => {
    const events = plainStream('messages').events(['a', 'b']).slice(0, 5)
    const said = told('messages', ...events.map((event) => event.replaceAll('\n', lineEnd)))
    expect([said.text, said.canContinue]).toEqual(['ab', true])
  })
})

const tool = { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }] }
const delta = (value: object): string => namedEvent({ type: 'content_block_delta', index: 0, delta: value })
const chunk = (candidate: object): string => dataEvent({ candidates: [candidate] })
const part = (value: object): string => chunk({ content: { parts: [value] } })
const line = (value: object): string => `${JSON.stringify(value)}\n`

const others: { form: StreamForm; event: string; why: string }[] = [
  { form: 'chat', event: chatChunk(tool), why: 'it holds a tool call' },
  { form: 'chat', event: chatChunk({ function_call: { name: 'f' } }), why: 'it holds a tool call' },
  { form: 'chat', event: chatChunk({ reasoning_content: 'hm' }), why: 'it holds reasoning' },
  { form: 'chat', event: chatChunk({ reasoning: 'hm' }), why: 'it holds reasoning' },
  { form: 'chat', event: chatChunk({ refusal: 'no' }), why: 'it holds "refusal"' },
  { form: 'chat', event: chatChunk({ audio: { data: 'x' } }), why: 'it holds "audio"' },
  { form: 'chat', event: chatChunk({ images: [{}] }), why: 'it holds "images"' },
  { form: 'chat', event: chatChunk({ content: [{ type: 'text', text: 'a' }] }), why: 'it holds content in parts' },
  { form: 'chat', event: chatChunk({ content: 'a' }, null, 1), why: 'it holds several choices' },
  { form: 'chat', event: dataEvent({ choices: [{}, {}] }), why: 'it holds several choices' },
  {
    form: 'chat',
    event: dataEvent({ choices: [{ delta: { content: 'a' }, logprobs: { content: [{ token: 'a' }] } }] }),
    why: 'it holds log probabilities',
  },
  {
    form: 'chat',
    event: dataEvent({ choices: [{ delta: { content: 'a' }, message: { content: 'a' } }] }),
    why: 'it holds the text twice',
  },
  { form: 'chat', event: chatChunk({ content: 'a' }, 'length'), why: 'its end was told' },
  { form: 'chat', event: dataEvent({ hello: 1 }), why: 'it holds an event without choices' },
  { form: 'chat', event: 'data: {"choices":\n\n', why: 'it holds an event that is no JSON object' },
  { form: 'completions', event: dataEvent({ choices: [{ text: 'a', index: 1 }] }), why: 'it holds several choices' },
  {
    form: 'completions',
    event: dataEvent({ choices: [{ text: 'a', logprobs: { tokens: [] } }] }),
    why: 'it holds log probabilities',
  },
  {
    form: 'responses',
    event: namedEvent({ type: 'response.output_item.added', output_index: 0, item: { type: 'reasoning' } }),
    why: 'it holds an output item that is no message',
  },
  {
    form: 'responses',
    event: namedEvent({ type: 'response.output_text.delta', output_index: 1, delta: 'a' }),
    why: 'it holds several output items',
  },
  {
    form: 'responses',
    event: namedEvent({ type: 'response.output_text.delta', content_index: 1, delta: 'a' }),
    why: 'it holds several output items',
  },
  {
    form: 'responses',
    event: namedEvent({ type: 'response.refusal.delta', delta: 'a' }),
    why: 'it holds "response.refusal.delta"',
  },
  {
    form: 'responses',
    event: namedEvent({ type: 'response.content_part.added', part: { type: 'refusal', refusal: '' } }),
    why: 'it holds a part that is no text',
  },
  {
    form: 'responses',
    event: namedEvent({ type: 'response.output_text.delta', delta: 'a', logprobs: [{}] }),
    why: 'it holds log probabilities',
  },
  {
    form: 'messages',
    event: delta({ type: 'thinking_delta', thinking: 'a' }),
    why: 'it holds a delta that is no text',
  },
  {
    form: 'messages',
    event: delta({ type: 'citations_delta', citation: {} }),
    why: 'it holds a delta that is no text',
  },
  {
    form: 'messages',
    event: namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'f' } }),
    why: 'it holds a content block that is no text',
  },
  {
    form: 'messages',
    event: namedEvent({ type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } }),
    why: 'it holds several content blocks',
  },
  {
    form: 'messages',
    event: namedEvent({ type: 'message_delta', delta: { stop_reason: 'x' } }),
    why: 'its end was told',
  },
  { form: 'messages', event: namedEvent({ type: 'novelty' }), why: 'it holds "novelty"' },
  { form: 'gemini_sse', event: part({ text: 'a', thought: true }), why: 'it holds reasoning' },
  { form: 'gemini_sse', event: part({ functionCall: {} }), why: 'it holds a tool call' },
  { form: 'gemini_sse', event: part({ inlineData: { data: '' } }), why: 'it holds "inlineData"' },
  { form: 'gemini_sse', event: part({ text: '', thoughtSignature: 's' }), why: 'it holds the signature of a thought' },
  { form: 'gemini_sse', event: chunk({ index: 1 }), why: 'it holds several candidates' },
  {
    form: 'gemini_sse',
    event: chunk({ logprobsResult: { chosenCandidates: [{}] } }),
    why: 'it holds "logprobsResult"',
  },
  {
    form: 'gemini_sse',
    event: dataEvent({ promptFeedback: { blockReason: 'SAFETY' } }),
    why: 'it holds a refusal of the prompt',
  },
  { form: 'gemini_array', event: '{"candidates":[]}', why: 'it holds an event that is no JSON object' },
  { form: 'ndjson', event: line({ message: { content: 'a', thinking: 'b' } }), why: 'it holds reasoning' },
  { form: 'ndjson', event: line({ message: { tool_calls: [{}] } }), why: 'it holds a tool call' },
  { form: 'ndjson', event: line({ message: { content: '', images: ['x'] } }), why: 'it holds "images"' },
  { form: 'ndjson', event: line({ response: 'a', thinking: 'b' }), why: 'it holds reasoning' },
  { form: 'ndjson', event: line({ message: { content: 'a' }, logprobs: [{}] }), why: 'it holds "logprobs"' },
  { form: 'ndjson', event: line({ status: 'pulling' }), why: 'it holds a line without a message' },
]

describe('SaidText keeps an error back, and can still be gone on with', () => {
  test.each<{ form: StreamForm; event: string }>([
    { form: 'chat', event: dataEvent({ error: { message: 'no' } }) },
    { form: 'messages', event: namedEvent({ type: 'error', error: { type: 'x' } }) },
    { form: 'ndjson', event: line({ error: 'no' }) },
  ])('$form', ({ form, event }) => {
    const said = told(form)
    expect(said.see(bytesOf([event, event]))).toBe(0)
    expect(said.canContinue).toBe(true)
  })

  test('bytes in front of the error may go out', () => {
    const said = told('chat')
    const good = dataEvent({ choices: [{ index: 0, delta: { content: 'more' } }] })
    expect(said.see(bytesOf([good, dataEvent({ error: { message: 'no' } })]))).toBe(good.length)
  })
})

describe('SaidText tells why nobody can go on', () => {
  test.each(others)('$form: $why', ({ form, event, why }) => {
    const said = told(form, event)
    expect(said.canContinue).toBe(false)
    expect(said.whyNot).toBe(why)
    said.see(bytesOf(plainStream(form).events(['more'])))
    expect([said.whyNot, said.text]).toEqual([why, ''])
  })

  test('a text that is very long, and an event that is very large', () => {
    const piece = chatChunk({ content: 'x'.repeat(300_000) })
    expect(told('chat', piece, piece, piece).canContinue).toBe(true)
    expect(told('chat', piece, piece, piece, piece).whyNot).toBe('its text is very long')
    const large = new SaidText('chat')
    for (let count = 0; count < 50; count++) large.see(new Uint8Array(100_000).fill(0x61))
    expect(large.whyNot).toBe('one of its events is very large')
  })

  test('a text that goes on behind its end', () => {
    const events = plainStream('messages').events(['a'])
    const stop = namedEvent({ type: 'content_block_stop', index: 0 })
    const said = told('messages', ...events.slice(0, 4), stop)
    expect([said.text, said.canContinue]).toEqual(['a', true])
    said.see(bytesOf(events.slice(3, 4)))
    expect(said.whyNot).toBe('its text went on behind its end')
  })

  test('no bytes whatever make it fail', () => {
    fc.assert(
      fc.property(fc.constantFrom(...plainStreams), fc.array(fc.uint8Array()), ({ form }, chunks) => {
        const said = new SaidText(form)
        for (const bytes of chunks) said.see(bytes)
        expect(said.canContinue).toBe(said.whyNot === undefined)
      }),
    )
  })
})
