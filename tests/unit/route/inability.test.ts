import { describe, expect, test } from 'bun:test'
import type { Candidate } from '#core/candidate.ts'
import type { Asked } from '#core/endpoint.ts'
import { canServe } from '#core/serving.ts'
import { inabilityOf, whyNobody } from '#route/inability.ts'
import { candidateOf } from '../../support/candidate.ts'

const claude: Partial<Candidate> = {
  protocol: 'anthropic',
  dialects: new Set(['anthropic']),
  translation: { form: 'messages', own: {} },
}
const onlyChat: Partial<Candidate> = { apis: new Set(['chat']), translation: { form: 'chat', own: {} } }
const responses: Asked = { dialect: 'openai', talk: { form: 'responses', does: 'generate' } }
const vectors: Asked = { dialect: 'openai', talk: { form: 'embeddings', does: 'embed' } }

const cases: readonly {
  readonly name: string
  readonly candidate: Partial<Candidate>
  readonly asked: Asked
  readonly lacks: string
  readonly none: string
  readonly remedy: RegExp
}[] = [
  {
    name: 'another dialect, untranslated',
    candidate: { ...claude, translation: undefined },
    asked: responses,
    lacks: 'does not speak the openai dialect',
    none: 'speaks the openai dialect',
    remedy: /"protocol: openai"/,
  },
  {
    name: 'a path that nobody translates',
    candidate: claude,
    asked: { dialect: 'openai' },
    lacks: 'does not speak the openai dialect, and this path is not translated',
    none: 'speaks the openai dialect, and this path is not translated',
    remedy: /"protocol: openai"/,
  },
  {
    name: 'an API of the dialect that its backend lacks',
    candidate: { ...onlyChat, translation: undefined },
    asked: responses,
    lacks: 'does not have the API "responses"',
    none: 'has the API "responses"',
    remedy: /"responses" among the "apis"/,
  },
  {
    name: 'embeddings of an OpenAI backend without that API',
    candidate: onlyChat,
    asked: vectors,
    lacks: 'makes no embeddings',
    none: 'makes embeddings',
    remedy: /"embeddings" among the "apis"/,
  },
  {
    name: 'embeddings of Claude',
    candidate: claude,
    asked: vectors,
    lacks: 'makes no embeddings',
    none: 'makes embeddings',
    remedy: /ask a model that makes them/,
  },
  {
    name: 'talk of who makes embeddings',
    candidate: { apis: new Set(['embeddings']), translation: { form: 'embeddings', own: {} } },
    asked: responses,
    lacks: 'makes embeddings and nothing else',
    none: 'makes anything but embeddings',
    remedy: /"apis"/,
  },
  {
    name: 'a file of a converter',
    candidate: { protocol: 'converter', dialects: new Set(), translation: { form: 'parley', own: {} } },
    asked: { dialect: 'openai' },
    lacks: 'has a converter, which cannot be asked that',
    none: 'has a converter that can be asked that',
    remedy: /name another backend/,
  },
]

describe('inabilityOf() tells the real reason', () => {
  test.each(cases)('$name', ({ candidate, asked, lacks, none, remedy }) => {
    const route = candidateOf('a', 'm', candidate)
    expect(canServe(route, asked)).toBe(false)
    const inability = inabilityOf(route, asked)
    expect([inability.lacks, inability.none]).toEqual([lacks, none])
    expect(inability.remedy).toMatch(remedy)
    expect(whyNobody([route, candidateOf('b', 'm', candidate)], asked)).toBe(`none of its backends ${none}`)
  })

  test('each by its own where they differ, as far as there is room', () => {
    const routes = [candidateOf('a', 'm', claude), candidateOf('b', 'm', { ...onlyChat, translation: undefined })]
    expect(whyNobody(routes, { ...vectors })).toBe(
      'none of its backends can be asked that: a/m makes no embeddings; b/m does not have the API "embeddings"',
    )
    const many = Array.from({ length: 9 }, (_, at) => candidateOf(`c${at}`, 'm', at % 2 === 0 ? claude : onlyChat))
    expect(whyNobody(many, vectors)).toBe('none of its backends makes embeddings')
    const mixed = many.map((route, at) =>
      at === 0 ? candidateOf('c0', 'm', { ...onlyChat, translation: undefined }) : route,
    )
    expect(whyNobody(mixed, vectors)).toEndWith(', and 4 more')
  })
})
