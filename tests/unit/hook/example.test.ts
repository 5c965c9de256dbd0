import { expect, test } from 'bun:test'
import { beforeRequest, onStreamChunk } from '../../../docs/examples/hook-desk.ts'
import type { HookEvent, HookRequest } from '../../../docs/examples/hook.d.ts'

const asked: HookRequest = {
  requestId: 'req_1',
  method: 'POST',
  path: '/v1/chat/completions',
  model: 'smart',
  stream: false,
  headers: { 'x-team': 'red' },
  body: { messages: [{ role: 'user', content: 'hi' }] },
  signal: new AbortController().signal,
}

test('the example of a hook sends short questions elsewhere, and refuses others', () => {
  expect(beforeRequest(asked)).toEqual({ model: 'cheap', headers: { add: { 'x-team': 'red' } } })
  expect(beforeRequest({ ...asked, body: { text: 'x'.repeat(300) } })).toBeUndefined()
  expect(beforeRequest({ ...asked, body: 'the launch code' })).toMatchObject({
    refuse: { status: 403, code: 'off_limits' },
  })
})

test('the example of a hook hides numbers in events, and leaves others as they are', () => {
  const event: HookEvent = {
    requestId: 'req_1',
    path: '/',
    model: 'm',
    index: 0,
    event: '',
    data: '{"a":"ACC-123456"}',
  }
  expect(onStreamChunk(event)).toBe('{"a":"ACC-******"}')
  expect(onStreamChunk({ ...event, data: '{}' })).toBeUndefined()
})
