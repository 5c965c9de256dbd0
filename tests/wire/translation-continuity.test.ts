import { describe, expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { isRejection } from '#translate/notes.ts'
import { folded } from '../support/dialect-folded.ts'
import { answerings } from '../support/dialect-answers.ts'
import { streamText } from '../support/dialect-said.ts'
import { askings } from '../support/dialect-requests.ts'
import { answerOf, askedAs, bytesOf, mainBackends, mainForms, type MainForm } from '../support/dialect-asking.ts'

/** What clients send after an answer: it as it came, results of its calls, and something else to do. */
const nextTurn: Readonly<Record<MainForm, (answer: JsonObject) => object>> = {
  chat(answer) {
    const message = asObject(asObject(asList(answer['choices'])[0])?.['message']) ?? {}
    const results = asList(message['tool_calls']).map((call) => ({
      role: 'tool',
      tool_call_id: asObject(call)?.['id'],
      content: 'done',
    }))
    return { model: 'alias', messages: [{ role: 'user', content: 'Hi' }, message, ...results, ...more] }
  },
  responses(answer) {
    const output = asList(answer['output'])
    const calls = output.filter((item) => asObject(item)?.['type'] === 'function_call')
    const results = calls.map((call) => ({
      type: 'function_call_output',
      call_id: asObject(call)?.['call_id'],
      output: 'done',
    }))
    return { model: 'alias', input: [{ role: 'user', content: 'Hi' }, ...output, ...results, ...more] }
  },
  messages(answer) {
    const content = asList(answer['content'])
    const calls = content.filter((block) => asObject(block)?.['type'] === 'tool_use')
    const results = calls.map((call) => ({
      type: 'tool_result',
      tool_use_id: asObject(call)?.['id'],
      content: 'done',
    }))
    return {
      model: 'alias',
      max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 2000 },
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content },
        { role: 'user', content: [...results, { type: 'text', text: 'Go on' }] },
      ],
    }
  },
  gemini(answer) {
    const content = asObject(asObject(asList(answer['candidates'])[0])?.['content']) ?? {}
    const results = asList(content['parts']).flatMap((part) => {
      const call = asObject(asObject(part)?.['functionCall'])
      return call === undefined
        ? []
        : [{ functionResponse: { id: call['id'], name: call['name'], response: { output: 'done' } } }]
    })
    return {
      generationConfig: { thinkingConfig: { thinkingBudget: 2000, includeThoughts: true } },
      contents: [
        { role: 'user', parts: [{ text: 'Hi' }] },
        content,
        { role: 'user', parts: [...results, { text: 'Go on' }] },
      ],
    }
  },
}

const more = [{ role: 'user', content: 'Go on' }]

/** What stood in the answer, and must stand in the next request, as the backend wrote it. */
const signed: readonly { readonly backend: MainForm; readonly name: string; readonly parts: readonly object[] }[] = [
  {
    backend: 'messages',
    name: 'thoughts',
    parts: [
      { type: 'thinking', thinking: 'Hm', signature: 'EqQB' },
      { type: 'redacted_thinking', data: 'RrRr' },
    ],
  },
  {
    backend: 'responses',
    name: 'thoughts',
    parts: [
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm' }], encrypted_content: 'gAAA' },
    ],
  },
  { backend: 'gemini', name: 'thoughts', parts: [{ text: 'Yes', thoughtSignature: 'AbCd' }] },
  {
    backend: 'gemini',
    name: 'calls side by side',
    parts: [{ functionCall: { id: 'call_0', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'AbCd' }],
  },
]

/** Every object in a value. */
function objectsIn(value: unknown): readonly JsonObject[] {
  if (Array.isArray(value)) return value.flatMap((element) => objectsIn(element))
  const object = asObject(value)
  return object === undefined ? [] : [object, ...Object.values(object).flatMap((member) => objectsIn(member))]
}

/** The answer as the client gets it. */
async function firstAnswer({ client, backend, name, stream }: Way): Promise<JsonObject> {
  const asked = await askedAs(client, mainBackends[backend], opening[client], stream)
  if (isRejection(asked)) throw new Error(asked.message)
  const answer = answerings[name]?.[backend]
  if (stream) {
    const bytes = encode(streamText(backend, answer?.stream ?? []))
    const { text } = await bytesOf(asked.answer(answerOf(bytes, 'text/event-stream')))
    return folded(client, text)
  }
  const said = JSON.stringify(answer?.body)
  const { text } = await bytesOf(asked.answer(answerOf(encode(said), 'application/json')))
  return asObject(parseJson(text)) ?? {}
}

interface Way {
  readonly client: MainForm
  readonly backend: MainForm
  readonly name: string
  readonly stream: boolean
}

const opening = askings['thoughts asked for'] as Readonly<Record<MainForm, object>>

const ways = signed.flatMap((row) =>
  mainForms
    .filter((client) => client !== row.backend)
    .flatMap((client) => [false, true].map((stream) => Object.assign({ client, stream }, row))),
)

describe('what only a backend can read comes back to it (§6)', () => {
  test.each(ways)('$name of a $backend backend, by way of a $client client (streamed: $stream)', async (way) => {
    const { backend, client, parts } = way
    const answer = await firstAnswer(way)
    const second = await askedAs(client, mainBackends[backend], nextTurn[client](answer))
    if (isRejection(second)) throw new Error(second.message)
    const sent = objectsIn(parseJson(new TextDecoder().decode(second.call.body)))
    for (const part of parts) expect(sent).toContainEqual(part as JsonObject)
  })

  test.each(ways)(
    '$name of a $backend backend never leave for another, from a $client client (streamed: $stream)',
    async (way) => {
      const { backend, client } = way
      const answer = await firstAnswer(way)
      for (const other of mainForms.filter((form) => form !== client && form !== backend)) {
        const second = await askedAs(client, mainBackends[other], nextTurn[client](answer))
        if (isRejection(second)) throw new Error(second.message)
        const sent = new TextDecoder().decode(second.call.body)
        expect(sent).not.toMatch(/lp1\.|bHAxL|EqQB|RrRr|gAAA|AbCd/)
        expect(asText(sent)).toContain('Go on')
      }
    },
  )
})
