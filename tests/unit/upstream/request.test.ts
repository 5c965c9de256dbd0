import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { encode } from '#kit/bytes.ts'
import { Stop } from '#kit/stop.ts'
import { outgoing } from '#upstream/request.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { linkWith } from '../../support/outgoing.ts'
import { callOf } from '../../support/upstream.ts'

const never = new Stop()

function form(model: string): string {
  return `--x\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--x--\r\n`
}

describe('outgoing()', () => {
  test('B39: only the bytes of the model differ', () => {
    const before = '{ "max":9007199254740993,"model" : '
    const after = ',"html":"<a>\\u003c", "z":1, "a":1.0 }'
    const call = callOf({ body: encode(`${before}"alias"${after}`) })
    const { body } = outgoing(call, candidateOf('b', 'up"stream'), never)
    expect(Buffer.concat(body ?? []).toString()).toBe(`${before}"up\\"stream"${after}`)
  })

  test('B104: the very same bytes go out when the backend knows the model by the client’s name', () => {
    const call = callOf()
    expect(outgoing(call, candidateOf('b', 'alias'), never).body?.[0]).toBe(call.body)
  })

  test('B39: a model in a form field is replaced without quotes', () => {
    const body = encode(form('alias'))
    const start = form('alias').indexOf('alias')
    const call = callOf({
      endpoint: { path: '/v1/audio/transcriptions', dialect: 'openai', reads: 'multipart', stream: undefined },
      body,
      modelAt: { start, end: start + 'alias'.length },
    })
    expect(Buffer.concat(outgoing(call, candidateOf('b', 'whisper-1'), never).body ?? []).toString()).toBe(
      form('whisper-1'),
    )
  })

  test('B104: a body whose model stands in the path is not touched', () => {
    const call = callOf({
      endpoint: { path: '/v1beta/models/*', dialect: 'gemini', reads: 'path', stream: 'gemini_sse' },
      path: '/v1beta/models/alias:generateContent',
      modelAt: { start: 15, end: 20 },
    })
    const request = outgoing(call, candidateOf('b', 'gemini-2.5-pro', { protocol: 'gemini' }), never)
    expect(request.body?.[0]).toBe(call.body)
    expect(request.url.pathname).toContain('gemini-2.5-pro:generateContent')
  })

  test('B39: whatever stands around the model arrives unchanged', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), fc.string({ minLength: 1 }), (json, left, model) => {
        const before = `{"a":${JSON.stringify(left)},"b":${json},"model":`
        const after = `,"c":${json}}`
        const text = `${before}"alias"${after}`
        const start = Buffer.byteLength(before)
        const call = callOf({ body: encode(text), modelAt: { start, end: start + 7 } })
        const { body } = outgoing(call, candidateOf('b', model), never)
        const expected = model === 'alias' ? text : `${before}${JSON.stringify(model)}${after}`
        expect(Buffer.concat(body ?? []).equals(Buffer.from(encode(expected)))).toBe(true)
      }),
    )
  })

  test('B111: the clocks and the link are the backend’s', () => {
    const timeouts = {
      queueMs: 1,
      dnsMs: 2,
      connectMs: 3,
      tlsMs: 4,
      writeMs: 5,
      firstByteMs: 6,
      idleMs: 7,
      totalMs: 8,
    }
    const link = linkWith({}, { verify: false })
    const candidate = candidateOf('b', 'm', { backend: backendOf('b', { timeouts, link }) })
    const request = outgoing(callOf(), candidate, never)
    const clocks = { queueMs: 1, dnsMs: 2, connectMs: 3, tlsMs: 4, writeMs: 5, firstByteMs: 6 }
    expect(request.clocks).toMatchObject(clocks)
    expect(request.link).toBe(link)
    expect(request.stop).toBe(never)
  })
})
