import { describe, expect, test } from 'bun:test'
import type { MediaPart, Message, Part } from '#translate/common.ts'
import { estimateTokens } from '#translate/token-estimate.ts'
import { commonRequest } from '../../support/common-request.ts'

function said(...parts: readonly Part[]): readonly Message[] {
  return [{ role: 'user', parts, placement: 'inline' }]
}

function estimate(...parts: readonly Part[]): number {
  return estimateTokens(commonRequest({ messages: said(...parts) }))
}

function text(words: string): Part {
  return { kind: 'text', text: words }
}

function media(says: Partial<MediaPart>): MediaPart {
  return { kind: 'media', medium: 'image', mime: '', source: { url: 'https://example.com/x' }, ...says }
}

describe('estimateTokens() (§14.3)', () => {
  test('of Latin text', () => {
    expect(estimate(text('x'.repeat(3200)))).toBe(Math.ceil((1000 + 4) * 1.1))
  })

  test('of Chinese, Japanese and Korean', () => {
    for (const sign of ['漢', 'か', '한']) expect(estimate(text(sign.repeat(1200)))).toBe(Math.ceil((1000 + 4) * 1.1))
  })

  test('of a mixture', () => {
    expect(estimate(text('x'.repeat(320) + '漢'.repeat(120)))).toBe(Math.ceil((100 + 100 + 4) * 1.1))
  })

  test('of other scripts is between them', () => {
    const greek = estimate(text('λ'.repeat(1200)))
    expect(greek).toBeGreaterThan(estimate(text('x'.repeat(1200))))
    expect(greek).toBeLessThan(estimate(text('漢'.repeat(1200))))
  })

  test('of nothing', () => {
    expect(estimateTokens(commonRequest({ messages: [] }))).toBe(0)
  })

  test('each message costs', () => {
    const messages = [...said(text('')), ...said(text('')), ...said(text(''))]
    expect(estimateTokens(commonRequest({ messages }))).toBe(Math.ceil(3 * 4 * 1.1))
  })

  test('of tools, by what is told of them', () => {
    const schema = { type: 'object', properties: { city: { type: 'string', description: 'x'.repeat(2800) } } }
    const tools = [{ kind: 'function', name: 'get_weather', description: 'y'.repeat(320), schema }] as const
    expect(estimateTokens(commonRequest({ messages: [], tools }))).toBeGreaterThan(1100 * 1.1)
    expect(estimateTokens(commonRequest({ messages: [], tools }))).toBeLessThan(1300 * 1.1)
  })

  test('of images, whatever their size', () => {
    const big = media({ mime: 'image/png', source: { base64: 'A'.repeat(1_000_000) } })
    expect(estimate(big)).toBe(estimate(media({})))
    expect(estimate(big)).toBe(Math.ceil((1600 + 4) * 1.1))
  })

  test.each([
    ['by its pages', '%PDF-1.4\n/Type /Pages /Count 2\n/Type /Page\n/Type/Page/Parent', 2],
    ['by what it says at its start', '%PDF-1.5\n<</Linearized 1/L 300/O 12/N 7/T 200>>', 7],
    ['by its size', `%PDF-1.5\n${'x'.repeat(150_000)}`, 3],
  ])('of a PDF %s', (_, content, pages) => {
    const base64 = Buffer.from(content).toString('base64')
    const pdf = media({ medium: 'file', mime: 'application/pdf', source: { base64 } })
    expect(estimate(pdf)).toBe(Math.ceil((pages * 2000 + 4) * 1.1))
  })

  test('of a file of text, as text', () => {
    const base64 = Buffer.from('x'.repeat(3200)).toString('base64')
    const file = media({ medium: 'file', mime: 'text/plain', source: { base64 } })
    expect(estimate(file)).toBe(Math.ceil((1000 + 4 + 4) * 1.1))
  })

  test('of calls and results, wherever they are', () => {
    const call: Part = {
      kind: 'tool_call',
      id: 'c',
      name: 'f',
      args: { raw: 'x'.repeat(2800) },
      isCustom: false,
      tool: 'function',
    }
    expect(estimate(call)).toBeGreaterThan(1100)
    const result: Part = {
      kind: 'tool_result',
      callId: 'c',
      parts: [text('x'.repeat(3200)), media({})],
      isError: false,
      isCustom: false,
    }
    expect(estimate(result)).toBeGreaterThan((1000 + 1600) * 1.1)
    // The value and the parts say the same.
    const valued: Part = { ...result, value: { a: 'x'.repeat(2800) } }
    expect(estimate(valued)).toBeGreaterThan((1000 + 1600) * 1.1)
    expect(estimate(valued)).toBeLessThan((1000 + 1600 + 100) * 1.1)
  })

  test('of thoughts that come back', () => {
    expect(estimate({ kind: 'reasoning', text: 'x'.repeat(3200), style: 'raw', isRedacted: false })).toBeGreaterThan(
      1100,
    )
  })

  test('of an answer that must follow a schema', () => {
    const output = { format: { kind: 'json_schema', schema: { description: 'x'.repeat(2800) } } } as const
    expect(estimateTokens(commonRequest({ output }))).toBeGreaterThan(1100)
  })

  test('of a native part', () => {
    expect(estimate({ kind: 'native', form: 'messages', type: 't', value: { a: 'x'.repeat(2800) } })).toBeGreaterThan(
      1100,
    )
  })
})
