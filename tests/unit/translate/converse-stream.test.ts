import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { CommonEvent, Part } from '#translate/common.ts'
import { converseBackend } from '#translate/converse/backend.ts'
import { AwsEvents } from '#wire/aws-events.ts'
import { awsEvent, awsException } from '../../support/aws-frames.ts'
import { bodyOf, facts, opaque } from '../../support/converse-answers.ts'

function streamed(...frames: readonly Uint8Array[]): readonly CommonEvent[] {
  const events = new AwsEvents()
  const reader = converseBackend.openReader(facts)
  const framed = [...frames.flatMap((frame) => events.push(frame)), ...events.end()]
  return [...framed.flatMap(({ name, data }) => reader.push(name, data)), ...reader.end()]
}

const start = awsEvent('messageStart', { role: 'assistant', p: 'ab' })
const stop = awsEvent('messageStop', { stopReason: 'end_turn' })
const metadata = awsEvent('metadata', { usage: { inputTokens: 20, outputTokens: 45, cacheReadInputTokens: 100 } })

function delta(contentBlockIndex: number, told: object): Buffer {
  return awsEvent('contentBlockDelta', { contentBlockIndex, delta: told, p: 'abc' })
}

function begin(contentBlockIndex: number, told: object): Buffer {
  return awsEvent('contentBlockStart', { contentBlockIndex, start: told })
}

function end(contentBlockIndex: number): Buffer {
  return awsEvent('contentBlockStop', { contentBlockIndex })
}

const begun = { event: 'start', id: `msg_${'x'.repeat(24)}`, model: facts.model, createdAt: facts.nowSeconds } as const
const told = [
  { event: 'usage', usage: { input: 120, cacheRead: 100, output: 45 } },
  { event: 'finish', choice: 0, finish: { reason: 'stop', native: 'end_turn' } },
  { event: 'end' },
] as const

describe('§11.1: a stream of Converse', () => {
  test('a turn with a thought, a text and two calls', () => {
    const events = streamed(
      start,
      delta(0, { reasoningContent: { text: 'Let me ' } }),
      delta(0, { reasoningContent: { text: 'check both.' } }),
      delta(0, { reasoningContent: { signature: 'SI' } }),
      delta(0, { reasoningContent: { signature: 'G' } }),
      end(0),
      delta(1, { text: '' }),
      delta(1, { text: 'Checking.' }),
      end(1),
      begin(2, { toolUse: { toolUseId: 'call_A1', name: 'get_weather' } }),
      delta(2, { toolUse: { input: '' } }),
      delta(2, { toolUse: { input: '{"ci' } }),
      delta(2, { toolUse: { input: 'ty":"Paris"}' } }),
      end(2),
      begin(3, { toolUse: { toolUseId: 'call_B2', name: 'get_time' } }),
      end(3),
      awsEvent('messageStop', { stopReason: 'tool_use' }),
      metadata,
    )
    const call = { kind: 'tool_call', isCustom: false, tool: 'function' } as const
    expect(events).toEqual([
      begun,
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'reasoning', style: 'summary', isRedacted: false } },
      { event: 'part_delta', choice: 0, part: 0, text: 'Let me ' },
      { event: 'part_delta', choice: 0, part: 0, text: 'check both.' },
      { event: 'part_meta', choice: 0, part: 0, meta: { opaque } },
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'part_start', choice: 0, part: 1, head: { kind: 'text' } },
      { event: 'part_delta', choice: 0, part: 1, text: 'Checking.' },
      { event: 'part_end', choice: 0, part: 1 },
      { event: 'part_start', choice: 0, part: 2, head: { ...call, id: 'call_A1', name: 'get_weather' } },
      { event: 'part_delta', choice: 0, part: 2, text: '{"ci' },
      { event: 'part_delta', choice: 0, part: 2, text: 'ty":"Paris"}' },
      { event: 'part_end', choice: 0, part: 2 },
      { event: 'part_start', choice: 0, part: 3, head: { ...call, id: 'call_B2', name: 'get_time' } },
      { event: 'part_delta', choice: 0, part: 3, text: '{}' },
      { event: 'part_end', choice: 0, part: 3 },
      told[0],
      { event: 'finish', choice: 0, finish: { reason: 'tool_calls', native: 'tool_use' } },
      told[2],
    ])
  })

  test.each([
    { name: 'a stop of its own', frames: [delta(0, { text: 'a' }), end(0), delta(1, { text: 'b' }), end(1)] },
    { name: 'another block', frames: [delta(0, { text: 'a' }), delta(1, { text: 'b' })] },
    {
      name: 'a stop of another block, which closes nothing',
      frames: [delta(0, { text: 'a' }), end(7), delta(1, { text: 'b' })],
    },
  ])('a block ends by $name', ({ frames }) => {
    const events = streamed(...frames, stop, metadata)
    const block = 'part_start part_delta part_end'
    expect(events.map(({ event }) => event).join(' ')).toBe(`start ${block} ${block} usage finish end`)
  })

  test.each([
    { name: 'behind the end', frames: [delta(0, { text: 'a' }), stop, metadata], last: told },
    { name: 'before the end', frames: [delta(0, { text: 'a' }), metadata, stop], last: told },
    { name: 'nowhere', frames: [delta(0, { text: 'a' }), stop], last: told.slice(1) },
  ])('the usage stands $name', ({ frames, last }) => {
    expect(streamed(...frames).filter(({ event }) => ['usage', 'finish', 'end'].includes(event))).toEqual([...last])
  })

  test('the stop sequence of Claude stands in a delta', () => {
    const fields = { delta: { stop_sequence: 'END' } }
    const events = streamed(
      delta(0, { text: 'a' }),
      awsEvent('messageStop', { stopReason: 'stop_sequence', additionalModelResponseFields: fields }),
    )
    expect(events.find(({ event }) => event === 'finish')).toMatchObject({ finish: { stopSequence: 'END' } })
  })

  test('what may not be read is a part without text', () => {
    const redacted = streamed(delta(0, { reasoningContent: { redactedContent: 'AAEC' } }), end(0), stop, metadata)
    expect(redacted.slice(1, 4)).toEqual([
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'reasoning', style: 'summary', isRedacted: true } },
      { event: 'part_meta', choice: 0, part: 0, meta: { opaque: { ...opaque, kind: 'redacted', payload: 'AAEC' } } },
      { event: 'part_end', choice: 0, part: 0 },
    ])
  })

  test('citations, pictures and what a provider’s own tool was asked', () => {
    const events = streamed(
      delta(0, { text: 'a' }),
      delta(0, { citation: { title: 'T' } }),
      end(0),
      begin(1, { image: { format: 'png' } }),
      delta(1, { image: { source: { bytes: Buffer.from('ab').toString('base64') } } }),
      delta(1, { image: { source: { bytes: Buffer.from('cd').toString('base64') } } }),
      end(1),
      begin(2, { toolUse: { toolUseId: 's', name: 'grounding', type: 'server_tool_use' } }),
      delta(2, { toolUse: { input: '{}' } }),
      end(2),
      stop,
      metadata,
    )
    const heads = events.flatMap((event) => (event.event === 'part_start' ? [event.head] : []))
    expect(heads).toEqual([
      { kind: 'text' },
      {
        kind: 'media',
        part: {
          kind: 'media',
          medium: 'image',
          mime: 'image/png',
          source: { base64: Buffer.from('abcd').toString('base64') },
        },
      },
      { kind: 'native', part: expect.objectContaining({ type: 'toolUse' }) },
    ])
    expect(events.find(({ event }) => event === 'part_meta')).toMatchObject({
      meta: { annotation: { kind: 'other', title: 'T' } },
    })
  })

  test.each([
    { name: 'an exception', last: awsException('throttlingException', { message: 'slow down' }), kind: 'rate_limit' },
    { name: 'another', last: awsException('modelStreamErrorException', { message: 'x' }), kind: 'upstream_failed' },
    {
      name: 'one of the service',
      last: awsException('serviceUnavailableException', { message: 'x' }),
      kind: 'overloaded',
    },
    {
      name: 'one of validation',
      last: awsException('validationException', { message: 'Input is too long' }),
      kind: 'context_overflow',
    },
    { name: 'bytes that are no frame', last: Buffer.from('<html>502 Bad Gateway</html>'), kind: 'upstream_failed' },
  ])('§8.4: $name ends it with an error', ({ last, kind }) => {
    const events = streamed(start, delta(0, { text: 'a' }), last, stop, metadata)
    expect(events.at(-1)).toMatchObject({ event: 'error', error: { kind } })
    expect(events.filter(({ event }) => event === 'error' || event === 'finish' || event === 'end')).toHaveLength(1)
  })

  test.each([
    { name: 'between frames', bytes: Buffer.concat([start, delta(0, { text: 'a' })]) },
    { name: 'within a frame', bytes: Buffer.concat([start, delta(0, { text: 'a' }), stop.subarray(0, 20)]) },
    { name: 'before anything', bytes: Buffer.alloc(0) },
  ])('a stream that was cut $name is not complete', ({ bytes }) => {
    expect(streamed(bytes).at(-1)).toMatchObject({
      event: 'error',
      error: { kind: 'upstream_failed', code: 'stream_incomplete' },
    })
  })

  test('signs of life are none of errors, other events that are no JSON are', () => {
    const reader = converseBackend.openReader(facts)
    expect(reader.push('x', 'ping')).toEqual([{ event: 'keepalive' }])
    expect(reader.push('x', '{')).toMatchObject([{ event: 'error', error: { kind: 'upstream_failed' } }])
    expect(reader.end()).toEqual([])
  })

  test('§11.9: a stream says what the body of the same answer says', () => {
    const text = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    const block = fc.oneof(
      text.map((own) => ({ text: own })),
      fc
        .tuple(text, text)
        .map(([own, signature]) => ({ reasoningContent: { reasoningText: { text: own, signature } } })),
      fc
        .tuple(text, fc.dictionary(text, text))
        .map(([name, input]) => ({ toolUse: { toolUseId: `id_${name}`, name, input } })),
    )
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), fc.integer({ min: 1, max: 5 }), (content, size) => {
        const frames = content.flatMap((own, index) => framesOf(own, index, size))
        expect(partsIn(streamed(...frames, stop))).toEqual(bodyOf(content).choices[0]?.parts.map(plain) ?? [])
      }),
    )
  })
})

interface Block {
  readonly text?: string
  readonly reasoningContent?: { readonly reasoningText: { readonly text: string; readonly signature: string } }
  readonly toolUse?: { readonly toolUseId: string; readonly name: string; readonly input: unknown }
}

function framesOf({ text, reasoningContent, toolUse }: Block, index: number, size: number): readonly Buffer[] {
  if (toolUse !== undefined) {
    const { input, ...head } = toolUse
    const deltas = pieces(JSON.stringify(input), size).map((piece) => delta(index, { toolUse: { input: piece } }))
    return [begin(index, { toolUse: head }), ...deltas, end(index)]
  }
  if (reasoningContent !== undefined) {
    const { text: thought, signature } = reasoningContent.reasoningText
    const deltas = pieces(thought, size).map((piece) => delta(index, { reasoningContent: { text: piece } }))
    return [...deltas, delta(index, { reasoningContent: { signature } }), end(index)]
  }
  return [...pieces(text ?? '', size).map((piece) => delta(index, { text: piece })), end(index)]
}

/** Whole characters, since JSON would make something else of half ones. */
function pieces(text: string, size: number): readonly string[] {
  const all = Array.from(text)
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size).join(''))
}

function partsIn(events: readonly CommonEvent[]): unknown[] {
  const parts: { kind: string; name?: string; text: string; signature?: string }[] = []
  for (const event of events) {
    const part = parts.at(-1)
    if (event.event === 'part_start') {
      parts.push({ kind: event.head.kind, ...('name' in event.head && { name: event.head.name }), text: '' })
    } else if (part !== undefined && event.event === 'part_delta') part.text += event.text
    else if (part !== undefined && event.event === 'part_meta' && event.meta.opaque)
      part.signature = event.meta.opaque.payload
  }
  return parts
}

function plain(part: Part): unknown {
  if (part.kind === 'text') return { kind: 'text', text: part.text }
  if (part.kind === 'reasoning') return { kind: 'reasoning', text: part.text, signature: part.opaque?.payload }
  if (part.kind !== 'tool_call' || !('value' in part.args)) return part
  return { kind: 'tool_call', name: part.name, text: JSON.stringify(part.args.value) }
}
