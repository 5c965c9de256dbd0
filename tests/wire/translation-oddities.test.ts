import { describe, expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { isRejection } from '#translate/notes.ts'
import { answerings } from '../support/dialect-answers.ts'
import { streamText } from '../support/dialect-said.ts'
import { answerOf, askedAs, bytesOf, mainBackends, type Backend } from '../support/dialect-asking.ts'
import { askings } from '../support/dialect-requests.ts'

/** What a Messages client that wants a stream gets. */
async function streamOf(backend: Backend, said: string, type: string, status = 200) {
  const asked = await askedAs('messages', backend, askings['plain']?.messages ?? {}, true)
  if (isRejection(asked)) throw new Error(asked.message)
  const answer = asked.answer(answerOf(encode(said), type, status))
  return { status: answer.status, ...(await bytesOf(answer)) }
}

const eventStream = 'text/event-stream'

describe('a stream of which', () => {
  const said = answerings['text']?.chat?.stream ?? []
  const finished = streamText('chat', said.slice(0, -2))

  test('only the mark of the end is missing is whole', async () => {
    expect((await streamOf(mainBackends.chat, finished, eventStream)).text).toContain('event: message_stop')
  })

  test.each(['data: {"id":"chatcm', 'data: {"id":"chatcm\n'])(
    'the last event is torn (%j) is no whole one, whatever it said before (§10.1-6)',
    async (rest) => {
      const { text } = await streamOf(mainBackends.chat, finished + rest, eventStream)
      expect(text).toContain('"text":", 🙂."')
      expect(text).not.toContain('message_stop')
    },
  )

  test('the last event lacks its blank line only is whole', async () => {
    const { text } = await streamOf(mainBackends.chat, streamText('chat', said).trimEnd(), eventStream)
    expect(text).toContain('event: message_stop')
  })

  test('the rest is missing leaves open what was open, for whoever goes on with it', async () => {
    const { text } = await streamOf(mainBackends.chat, streamText('chat', said.slice(0, 2)), eventStream)
    expect(text).toContain('"text":"Hello"')
    expect(text).not.toContain('content_block_stop')
  })
})

test('a whole answer of AWS, where a stream was asked for, becomes one (§10.1-11)', async () => {
  const body = {
    output: { message: { role: 'assistant', content: [{ text: 'Hi' }] } },
    stopReason: 'end_turn',
    usage: { inputTokens: 2, outputTokens: 1, totalTokens: 3 },
  }
  const backend: Backend = { form: 'converse', protocol: 'bedrock', model: 'amazon.nova-pro-v1:0' }
  const { text } = await streamOf(backend, JSON.stringify(body), 'application/json')
  expect(text).toContain('"text":"Hi"')
  expect(text).toContain('event: message_stop')
})

test.each([
  ['chat', 503],
  ['gemini', 503],
] as const)('that a %s backend has no room is told with a number of Anthropic’s own (§8.2)', async (form, status) => {
  const body = JSON.stringify(answerings['error: too busy']?.[form]?.body)
  const told = await streamOf(mainBackends[form], body, 'application/json', status)
  expect(told.status).toBe(529)
  expect(told.text).toContain('"overloaded_error"')
})
