import { expect, test } from 'bun:test'
import { Codecs, knownCodecs } from '#translate/registry.ts'
import { plainBackend, plainClient } from '../../support/plain-codec.ts'

test.each(['chat', 'completions', 'responses', 'messages', 'gemini'])(
  'clients that speak %s are understood',
  async (form) => {
    expect((await knownCodecs.client(form))?.form).toBe(form)
  },
)

test.each(['chat', 'responses', 'messages', 'gemini', 'converse'])('backends can be asked in %s', async (form) => {
  expect((await knownCodecs.backend(form))?.form).toBe(form)
})

test('nobody speaks what nobody knows', async () => {
  for (const form of ['embeddings', 'constructor', '__proto__']) {
    expect(await knownCodecs.client(form)).toBeUndefined()
    expect(await knownCodecs.backend(form)).toBeUndefined()
  }
})

test('a converter brings a form of its own, or stands in place of a known one', async () => {
  const codecs = new Codecs()
  const backend = plainBackend()
  codecs.register('mine', { backend })
  codecs.register('chat', { client: plainClient })
  expect(await codecs.backend('mine')).toBe(backend)
  expect(await codecs.client('mine')).toBeUndefined()
  expect((await codecs.client('chat'))?.form).toBe('plain')
  expect(await codecs.backend('chat')).toBeUndefined()
})

test('a converter may write its events over several lines', async () => {
  const codecs = new Codecs()
  const openWriter: typeof plainClient.openWriter = () => ({ order: 'calls', write: () => [{ data: '{\r\n"a":\n1}' }] })
  codecs.register('mine', { client: { ...plainClient, openWriter } })
  const client = await codecs.client('mine')
  const writer = client?.openWriter({} as Parameters<typeof openWriter>[0])
  expect(writer?.write({ event: 'end' })).toEqual([{ data: '{ "a": 1}' }])
})
