import { beforeAll, describe, expect, test } from 'bun:test'
import { ask, paced } from '../support/chat-road.ts'
import { chatAnswer, openRoad, type Road, type Upstream } from '../support/road.ts'
import { namedEvent } from '../support/streams.ts'
import { responseOf, wholeResponse } from '../support/upstream.ts'

/*
 * How the bytes of an upstream are cut, and how long it takes between them, must not change what its answer means.
 */

const backends = `
backends:
  - { name: google, url: "http://google", protocol: gemini }
  - { name: claude, url: "http://claude", protocol: anthropic }
  - { name: gpt, url: "http://gpt/v1" }`

async function roadOn(names: readonly string[], answers: Readonly<Record<string, Upstream>>, more = ''): Promise<Road> {
  const routes = names.map((name, at) => `{ backend: ${name}, model: up, priority: ${at} }`).join(', ')
  return await openRoad(`${more}${backends}\nmodels: { m: { routes: [${routes}] } }`, async (request, road) => {
    const answer = answers[request.url.hostname]
    if (answer === undefined) throw new Error(`Nobody answers for ${request.url.hostname}`)
    return await answer(request, road)
  })
}

beforeAll(async () => {
  const road = await roadOn(['google'], { google: () => Response.json({ error: { code: 400 } }, { status: 400 }) })
  await road.chat('m')
})

const json = { 'content-type': 'application/json' }

/** The body comes with the head, or in two pieces behind it. */
const cuts = [
  { how: 'at once', answered: (value: unknown, status: number) => wholeResponse(status, json, JSON.stringify(value)) },
  {
    how: 'behind its head',
    answered: (value: unknown, status: number) => {
      const text = JSON.stringify(value)
      return responseOf(status, json, [text.slice(0, 20), text.slice(20)])
    },
  },
]

describe.each(cuts)('an error whose body comes $how', ({ answered }) => {
  test('is about our key where only the body says so, and others are asked (§8.2)', async () => {
    const refused = {
      error: {
        code: 400,
        message: 'API key not valid. Please pass a valid API key.',
        status: 'INVALID_ARGUMENT',
        details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }],
      },
    }
    const road = await roadOn(['google', 'gpt'], { google: () => answered(refused, 400), gpt: () => chatAnswer('hi') })
    expect((await road.chat('m')).status).toBe(200)
    expect(road.settled[0]?.attempts.map(({ status }) => status)).toEqual([401, 200])
  })

  test('tells when to come back where only the body says so (§8.3)', async () => {
    const limited = {
      error: {
        code: 429,
        message: 'Quota exceeded',
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }],
      },
    }
    const road = await roadOn(['google'], { google: () => answered(limited, 429) }, 'retry: { max_retries: 0 }\n')
    const response = await road.chat('m')
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('35')
  })
})

test('an error of which only a beginning comes does not keep anybody waiting', async () => {
  const hanging: Upstream = () => responseOf(500, json, ['{"error":'], 'hang')
  const road = await roadOn(
    ['google', 'gpt'],
    { google: hanging, gpt: () => chatAnswer('hi') },
    'retry: { max_retries: 0 }\n',
  )
  const { text } = await ask(road, 700_000, { stream: false })
  expect(text).toContain('hi')
})

test('a stream of which the client gets nothing for a while is not cut as long as its upstream tells that it lives', async () => {
  const start = namedEvent({
    type: 'message_start',
    message: { id: 'msg_up', type: 'message', role: 'assistant', content: [], model: 'up', usage: { input_tokens: 3 } },
  })
  const open = namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
  const says = (text: string): string =>
    namedEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })
  const stop =
    namedEvent({ type: 'content_block_stop', index: 0 }) +
    namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }) +
    namedEvent({ type: 'message_stop' })
  const slow = paced(
    [
      [0, start + open + says('One ')],
      [40_000, ': still thinking\n\n'],
      [40_000, ': still thinking\n\n'],
      [40_000, says('two.') + stop],
    ],
    'end',
  )
  const road = await roadOn(['claude'], { claude: slow })
  const { text } = await ask(road, 200_000, { stream: true })
  expect(text).toContain('two.')
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
})
