import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { History } from '../support/dialect-backends.ts'
import { aiClients } from '../support/dialect-clients-ai.ts'
import { dialectClientAt } from '../support/dialect-clients.ts'
import { aliasOf, dialectCells, dialectMatrix, type DialectMatrix } from '../support/dialect-matrix.ts'
import { dialectBackends } from '../support/dialect-backends.ts'
import { raised } from '../support/sdk.ts'
import { toolArgs, toolNames, toolResults, type Turn, type TurnWish } from '../support/dialect-turns.ts'

/*
 * §16.3-2: two rounds with tools. The second request to the backend has the calls and their results in the form of the
 * backend, and what the backend signed comes back to it.
 */

let matrix: DialectMatrix

beforeAll(async () => {
  matrix = await dialectMatrix(['ok', 'tools=2', 'tools=2+think'])
})

afterAll(async () => {
  await matrix[Symbol.asyncDispose]()
})

const thought = 'Let me think about this for a moment.'

describe.each(dialectCells)('$client on $backend.name', ({ client: name, backend }) => {
  /** Two rounds, and what the backend was asked in the second. */
  async function rounds(wish: Omit<TurnWish, 'model'>, behaviour: string) {
    const client = dialectClientAt(name, matrix.gateway.url)
    matrix.takeAsked()
    const first = await client.ask({ ...wish, tools: true, model: aliasOf(backend, behaviour) })
    expect(first.calls).toEqual(toolNames.map((tool) => ({ name: tool, args: toolArgs })))
    expect(first.finish).toBe(client.finishes.calls)
    const last = await first.answer(toolResults)
    const asked = matrix.takeAsked()
    expect(asked.map(({ path }) => backend.path.test(path))).toEqual([true, true])
    return { client, first, last, history: backend.historyOf(asked[1]?.body ?? {}) }
  }

  test.each([{ stream: false }, { stream: true }])(
    'parallel calls and their results (stream: $stream)',
    async (wish) => {
      const { client, last, history } = await rounds(wish, 'tools=2')
      expectLast(last, client.finishes.stop)
      // A backend that knows the form keeps by itself what was said.
      if (client.repeats !== false || backend.name !== 'responses') expectResults(history)
    },
  )

  test('a tool that must be called', async () => {
    const client = dialectClientAt(name, matrix.gateway.url)
    const wish = { model: aliasOf(backend, 'ok'), stream: true, tools: true, mustCall: 'get_time' }
    // Ollama has no word for must, and the AI SDK sees to it that it was done.
    if (backend.name === 'ollama' && name.startsWith('ai ')) {
      expect(await raised(client.ask(wish))).toMatchObject({ name: 'AI_ToolChoiceViolationError' })
      return
    }
    const hears = backend.name !== 'ollama' && client.form !== 'ollama'
    expect((await client.ask(wish)).calls).toEqual(hears ? [{ name: 'get_time', args: toolArgs }] : [])
  })

  test.each([{ stream: false }, { stream: true }])(
    'thoughts come, and go back (stream: $stream)',
    async ({ stream }) => {
      const { client, first, last, history } = await rounds({ stream, thinks: true }, 'tools=2+think')
      if (first.thoughts !== undefined) expect(first.thoughts).toBe(thought)
      expectLast(last, client.finishes.stop)
      if (client.repeats === false && backend.name === 'responses') return
      expectResults(history)
      if (!backend.signs) return
      expect(history.opaque).toEqual([expect.stringMatching(/^EqMock\w{42}$/)])
      // Nothing is signed but the calls.
      if (backend.name !== 'gemini') expect(history.thoughts).toBe(thought)
    },
  )
})

describe.each(dialectBackends)('$name', (backend) => {
  test('§5.11: ai names what it does not repeat, and the backend gets all of it', async () => {
    const sent: string[] = []
    const clients = aiClients(matrix.gateway.url, async (input, init) => {
      if (typeof init?.body === 'string') sent.push(init.body)
      return await fetch(input, init)
    })
    const client = clients.find(({ name }) => name === 'ai openai responses')
    const wish = { model: aliasOf(backend, 'tools=2+think'), stream: true, tools: true, thinks: true }
    const first = await client?.ask(wish)
    matrix.takeAsked()
    await first?.answer(toolResults)
    expect(sent[1]).toContain('"type":"item_reference"')
    const [second] = matrix.takeAsked()
    if (backend.name !== 'responses') expectResults(backend.historyOf(second?.body ?? {}))
  })
})

function expectLast(turn: Turn, finish: string): void {
  expect(turn.text).toStartWith('Hello from the mock backend. The tool answered: ')
  expect(turn.text).toContain('noon in the west')
  expect([turn.finish, turn.calls]).toEqual([finish, []])
}

/** All calls, and behind them a result for each, in their order. */
function expectResults({ calls, results }: History): void {
  expect(calls.map(({ name, args }) => ({ name, args }))).toEqual(
    toolNames.map((name): { name: string; args: unknown } => ({ name, args: toolArgs })),
  )
  expect(results.map(({ id }) => id)).toEqual(calls.map(({ id }) => id))
  for (const [at, { text }] of results.entries()) expect(text).toContain(toolResults[at] ?? '?')
  const ids = calls.flatMap(({ id }) => id ?? [])
  expect(new Set(ids).size).toBe(ids.length)
}
