import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { describe, expect, test } from 'bun:test'
import OpenAI from 'openai'
import type { StreamForm } from '#core/endpoint.ts'
import { openGate } from '#wire/gate.ts'
import { headersOfForm, keepAlive, keepAliveJson } from '#wire/keep-alive.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { HeadJudge } from '#wire/stream-head.ts'
import { streamError } from '#wire/stream-error.ts'
import { bytesOf, sampleStreams, type SampleStream } from '../../support/streams.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The stream as a client gets it through a gate, with a sign of life wherever one may stand before its end. */
function withSigns({ form, events, endAt }: SampleStream): string {
  const gate = openGate(form)
  const sign = decoder.decode(keepAlive(form))
  return events
    .map((event, index) => {
      const mayStand = gate.position !== 'inside' && index <= endAt
      return (mayStand ? sign : '') + decoder.decode(gate.push(encoder.encode(event)))
    })
    .join('')
}

function sampleOf(form: StreamForm): SampleStream {
  const sample = sampleStreams.find((each) => each.form === form)
  if (sample === undefined) throw new Error(`There is no stream of the form ${form}`)
  return sample
}

async function itemsOf(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const item of stream) items.push(item)
  return items
}

function answering(text: string): () => Promise<Response> {
  return async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } })
}

type Read = (text: string) => Promise<unknown[]>

const openai = (text: string): OpenAI =>
  new OpenAI({ apiKey: 'k', baseURL: 'http://loopback.invalid/v1', maxRetries: 0, fetch: answering(text) })

const readers: { name: string; form: StreamForm; read: Read }[] = [
  {
    name: 'openai, chat',
    form: 'chat',
    read: async (text) =>
      await itemsOf(await openai(text).chat.completions.create({ model: 'm', messages: [], stream: true })),
  },
  {
    name: 'openai, completions',
    form: 'completions',
    read: async (text) =>
      await itemsOf(await openai(text).completions.create({ model: 'm', prompt: 'x', stream: true })),
  },
  {
    name: 'openai, responses',
    form: 'responses',
    read: async (text) => await itemsOf(await openai(text).responses.create({ model: 'm', input: 'x', stream: true })),
  },
  {
    name: 'anthropic',
    form: 'messages',
    async read(text) {
      const client = new Anthropic({ apiKey: 'k', baseURL: 'http://loopback.invalid', fetch: answering(text) })
      const events = await client.messages.create({ model: 'm', max_tokens: 1, messages: [], stream: true })
      const items = await itemsOf(events)
      return items.filter((item) => JSON.stringify(item) !== '{"type":"ping"}')
    },
  },
  {
    name: 'google, events',
    form: 'gemini_sse',
    async read(text) {
      using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answering(text) })
      const client = new GoogleGenAI({ apiKey: 'k', httpOptions: { baseUrl: server.url.href } })
      const chunks = await client.models.generateContentStream({ model: 'm', contents: 'x' })
      const parts: unknown[] = []
      for await (const { candidates } of chunks) {
        parts.push(...(candidates?.[0]?.content?.parts ?? []))
        if (candidates?.[0]?.finishReason !== undefined) parts.push(candidates[0].finishReason)
      }
      return parts
    },
  },
  { name: 'any JSON parser, a Gemini array', form: 'gemini_array', read: async (text) => JSON.parse(text) },
  {
    name: 'a parser that takes every line for JSON, as the Ollama clients do',
    form: 'ndjson',
    read: async (text) => text.split(/\n(?!$)/).map((line) => JSON.parse(line)),
  },
]

describe('keepAlive()', () => {
  test.each(readers)(
    'F32: changes nothing of what $name reads, before everything and between events',
    async (reader) => {
      const sample = sampleOf(reader.form)
      const signed = withSigns(sample)
      const plain = sample.events.join('')
      const sign = decoder.decode(keepAlive(reader.form))
      expect(signed.length).toBe(plain.length + (sample.endAt + 1) * sign.length)
      const read = await reader.read(plain)
      expect(read.length).toBeGreaterThan(2)
      expect(await reader.read(signed)).toEqual(read)
    },
  )

  test.each([...sampleStreams])('says nothing to those who judge $name', (sample) => {
    const { form, events, endAt, contentAt } = sample
    const head = new HeadJudge(form)
    for (const event of events.slice(0, contentAt)) {
      expect(head.push(keepAlive(form))).toBe('more')
      expect(head.push(encoder.encode(event))).toBe('more')
    }
    const end = new StreamEnd(form)
    end.see(encoder.encode(withSigns({ ...sample, events: events.slice(0, endAt) })))
    end.see(keepAlive(form))
    expect(end.verdict()).toBe('incomplete')
    for (const event of events.slice(endAt)) end.see(encoder.encode(event))
    expect(end.verdict()).toBe('complete')
  })

  test.each([...sampleStreams])('may stand in front of the error that ends $name', ({ form }) => {
    const fault = { code: 'upstream_timeout', message: 'no', requestId: 'r', position: 'start' } as const
    const [first = new Uint8Array()] = streamError(form, fault)
    const end = new StreamEnd(form)
    end.see(bytesOf([decoder.decode(keepAlive(form)), decoder.decode(first)]))
    expect(end.verdict()).toBe('errored')
  })
})

test('keepAliveJson is blank in front of any JSON', () => {
  expect(JSON.parse(decoder.decode(keepAliveJson).repeat(3) + '{"a":1}')).toEqual({ a: 1 })
})

test.each([
  { form: 'chat', type: 'text/event-stream; charset=utf-8' },
  { form: 'messages', type: 'text/event-stream; charset=utf-8' },
  { form: 'gemini_sse', type: 'text/event-stream; charset=utf-8' },
  { form: 'gemini_array', type: 'application/json; charset=UTF-8' },
  { form: 'ndjson', type: 'application/x-ndjson' },
  { form: 'json', type: 'application/json' },
] as const)('headersOfForm() of $form has the type $type', ({ form, type }) => {
  expect(headersOfForm(form)).toEqual([['content-type', type]])
})
