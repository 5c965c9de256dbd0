import { describe, expect, test } from 'bun:test'
import { permissionOf } from '#identity/permission-of.ts'
import { endpoints, geminiEndpoint, otherEndpoint, rawEndpoint, tunnelEndpoint } from '#server/endpoints.ts'

const expected: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completions',
  '/v1/api/chat': 'chat',
  '/v1/responses': 'responses',
  '/v1/responses/input_tokens': 'responses',
  '/v1/embeddings': 'embeddings',
  '/v1/images/generations': 'images',
  '/v1/images/edits': 'images',
  '/v1/images/variations': 'images',
  '/v1/audio/speech': 'audio',
  '/v1/audio/transcriptions': 'audio',
  '/v1/audio/translations': 'audio',
  '/v1/moderations': 'moderations',
  '/v1/rerank': 'rerank',
  '/v1/messages': 'messages',
  '/v1/messages/count_tokens': 'messages',
  '/api/chat': 'chat',
  '/api/generate': 'completions',
  '/api/embed': 'embeddings',
  '/api/embeddings': 'embeddings',
  '/api/show': 'models',
  '/chat/completions': 'chat',
  '/completions': 'completions',
  '/responses': 'responses',
  '/responses/input_tokens': 'responses',
  '/embeddings': 'embeddings',
}

describe('permissionOf()', () => {
  test('C406: every path of the table has its kind', () => {
    expect(
      Object.fromEntries(endpoints.map((endpoint) => [endpoint.path, permissionOf(endpoint, endpoint.path)])),
    ).toEqual<object>(expected)
  })

  test.each<[path: string, kind: string]>([
    ['/v1beta/models/gemini-pro:generateContent', 'chat'],
    ['/v1/models/a/b:streamGenerateContent', 'chat'],
    ['/v1beta/models/gemini-pro:countTokens', 'chat'],
    ['/v1beta/models/embed:batchEmbedContents', 'embeddings'],
    ['/v1beta/models/imagen:predict', 'other'],
  ])('Gemini asks at %s for %s', (path, kind) => {
    expect(permissionOf(geminiEndpoint(path, ''), path)).toBe<string>(kind)
  })

  test.each<[path: string, kind: string]>([
    ['/v1/files', 'files'],
    ['/v1/files/file-1/content', 'files'],
    ['/v1/uploads/u/parts', 'files'],
    ['/v1/batches', 'files'],
    ['/v1/vector_stores/v/search', 'files'],
    ['/upload/v1beta/files', 'files'],
    ['/v1/responses/resp_1', 'responses'],
    ['/v1/responses/resp_1/cancel', 'responses'],
    ['/v1/conversations/c', 'responses'],
    ['/v1/chat/completions/chatcmpl-1', 'chat'],
    ['/v1/messages/batches/b/results', 'messages'],
    ['/v1/realtime', 'other'],
    ['/v1/something/new', 'other'],
    // Spelled so that a lenient server behind us would understand it all the same.
    ['/v1/chat/completions/', 'chat'],
    ['/v1//chat//completions', 'chat'],
    ['/v1/Chat/Completions', 'chat'],
    ['/v1/%63hat/completions', 'chat'],
    ['/v1/%2563hat/completions', 'chat'],
    ['/v1/chat;x=1/completions', 'chat'],
    ['/v1/%zz', 'other'],
    ['/v1/__proto__', 'other'],
    ['/', 'other'],
  ])('%s is of the kind %s', (path, kind) => {
    expect(permissionOf(otherEndpoint(path), path)).toBe<string>(kind)
  })

  test('a WebSocket is of the kind of its path', () => {
    expect(permissionOf(tunnelEndpoint('/v1/responses'), '/v1/responses')).toBe('responses')
    expect(permissionOf(tunnelEndpoint('/v1/realtime'), '/v1/realtime')).toBe('other')
  })

  test('what services take is theirs, whatever its path looks like', () => {
    const target = { path: '/google/gemma/v1/chat/completions', query: '' }
    expect(permissionOf(rawEndpoint(target, 'POST'), target.path)).toBe('services')
  })
})
