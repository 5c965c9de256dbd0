import { afterAll, describe, expect, test } from 'bun:test'
import { settled } from '../../support/fake-clock.ts'
import { servedMock } from '../../support/mock.ts'

const mock = servedMock()
afterAll(async () => await mock.stop())

async function post(model: string, stream: boolean, signal?: AbortSignal): Promise<Response> {
  const body = JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'hi' }] })
  return await fetch(`${mock.url}/v1/chat/completions?x=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    redirect: 'manual',
    ...(signal !== undefined && { signal }),
  })
}

/** What arrived before the body ended or broke. */
async function readUntilBroken(response: Response): Promise<{ text: string; error: unknown }> {
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += new TextDecoder().decode(chunk)
    return { text, error: undefined }
  } catch (error) {
    return { text, error }
  }
}

describe('a mock server', () => {
  test('answers with a content-length, or with a chunked stream', async () => {
    const whole = await post('ok', false)
    expect(whole.headers.get('content-length')).toBe(String((await whole.text()).length))
    const stream = await post('ok', true)
    expect(stream.headers.get('transfer-encoding')).toBe('chunked')
    expect(await stream.text()).toEndWith('data: [DONE]\n\n')
  })

  test('records the request', async () => {
    await (await post('gpt-5', false)).text()
    expect(mock.diary.requests.at(-1)).toMatchObject({
      name: 'mock',
      method: 'POST',
      path: '/v1/chat/completions',
      query: 'x=1',
      model: 'gpt-5',
    })
  })

  test.each([true, false])(
    'with "scut" breaks the connection after it has sent the beginning (stream: %p)',
    async (stream) => {
      const { text, error } = await readUntilBroken(await post('scut', stream))
      expect(text).toContain('Hello')
      expect(text).not.toMatch(/\[DONE\]|fp_mock"\}$/)
      expect(error).toMatchObject({ code: 'ECONNRESET' })
      expect(mock.diary.ends.at(-1)).toBe('cut')
    },
  )

  test('with "dead" breaks the connection before there is an answer', async () => {
    const failure = await post('dead', true).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ECONNRESET' })
  })

  test('with "redirect" sends the client elsewhere', async () => {
    const response = await post('redirect', false)
    expect([response.status, response.headers.get('location')]).toEqual([302, 'https://moved.invalid/'])
  })

  test.each([
    { model: 'stall', when: 'in the stream' },
    { model: 'slow=1m', when: 'before the head' },
    { model: 'hang', when: 'before the head' },
  ])('with "$model" notices that the client leaves $when', async ({ model, when }) => {
    const { requests, ends } = mock.diary
    const [before, endsBefore] = [requests.length, ends.length]
    const leaving = new AbortController()
    const sent = post(model, true, leaving.signal).catch((error: unknown) => error)
    if (when === 'in the stream') await sent
    while (requests.length === before) await turn()
    leaving.abort()
    while (ends.length === endsBefore) await turn()
    expect(ends.at(-1)).toBe('aborted')
    await sent
    await settled()
  })
})

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
