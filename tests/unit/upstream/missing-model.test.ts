import { describe, expect, test } from 'bun:test'
import type { Call } from '#core/call.ts'
import { isKnownPath, isModelMissing } from '#upstream/missing-model.ts'
import { findError } from '#wire/error-in-body.ts'
import { callOf } from '../../support/upstream.ts'

const messages = { path: '/v1/messages', dialect: 'anthropic', reads: 'json', stream: 'messages' } as const
const google = { path: '/v1beta/models/*', dialect: 'gemini', reads: 'path', stream: undefined } as const
const anyPath = { path: '/v1/*', dialect: 'openai', reads: 'json', stream: undefined } as const

const chat = callOf()
const anthropic = callOf({ endpoint: messages, path: '/v1/messages' })
const madeUp = callOf({ endpoint: anyPath, path: '/v1/model' })

function gemini(path: string): Call {
  return callOf({ endpoint: google, path })
}

const googleError = '{"error":{"code":404,"message":"models/m is not found for API version v1","status":"NOT_FOUND"}}'

describe('isModelMissing()', () => {
  test.each<[string, Call, string, boolean]>([
    ['OpenAI’s code', chat, '{"error":{"message":"The model `m` does not exist","code":"model_not_found"}}', true],
    ['Azure’s code', chat, '{"error":{"code":"DeploymentNotFound","message":"no such deployment"}}', true],
    ['Anthropic’s model', anthropic, '{"type":"error","error":{"type":"not_found_error","message":"model: m"}}', true],
    ['Ollama’s model', chat, `{"error":{"message":"model 'm' not found","type":"not_found_error"}}`, true],
    ['vLLM’s model', chat, '{"object":"error","message":"The model `m` does not exist.","type":"NotFoundError"}', true],
    ['Google’s model', gemini('/v1beta/models/m:generateContent'), googleError, true],
    ['Google’s model, streamed', gemini('/v1beta/models/m:streamGenerateContent'), googleError, true],
    ['a version that lacks Google’s model', gemini('/v1/models/m:generateContent'), googleError, false],
    ['a verb that Google’s model lacks', gemini('/v1beta/models/m:embedContent'), googleError, false],
    [
      'a file that is not there',
      anthropic,
      '{"type":"error","error":{"type":"not_found_error","message":"File not found: model-file"}}',
      false,
    ],
    ['a chat model at another endpoint', chat, '{"error":{"message":"This is a chat model","param":"model"}}', false],
    ['prose alone', chat, '{"error":{"message":"The model `m` does not exist"}}', false],
    ['a path that the client thought up', madeUp, '{"error":{"message":"no","code":"model_not_found"}}', false],
    ['no error at all', chat, 'The model does not exist', false],
  ])('%s', (_, call, text, missing) => {
    expect(isModelMissing(findError(text), call)).toBe(missing)
  })
})

test('isKnownPath() tells our endpoints from paths that are sent on as they came', () => {
  expect([chat, anthropic, gemini('/v1/models/m:generateContent'), madeUp].map(isKnownPath)).toEqual([
    true,
    true,
    true,
    false,
  ])
})
