import { expect, test } from 'bun:test'
import { readResourcePath } from '#wire/resource-path.ts'

test.each([
  ['/v1/files', 'openai', 'file', []],
  ['/files', 'openai', 'file', []],
  ['/v1/files/file-1/content', 'openai', 'file', ['file-1', 'content']],
  ['/v1/files/a%20b', 'openai', 'file', ['a b']],
  ['/v1/responses/resp_1', 'openai', 'response', ['resp_1']],
  ['/v1/chat/completions/chatcmpl-1', 'openai', 'other', ['chatcmpl-1']],
  ['/v1/fine_tuning/jobs', 'openai', 'other', []],
  ['/v1/messages/batches/msgbatch_1/results', 'anthropic', 'other', ['msgbatch_1', 'results']],
  ['/v1beta/files/abc', 'gemini', 'file', ['abc']],
  ['/v1alpha/cachedContents', 'gemini', 'cache', []],
  ['/upload/v1beta/files', 'gemini', 'file', []],
] as const)('%s is kept by a provider', (path, dialect, kind, rest) => {
  expect(readResourcePath(path)).toMatchObject({ dialect, kind, rest })
})

test.each([
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/responses/compact',
  '/v1/messages',
  '/v1/models/x',
  '/v1beta/models/x:generateContent',
  '/v1/organization/users',
  '/v1/organization/files/x',
  '/v1/fine_tuning/checkpoints/x/permissions',
  '/v1/constructor',
  '/v1/filesystem',
  '/v1/files/../organization/users',
  '/v1/files/%2e%2e/organization/users',
  '/v1/files/..%2Forganization',
  '/v1/files/a%5Cb',
  '/v1/files/%zz',
  '/v1//files/x',
  '/upload/v1/files',
  '/vector_stores',
  '/v1beta/responses/x',
  '/',
  '',
])('%p is not', (path) => {
  expect(readResourcePath(path)).toBeUndefined()
})

test.each([
  ['/v1/files', true],
  ['/v1/uploads/upload_1/parts', true],
  ['/v1/containers/cntr_1/files', true],
  ['/upload/v1beta/fileSearchStores/x:uploadToFileSearchStore', true],
  ['/v1/files/file-1', false],
  ['/v1/batches', false],
])('%s may be sent files of any size: %p', (path, isUpload) => {
  expect(readResourcePath(path)?.isUpload).toBe(isUpload)
})
