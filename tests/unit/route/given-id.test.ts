import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import type { Answer } from '#core/answer.ts'
import type { Endpoint } from '#core/endpoint.ts'
import { HeaderList } from '#kit/header-list.ts'
import { givenIds } from '#route/given-id.ts'
import { textOf } from '#upstream/decode.ts'
import { candidateOf } from '../../support/candidate.ts'
import { bytesOf } from '../../support/exchange.ts'
import { callOf } from '../../support/upstream.ts'

function answerOf(pieces: readonly (string | Uint8Array)[], encoding?: string, isWhole = true): Answer {
  const type: [string, string] = ['content-type', 'application/json']
  return {
    kind: 'answer',
    candidate: candidateOf('a', 'm'),
    status: 200,
    headers: new HeaderList(encoding === undefined ? [type] : [type, ['content-encoding', encoding]]),
    held: pieces.map((piece) => (typeof piece === 'string' ? bytesOf(piece) : piece)),
    rest: isWhole ? undefined : ({} as Answer['rest']),
    form: undefined,
  }
}

function given(method: string, path: string, answer: Answer, endpoint: Partial<Endpoint> = {}): string[] {
  const call = callOf({
    method,
    path,
    body: bytesOf('{}'),
    endpoint: { path: '/v1/*', dialect: 'openai', reads: 'nothing', stream: undefined, ...endpoint },
  })
  return givenIds(call, answer, textOf).map(({ id, kind }) => `${kind} ${id}`)
}

describe('an answer that can be gone on with', () => {
  const created = (id: string): string =>
    `event: response.created\ndata: {"type":"response.created","response":{"id":"${id}","object":"response"}}\n\n`
  const delta = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"i"}\n\n'
  const responses: Endpoint = { path: '/v1/responses', dialect: 'openai', reads: 'json', stream: 'responses' }

  test.each<{ name: string; id?: string; pieces: readonly (string | Uint8Array)[]; encoding?: string }>([
    { name: 'a whole one', pieces: ['{\n  "id": "resp_0a1b",\n  "object": "response"}'] },
    { name: 'one of which only the beginning is there', pieces: ['{"id":"resp_0a1b","output":[{"id":"msg_1","cont'] },
    { name: 'an id that others made', id: '0f8b-uuid', pieces: ['{"id":"0f8b-uuid"}'] },
    { name: 'an id behind much else', pieces: [`{"instructions":"${'x'.repeat(90_000)}","id":"resp_0a1b"}`] },
    { name: 'an id behind those of its parts', pieces: ['{"output":[{"id":"msg_1"}],"id":"resp_0a1b"}'] },
    { name: 'a compressed one', pieces: [gzipSync('{"id":"resp_0a1b"}')], encoding: 'gzip' },
    { name: 'a stream', pieces: [created('resp_0a1b'), delta] },
    {
      name: 'a stream that is cut in the middle of it',
      pieces: [created('resp_0a1b').slice(0, 90), created('resp_0a1b').slice(90)],
    },
    { name: 'a stream with other line ends', pieces: [created('resp_0a1b').replaceAll('\n', '\r\n')] },
    { name: 'a stream that begins with other events', pieces: [': hi\n\n', delta, created('resp_0a1b')] },
  ])('$name', ({ id = 'resp_0a1b', pieces, encoding }) => {
    expect(given('POST', '/v1/responses', answerOf(pieces, encoding), responses)).toEqual([`response ${id}`])
  })

  test.each(['', 'no JSON', '{"id":7}', '{"id":{}}', `{"id":"${'x'.repeat(600)}"}`, 'data: [DONE]\n\n'])(
    'has an id, and this one has none: %p',
    (text) => {
      expect(given('POST', '/v1/responses', answerOf([text]), responses)).toEqual([])
    },
  )

  test('names the container that was worked in', () => {
    const text = '{"id":"resp_0a1b","output":[{"type":"code_interpreter_call","container_id":"cntr_9"}]}'
    expect(given('POST', '/v1/responses', answerOf([text]), responses)).toEqual([
      'response resp_0a1b',
      'container cntr_9',
    ])
    const message =
      '{"type":"message","content":[{"text":"\\"container\\":{\\"id\\":\\"no\\"}"}],"container":{"id":"container_9"}}'
    const messages: Endpoint = { path: '/v1/messages', dialect: 'anthropic', reads: 'json', stream: 'messages' }
    expect(given('POST', '/v1/messages', answerOf([message]), messages)).toEqual(['container container_9'])
    const chat: Endpoint = { path: '/v1/chat/completions', dialect: 'openai', reads: 'json', stream: 'chat' }
    expect(given('POST', '/v1/chat/completions', answerOf([text]), chat)).toEqual([])
  })
})

describe('what a provider keeps', () => {
  test.each([
    ['POST', '/v1/files', '{"id":"file-1","object":"file"}', ['file file-1']],
    ['GET', '/v1/files/file-1', '{"id":"file-1"}', ['file file-1']],
    ['GET', '/v1/files', '{"object":"list","data":[{"id":"file-1"},{"id":"file-2"}]}', ['file file-1', 'file file-2']],
    [
      'GET',
      '/v1/batches/batch_1',
      '{"id":"batch_1","input_file_id":"file-1","output_file_id":"file-2","error_file_id":null}',
      ['other batch_1', 'file file-2'],
    ],
    ['POST', '/v1/uploads/up_1/complete', '{"id":"up_1","file":{"id":"file-9"}}', ['file file-9']],
    ['POST', '/v1beta/cachedContents', '{"name":"cachedContents/x1","model":"models/m"}', ['cache cachedContents/x1']],
    ['POST', '/upload/v1beta/files', '{"file":{"name":"files/x1","displayName":"y"}}', ['file files/x1']],
    [
      'GET',
      '/v1beta/batches/b1',
      '{"name":"batches/b1","metadata":{"output":{"responsesFile":"files/out1"}}}',
      ['other batches/b1', 'file files/out1'],
    ],
    ['GET', '/v1/fine_tuning/jobs/ft_1', '{"id":"ft_1","result_files":["file-7"]}', ['other ft_1', 'file file-7']],
    // What stands deeper is found by what it stands in, and a file may hold anything.
    ['GET', '/v1/conversations/conv_1/items', '{"data":[{"id":"msg_1"}]}', []],
    ['GET', '/v1/files/file-1/content', '{"id":"resp_1"}', []],
    ['GET', '/v1/organization/users', '{"id":"user_1"}', []],
    ['GET', '/v1/files/file-1', 'no JSON', []],
    ['GET', '/v1beta/files/abc:download', '{"name":"files/planted"}', []],
    ['GET', '/download/v1beta/files/abc', '{"name":"files/planted"}', []],
    // A client wrote it.
    ['POST', '/v1/vector_stores', '{"id":"vs_1","name":"files/planted"}', ['vector_store vs_1']],
    ['POST', '/v1/vector_stores/vs_1/files', '{"id":"file-1"}', []],
    ['POST', '/v1beta/files', '{"name":"batches/planted"}', []],
  ])('%s %s', (method, path, text, ids) => {
    expect(given(method, path, answerOf([text]))).toEqual(ids)
  })

  test('of files that came of one thing, and of ids in all, only so many count', () => {
    const files = Array.from({ length: 5000 }, (_, index) => `file-${index}`)
    const data = files.map((id) => ({ id, result_files: [`${id}r1`, `${id}r2`] }))
    const job = answerOf([JSON.stringify({ id: 'ftjob-1', result_files: files })])
    expect(given('GET', '/v1/fine_tuning/jobs/ftjob-1', job)).toHaveLength(65)
    const list = answerOf([JSON.stringify({ data: data.slice(0, 900) })])
    expect(given('GET', '/v1/fine_tuning/jobs', list)).toHaveLength(1000)
  })

  test('a container that the request named was not made for it', () => {
    const text = '{"id":"resp_0a1b","output":[{"container_id":"cntr_9"},{"container_id":"cntr_8"}]}'
    const responses: Endpoint = { path: '/v1/responses', dialect: 'openai', reads: 'json', stream: 'responses' }
    const call = callOf({ path: '/v1/responses', endpoint: responses, body: bytesOf('{"container":"cntr_9"}') })
    expect(givenIds(call, answerOf([text]), textOf).map(({ id, isMade }) => `${id} ${isMade}`)).toEqual([
      'resp_0a1b true',
      'cntr_9 false',
      'cntr_8 true',
    ])
  })

  test('of a list that is too large to be held nothing is guessed', () => {
    expect(
      given('GET', '/v1/files', answerOf(['{"object":"list","data":[{"id":"file-1"},'], undefined, false)),
    ).toEqual([])
  })
})
