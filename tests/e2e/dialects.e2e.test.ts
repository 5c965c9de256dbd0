import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { dialectClientAt } from '../support/dialect-clients.ts'
import { aliasOf, dialectCells, dialectMatrix, type DialectMatrix } from '../support/dialect-matrix.ts'
import { raised } from '../support/sdk.ts'
import { asked, image, structured } from '../support/dialect-turns.ts'

/*
 * Every official SDK with every form of backend, as an application uses it: what was said arrives, whole and in the SDK's own
 * words, and the backend is asked in its own form.
 */

let matrix: DialectMatrix

beforeAll(async () => {
  matrix = await dialectMatrix(['ok', 'cached=100', 'tokens=50', 'refuse'])
})

afterAll(async () => {
  await matrix[Symbol.asyncDispose]()
})

const refused = 'The mock backend was asked to refuse, so it does not answer.'

const said = `Hello from the mock backend. You said: ${asked}`

describe.each(dialectCells)('$client on $backend.name', ({ client: name, backend }) => {
  test.each([{ stream: false }, { stream: true }])('a text (stream: $stream)', async ({ stream }) => {
    matrix.takeAsked()
    const client = dialectClientAt(name, matrix.gateway.url)
    const turn = await client.ask({ model: aliasOf(backend, 'ok'), stream })
    expect(turn).toMatchObject({
      text: said,
      calls: [],
      finish: client.finishes.stop,
      inputTokens: 4,
      outputTokens: 11,
    })
    const [request, ...more] = matrix.takeAsked()
    expect(more).toEqual([])
    expect(request?.path).toMatch(backend.path)
  })

  test.each([{ stream: false }, { stream: true }])('a second question (stream: $stream)', async ({ stream }) => {
    const client = dialectClientAt(name, matrix.gateway.url)
    const first = await client.ask({ model: aliasOf(backend, 'ok'), stream, system: 'Be brief.' })
    matrix.takeAsked()
    expect(await first.goOn('And tomorrow?')).toMatchObject({
      text: 'Hello from the mock backend. You said: And tomorrow?',
    })
    const [request] = matrix.takeAsked()
    expect(request?.path).toMatch(backend.path)
    if (client.form === backend.name) return
    for (const text of [asked, said, 'And tomorrow?', 'Be brief.'])
      expect(request?.text.split(text)).toHaveLength(text === asked ? 3 : 2)
  })

  test.each([{ stream: false }, { stream: true }])('a refusal (stream: $stream)', async ({ stream }) => {
    const client = dialectClientAt(name, matrix.gateway.url)
    const { text, refusal, finish } = await client.ask({ model: aliasOf(backend, 'refuse'), stream })
    if (backend.name === 'ollama' || backend.name === 'cohere' || client.form === 'ollama') {
      // They have no word for it.
      expect([text, finish]).toEqual([refused, client.finishes.stop])
      return
    }
    // OpenAI's own answers end as others do, and tell by a part that the AI SDK makes an end of.
    const isOpenai = (form: string): boolean => form === 'chat' || form === 'responses'
    const isPart = isOpenai(backend.name) && isOpenai(client.form) && !name.startsWith('ai ')
    const ends = isPart ? client.finishes.stop : client.finishes.refusal
    expect(finish).toBe(ends)
    if (refusal !== undefined) expect(`${text}${refusal}`).toContain(refused)
  })

  test('an image', async () => {
    matrix.takeAsked()
    const client = dialectClientAt(name, matrix.gateway.url)
    expect(await client.ask({ model: aliasOf(backend, 'ok'), stream: true, image: true })).toMatchObject({ text: said })
    expect(matrix.takeAsked()[0]?.text).toContain(image.base64)
  })

  test.each([{ stream: false }, { stream: true }])(
    'an answer that is cut by its limit (stream: $stream)',
    async ({ stream }) => {
      const client = dialectClientAt(name, matrix.gateway.url)
      const turn = await client.ask({ model: aliasOf(backend, 'tokens=50'), stream, tokensMax: 20 })
      expect(turn).toMatchObject({ finish: client.finishes.length, outputTokens: 20 })
    },
  )

  test.each([{ stream: false }, { stream: true }])('tokens from the cache (stream: $stream)', async ({ stream }) => {
    const client = dialectClientAt(name, matrix.gateway.url)
    const turn = await client.ask({ model: aliasOf(backend, 'cached=100'), stream })
    // Anthropic alone counts them beside the others.
    const inputTokens = name === 'anthropic' && backend.name !== 'ollama' ? 4 : 104
    expect(turn.inputTokens).toBe(inputTokens)
    if (backend.name !== 'ollama' && turn.cachedTokens !== undefined) expect(turn.cachedTokens).toBe(100)
  })

  test('an answer of a schema', async () => {
    const answer = dialectClientAt(name, matrix.gateway.url).structured(aliasOf(backend, 'ok'))
    // It asks by a tool that must be called, and Ollama has no word for must.
    if (name === 'ai anthropic' && backend.name === 'ollama') {
      expect(await raised(answer)).toMatchObject({ name: 'AI_NoObjectGeneratedError' })
    } else expect(await answer).toEqual(structured)
  })
})
