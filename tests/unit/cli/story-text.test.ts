import { describe, expect, test } from 'bun:test'
import { renderRunning, renderStory } from '#cli/story-text.ts'
import { wordsOf } from '#cli/story-words.ts'
import { refusalStatus } from '#core/refusal.ts'
import type { Story, StoryAttempt } from '#core/story.ts'

const attempt: StoryAttempt = {
  backend: 'a',
  model: 'ma',
  alias: 'opus',
  level: 'l1',
  startedMs: 0,
  durationMs: 150,
  status: 200,
  reason: undefined,
  message: undefined,
  rescue: undefined,
  isRepeated: false,
}

const failed = (reason: string, message: string, status?: number): StoryAttempt => ({
  ...attempt,
  reason,
  message,
  status,
})

const story: Story = {
  id: 'req_0198',
  at: '2026-01-13T09:41:00.250Z',
  method: 'POST',
  path: '/v1/chat/completions',
  dialect: 'openai',
  model: 'opus',
  stream: true,
  caller: 'default',
  client: '203.0.113.9',
  seed: 42,
  configVersion: 3,
  status: 200,
  outcome: 'complete',
  refusal: undefined,
  brokenBy: undefined,
  skips: [],
  attempts: [attempt],
  firstByteMs: 151,
  totalMs: 900,
  bytesOut: 512,
  chunksOut: 1,
  heartbeats: 0,
  rescuedAtBytes: [],
}

test('a story is told step by step, with its times, and ends with what the client got and what is to be done', () => {
  const text = renderStory(
    {
      ...story,
      skips: [{ backend: 'c', model: 'mc', reason: 'it is cooling down for another 12 s' }],
      attempts: [
        failed('status', 'it answered with status 503', 503),
        {
          ...failed('first_byte_timeout', 'it sent nothing for 10 s'),
          startedMs: 160,
          durationMs: 10_000,
          isRepeated: true,
        },
        { ...attempt, backend: 'b', alias: 'spare', level: 'l2', startedMs: 10_161 },
      ],
      firstByteMs: 10_400,
      totalMs: 12_345,
      heartbeats: 2,
    },
    'en',
  )
  expect(text).toBe(`req_0198 came at 2026-01-13 09:41:00.250 UTC from 203.0.113.9
POST /v1/chat/completions: asked for "opus", as a stream, by caller "default"
decided by version 3 of the configuration, with seed 42

          passed over c/mc: it is cooling down for another 12 s
    0 ms  asked a/ma: failed after 150 ms, because it answered with status 503
  160 ms  asked a/ma again, twice, since an idle connection had died: failed after 10.0 s, because it sent nothing for 10 s
  10.2 s  asked b/ma, a route of the fallback alias "spare": answered 200 after 150 ms
  10.4 s  first byte to the client
          2 keep-alives kept the client waiting
  12.3 s  ended: complete, status 200, 512 bytes

The client got the whole answer, at attempt 3. To do about a/ma: it was too slow to begin; raise "timeout.first_byte" if that is usual.
`)
})

test('a rescued stream is told in the order in which it happened', () => {
  const rescue = { ...attempt, backend: 'b', startedMs: 500, rescue: 'prefill' } as const
  const lines = renderStory({ ...story, attempts: [attempt, rescue], rescuedAtBytes: [300], chunksOut: 7 }, 'en').split(
    '\n',
  )
  expect(lines.slice(4, 9)).toEqual([
    '    0 ms  asked a/ma: answered 200 after 150 ms',
    '  151 ms  first byte to the client',
    '  500 ms  asked b/ma to go on with the text (prefill): answered 200 after 150 ms',
    '          after 300 bytes the stream broke, and another route went on with it',
    '  900 ms  ended: complete, status 200, 512 bytes in 7 pieces',
  ])
  expect(lines.at(-2)).toBe(
    'The client got the whole answer, put together from more than one route. Nothing is to be done.',
  )
})

describe('what the client got and what is to be done', () => {
  const refusal = (code: string, message: string): Partial<Story> => ({ refusal: { code, message }, attempts: [] })
  test.each<{ name: string; changes: Partial<Story>; says: string }>([
    { name: 'all is well', changes: {}, says: 'The client got the whole answer. Nothing is to be done.' },
    {
      name: 'the client left in the middle',
      changes: { outcome: 'client_closed' },
      says: 'The client left in the middle of the answer. Nothing is to be done.',
    },
    {
      name: 'the client left early',
      changes: {
        outcome: 'client_closed',
        firstByteMs: undefined,
        attempts: [failed('client_closed', 'the client left')],
      },
      says: 'The client left before there was anything to send. If clients often leave so early, their time limit is shorter than the backend needs; see "streaming.heartbeat".',
    },
    {
      name: 'a stream broke',
      changes: { outcome: 'upstream_broke', brokenBy: 'the connection was closed' },
      says: 'The client got 512 bytes, then an error in the stream that it can read: the connection was closed. Another route can go on in such a case, see "streaming.rescue"; "streaming.hold" waits for the end first.',
    },
    {
      name: 'a refusal of ours',
      changes: {
        outcome: 'refused',
        status: 404,
        ...refusal('model_not_found', 'Cannot find the model: no alias is named "x"'),
      },
      says: 'The client was refused with status 404: Cannot find the model: no alias is named "x". Add the alias to "models", or let the client ask for one that is there.',
    },
    {
      name: 'a bad key of a backend',
      changes: {
        outcome: 'failed',
        status: 502,
        refusal: { code: 'upstream_auth_failed', message: 'Cannot get an answer: the backend refused' },
        attempts: [failed('status', 'it answered with status 401', 401)],
      },
      says: 'The client got no answer, but status 502: Cannot get an answer: the backend refused. To do about a/ma: it does not accept the key; look at "api_key" or "credentials" of the backend.',
    },
    {
      name: 'an error answer that was passed on',
      changes: { outcome: 'failed', status: 400, attempts: [failed('status', 'it answered with status 400', 400)] },
      says: 'The client got the error answer of the backend as it was, with status 400. To do about a/ma: it does not take this request; compare the model and the protocol of the route.',
    },
    {
      name: 'all routes were resting',
      changes: {
        outcome: 'refused',
        status: 503,
        ...refusal('no_backend_available', 'Cannot answer: every route rests'),
      },
      says: 'The client was refused with status 503: Cannot answer: every route rests. Every route was resting: "llm-proxy explain --running --model …" tells until when.',
    },
  ])('$name', ({ changes, says }) => {
    expect(
      renderStory({ ...story, ...changes }, 'en')
        .trimEnd()
        .split('\n')
        .at(-1),
    ).toBe(says)
  })

  test('a code that no sentence knows is told all the same', () => {
    const text = renderStory({ ...story, outcome: 'refused', status: 418, ...refusal('teapot', 'Cannot brew') }, 'en')
    expect(text).toContain('The client was refused with status 418: Cannot brew. What is wrong is in the message.')
  })
})

test('a request that did not get as far as its model is told', () => {
  const text = renderStory({ ...story, model: undefined, caller: undefined, client: undefined, stream: false }, 'en')
  expect(text.split('\n').slice(0, 2)).toEqual([
    'req_0198 came at 2026-01-13 09:41:00.250 UTC',
    'POST /v1/chat/completions: it got no further than its model, with no accepted key',
  ])
})

test('logging.language zh tells it in Chinese', () => {
  const text = renderStory({ ...story, attempts: [failed('connect', 'refused'), { ...attempt, backend: 'b' }] }, 'zh')
  expect(text).toContain('请求 a/ma: 150 ms 后失败,原因: refused')
  expect(text).toContain('客户端在第 2 次尝试后收到了完整的回答。 关于 a/ma: 检查它是否在运行')
})

test('both languages give the same advice', () => {
  expect(Object.keys(wordsOf.zh.advice)).toEqual(Object.keys(wordsOf.en.advice))
  const codes = new Set<string>(Object.keys(refusalStatus))
  const refused = ['missing_api_key', 'model_not_found', 'no_backend_available', 'overloaded']
  expect(refused.filter((code) => !codes.has(code) || !(code in wordsOf.en.advice))).toEqual([])
})

test('a request that is still on the road is told as far as it came', () => {
  const { status: _status, outcome: _outcome, totalMs: _totalMs, ...soFar } = story
  const attempts = [
    failed('status', 'it answered with status 503', 503),
    { ...attempt, startedMs: 151, durationMs: 40_000, status: undefined },
  ]
  const running = { ...soFar, firstByteMs: undefined, attempts, runsForMs: 40_151 }
  expect(renderRunning(running, 'en').split('\n').slice(3)).toEqual([
    '',
    '    0 ms  asked a/ma: failed after 150 ms, because it answered with status 503',
    '  151 ms  asked a/ma again: no answer yet, after 40.0 s',
    '',
    'Still running for 40.2 s, at attempt 2.',
    '',
  ])
  expect(
    renderRunning({ ...running, attempts: [] }, 'zh')
      .split('\n')
      .slice(3),
  ).toEqual(['', '已进行 40.2 s,尚未开始尝试。', ''])
})

test.each([
  [undefined, 'left b/mb, with which it had stayed: it fell'],
  [2048, 'left b/mb, with which it had stayed and which had 2048 of its tokens cached: it fell'],
])('who left its route is told with what that cost: %p tokens', (cachedTokens, says) => {
  expect(renderStory({ ...story, repinned: { from: 'b/mb', why: 'it fell', cachedTokens } }, 'en')).toContain(
    `  ${says}\n`,
  )
})
