import { describe, expect, test } from 'bun:test'
import type { Candidate } from '#core/candidate.ts'
import type { CompatPolicy } from '#core/compat.ts'
import type { Asked } from '#core/endpoint.ts'
import { canServe, nativesFirst, servesItself } from '#core/serving.ts'
import { Course } from '#route/course.ts'
import { candidateOf } from '../../support/candidate.ts'
import { planOf } from '../../support/upstream.ts'

const chat: Asked = { dialect: 'openai', talk: { form: 'chat', does: 'generate' } }
const responses: Asked = { dialect: 'openai', talk: { form: 'responses', does: 'generate' } }
const messages: Asked = { dialect: 'anthropic', talk: { form: 'messages', does: 'generate' } }
const vectors: Asked = { dialect: 'openai', talk: { form: 'embeddings', does: 'embed' } }
const count: Asked = { dialect: 'anthropic', talk: { form: 'messages', does: 'count' } }
const ollamaVectors: Asked = { dialect: 'ollama', talk: { form: 'ollama', does: 'embed' } }
const speech: Asked = { dialect: 'openai' }

const openai = candidateOf('gpt', 'm', { translation: { form: 'chat', own: {} } })
const claude = candidateOf('claude', 'm', {
  protocol: 'anthropic',
  dialects: new Set(['anthropic']),
  translation: { form: 'messages', own: {} },
})
const compatible = candidateOf('compatible', 'm', {
  apis: new Set(['chat', 'embeddings']),
  translation: { form: 'chat', own: {} },
})
const withoutVectors = candidateOf('texts', 'm', {
  apis: new Set(['chat']),
  translation: { form: 'chat', own: {} },
})
const vectorsAlone = candidateOf('vectors', 'm', {
  apis: new Set(['embeddings']),
  translation: { form: 'embeddings', own: {} },
})
const newer = candidateOf('newer', 'm', {
  apis: new Set(['responses', 'embeddings']),
  translation: { form: 'responses', own: {} },
})
const cloudClaude = candidateOf('cloud', 'm', {
  protocol: 'bedrock',
  dialects: new Set(),
  translation: { form: 'messages', carrier: 'bedrock_invoke', own: {} },
})
const untranslated = candidateOf('plain', 'm')

describe('who can serve what', () => {
  const rows: readonly [name: string, candidate: Candidate, asked: Asked, says: 'itself' | 'translates' | 'no'][] = [
    ['an OpenAI backend serves Chat', openai, chat, 'itself'],
    ['an OpenAI backend serves what nobody translates', openai, speech, 'itself'],
    ['an OpenAI backend is asked for Messages by translation', openai, messages, 'translates'],
    ['a Claude backend is asked for Chat by translation', claude, chat, 'translates'],
    ['a Claude backend makes no speech', claude, speech, 'no'],
    ['a Claude backend makes no vectors', claude, vectors, 'no'],
    ['tokens for Claude clients are counted for any backend', openai, count, 'translates'],
    ['an API that a compatible backend lacks is translated', compatible, responses, 'translates'],
    ['an API that a compatible backend has is not', compatible, chat, 'itself'],
    ['an API that a compatible backend lacks, and nobody else has, is not asked for', withoutVectors, vectors, 'no'],
    ['nor is it asked for by clients of others', withoutVectors, ollamaVectors, 'no'],
    ['a backend of vectors makes them for clients of others', vectorsAlone, ollamaVectors, 'translates'],
    ['a backend of vectors does not talk', vectorsAlone, chat, 'no'],
    ['a backend of Responses makes vectors', newer, ollamaVectors, 'translates'],
    [
      'the APIs of OpenAI say nothing of those of others',
      candidateOf('any', 'm', { dialects: new Set(['openai', 'anthropic']), apis: new Set(['chat']) }),
      messages,
      'itself',
    ],
    ['Claude in a cloud knows the form of its own clients', cloudClaude, messages, 'itself'],
    ['Claude in a cloud is asked for Chat by translation', cloudClaude, chat, 'translates'],
    ['where translation is off, only the own dialect is served', untranslated, messages, 'no'],
  ]
  test.each(rows)('%s', (_, candidate, asked, says) => {
    expect([servesItself(candidate, asked), canServe(candidate, asked)]).toEqual([says === 'itself', says !== 'no'])
  })
})

describe('nativesFirst()', () => {
  test('puts those who need no translation in front and keeps the order otherwise', () => {
    expect(nativesFirst([openai, claude, compatible, cloudClaude], messages)).toEqual([
      claude,
      cloudClaude,
      openai,
      compatible,
    ])
  })

  test('leaves an order alone in which all are alike', () => {
    const order = [openai, compatible]
    expect(nativesFirst(order, chat)).toBe(order)
    expect(nativesFirst(order, messages)).toBe(order)
  })
})

describe('a course through routes of several forms', () => {
  const compat: CompatPolicy = {
    mode: 'warn',
    prefersNative: true,
    inlineSystem: 'user_tagged',
    repairsHistory: true,
    autoCache: true,
    forwardsIdentity: false,
    chatReasoning: 'reasoning_content',
    hostedTools: 'drop',
    fetchesMedia: true,
    fansOutAnswers: false,
  }
  const tiers = [
    { alias: 'a', level: 'l1', priority: 1, candidates: [openai, claude] },
    { alias: 'a', level: 'l1', priority: 2, candidates: [cloudClaude] },
  ] as const

  function orderFor(prefersNative: boolean, asked: Asked, seed: number): string[] {
    const course = new Course({ ...planOf(), tiers, compat: { ...compat, prefersNative } }, seed, undefined, asked)
    const ids: string[] = []
    for (let next = course.next(); next !== undefined; next = course.next()) ids.push(next.backend.name)
    return ids
  }

  test('asks those of a priority first that need no translation, and never a later priority before an earlier one', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      expect(orderFor(true, messages, seed)).toEqual(['claude', 'gpt', 'cloud'])
      expect(orderFor(true, chat, seed)).toEqual(['gpt', 'claude', 'cloud'])
    }
  })

  test('goes by weight alone where compat.prefer_native is off', () => {
    const firsts = Array.from(
      { length: 400 },
      (_, seed) => orderFor(false, chat, Math.imul(seed, 2_654_435_761) >>> 0)[0],
    )
    expect(firsts.filter((name) => name === 'claude').length).toBeGreaterThan(120)
    expect(firsts.filter((name) => name === 'gpt').length).toBeGreaterThan(120)
  })
})
