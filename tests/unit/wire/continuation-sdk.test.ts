import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { concat } from '#kit/bytes.ts'
import { Continuation } from '#wire/continuation.ts'
import { SaidText } from '#wire/said-text.ts'
import { firstVoice, plainStream, secondVoice } from '../../support/plain-streams.ts'
import { surfaceAt, surfaceNames, type Told } from '../../support/sdk.ts'
import { bytesOf } from '../../support/streams.ts'

const pieces = ['Grüße, ', '模型 🙂', ' und', ' Schluß.']
const otherPieces = ['G', 'rüße, 模', '型 🙂 und Schl', 'uß', '.']

const formOf: Readonly<Record<string, StreamForm>> = {
  'openai chat': 'chat',
  'openai completions': 'completions',
  'openai responses': 'responses',
  'anthropic messages': 'messages',
  'genai generate': 'gemini_sse',
  'ai chat': 'chat',
  'ai responses': 'responses',
}

/** What an official SDK makes of a stream. */
async function read(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Told> {
  const fetch = async (): Promise<Response> =>
    new Response(bytes, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
  const { text, finish, model, inputTokens, outputTokens } = await surfaceAt(name, {
    url: 'http://127.0.0.1',
    fetch,
  }).stream('m')
  return { text, finish, model, inputTokens, outputTokens }
}

describe('an official SDK sees one answer', () => {
  test.each(surfaceNames.map((name) => ({ name })))('$name, wherever another route went on', async ({ name }) => {
    const form = formOf[name]
    if (form === undefined) throw new Error(`Cannot tell the form of "${name}"`)
    const { events } = plainStream(form)
    const first = events(pieces, firstVoice)
    const wanted = await read(name, bytesOf(first))
    expect(wanted.text).toBe(pieces.join(''))
    let rescued = 0
    for (let count = 1; count < first.length; count++) {
      const said = new SaidText(form)
      said.see(bytesOf(first.slice(0, count)))
      if (!said.canContinue) continue
      rescued++
      const rest = new Continuation(said, 'match').push(bytesOf(events(otherPieces, secondVoice)))
      if (typeof rest === 'string') throw new Error(`It says "${rest}" behind event ${count}`)
      expect(await read(name, concat([bytesOf(first.slice(0, count)), rest]))).toEqual(wanted)
    }
    expect(rescued).toBeGreaterThanOrEqual(pieces.length - 1)
  })

  test.each(surfaceNames.filter((name) => formOf[name] !== 'responses').map((name) => ({ name })))(
    '$name, when another route was given the text',
    async ({ name }) => {
      const form = formOf[name] ?? 'chat'
      const { events } = plainStream(form)
      const first = events(pieces, firstVoice)
      const count = first.findIndex((event) => event.includes('🙂')) + 1
      const said = new SaidText(form)
      said.see(bytesOf(first.slice(0, count)))
      const rest = new Continuation(said, 'prefill').push(bytesOf(events(pieces.slice(2), secondVoice)))
      if (typeof rest === 'string') throw new Error(`It says "${rest}"`)
      expect(await read(name, concat([bytesOf(first.slice(0, count)), rest]))).toEqual(await read(name, bytesOf(first)))
    },
  )
})
