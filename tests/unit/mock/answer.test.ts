import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { answerMock } from '#mock/answer.ts'
import { behaviourWords } from '#mock/behaviour.ts'
import { seededRandom } from '#ports/random.ts'

const paths = fc.constantFrom(
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1/messages/count_tokens',
  '/v1/embeddings',
  '/v1/images/generations',
  '/v1/audio/speech',
  '/v1/moderations',
  '/v1/rerank',
  '/v1/models/%E0%A4%A',
  '/v1beta/models/%E0%A4%A:generateContent',
  '/v1beta/models/ok+nd:streamGenerateContent',
  '/v1beta/models/ok:batchEmbedContents',
  '/api/chat',
  '/api/generate',
  '/api/embed',
  '/api/embeddings',
  '/api/show',
  '/api/tags',
  '/api/version',
  '/elsewhere',
)

const fieldNames =
  'messages input contents prompt system tools tool_choice toolConfig n max_tokens response_format generationConfig text ' +
  'dimensions requests query documents top_n stream options format input'
const fields = fc.constantFrom(...fieldNames.split(' '))

const models = fc.oneof(fc.string(), fc.constantFrom(...Object.keys(behaviourWords)), fc.constant('tools+scut+torn'))

test('answerMock() has an answer to every request, whatever is in it', () => {
  const body = fc.tuple(models, fc.dictionary(fields, fc.jsonValue({ maxDepth: 4 })))
  fc.assert(
    fc.property(fc.constantFrom('GET', 'POST'), paths, body, (method, path, [model, rest]) => {
      const request = {
        method,
        path,
        query: '',
        headers: new Headers(),
        body: new TextEncoder().encode(JSON.stringify({ ...rest, model })),
      }
      const answer = answerMock(request, { name: 'unit', wallMs: 0, random: seededRandom(1) })
      if (answer.kind !== 'response') return
      expect(answer.status).toBeWithin(100, 600)
      for (const frame of answer.body.frames) expect(frame.bytes.length).toBeGreaterThan(0)
    }),
    { numRuns: 1000 },
  )
})

test.each([
  { path: '/v1/chat/completions', field: 'messages' },
  { path: '/v1/responses', field: 'tools' },
])('answerMock() answers $path when "$field" is nested very deep', ({ path, field }) => {
  const body = new TextEncoder().encode(`{"model":"ok","${field}":${'['.repeat(50_000)}${']'.repeat(50_000)}}`)
  const request = { method: 'POST', path, query: '', headers: new Headers(), body }
  const answer = answerMock(request, { name: 'unit', wallMs: 0, random: seededRandom(1) })
  expect(answer).toMatchObject({ kind: 'response' })
})
