import { describe, expect, test } from 'bun:test'
import * as v from 'valibot'
import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import type { ConfigInput } from '#config/schema.ts'
import { encode } from '#kit/bytes.ts'
import { compileFilters, filtered, wantsBody } from '#upstream/filter.ts'
import { FiltersSchema } from '#upstream/filter-schema.ts'
import { candidateOf } from '../../support/candidate.ts'
import { tieredPlan } from '../../support/plan.ts'
import { callOf } from '../../support/upstream.ts'

type Filters = NonNullable<ConfigInput['filters']>

function compiled(filters: Filters) {
  return compileFilters(v.parse(FiltersSchema, filters)) ?? []
}

function through(filters: Filters, call: Call, path = call.path, plan = planFrom('one')): Call {
  return filtered(compiled(filters), call, path, plan)
}

/** One tier for each list of names. */
function planFrom(...tiers: readonly (string | readonly string[])[]): Plan {
  return tieredPlan(tiers.map((names) => [names].flat().map((name) => candidateOf(name, 'm'))))
}

const raw: Partial<Call> = {
  endpoint: { path: '/*', dialect: 'raw', reads: 'nothing', stream: undefined },
  model: '',
  modelAt: { start: 0, end: 0 },
}

function textOf({ body }: Call): string {
  return Buffer.from(body ?? []).toString()
}

describe('which requests a filter means', () => {
  const call = callOf({
    ...raw,
    method: 'PUT',
    path: '/v1/messages',
    headers: new Headers({ 'anthropic-beta': 'a-2,b-1', 'x-other': '1' }),
  })
  test.each<{ name: string; match: Filters[number]['match']; means: boolean }>([
    { name: 'no condition at all', match: undefined, means: true },
    { name: 'its method', match: { methods: ['put'] }, means: true },
    { name: 'another method', match: { methods: ['POST', 'GET'] }, means: false },
    { name: 'its path', match: { path: '/v1/messages' }, means: true },
    { name: 'the beginning of its path', match: { path: '/v1/mess' }, means: false },
    { name: 'a star at the end', match: { path: '/v1/*' }, means: true },
    { name: 'stars anywhere', match: { path: '*/mess*ges*' }, means: true },
    { name: 'a star for nothing', match: { path: '/v1/*messages' }, means: true },
    { name: 'the same letters for two pieces', match: { path: '/v1/messages*ages' }, means: false },
    { name: 'a header that is there', match: { headers: ['Anthropic-Beta'] }, means: true },
    { name: 'a header that is not', match: { headers: ['anthropic-beta', 'x-none'] }, means: false },
    { name: 'a header and its value', match: { headers: { 'x-other': '1' } }, means: true },
    { name: 'a header with another value', match: { headers: { 'x-other': '2' } }, means: false },
    { name: 'a header and a piece of its value', match: { headers: { 'anthropic-beta': '*b-1*' } }, means: true },
    { name: 'all of it', match: { methods: ['PUT'], path: '/v1/*', headers: ['x-other'] }, means: true },
    { name: 'one that does not fit', match: { methods: ['PUT'], path: '/v2/*', headers: ['x-other'] }, means: false },
  ])('$name: $means', ({ match, means }) => {
    const filters: Filters = [{ ...(match && { match }), remove: { headers: ['x-other'] } }]
    expect(through(filters, call).headers.has('x-other')).toBe(!means)
  })

  test('a path is meant as it is written and as it is read', () => {
    const filters: Filters = [
      { match: { path: '/v1/messages' }, remove: { headers: ['x-a'] } },
      { match: { path: '/v1/m%65ssages' }, remove: { headers: ['x-b'] } },
      { match: { path: '/v1/m*%zz' }, remove: { headers: ['x-c'] } },
    ]
    const named = (path: string): string[] => [
      ...through(
        filters,
        callOf({ ...raw, path, headers: new Headers({ 'x-a': '', 'x-b': '', 'x-c': '' }) }),
      ).headers.keys(),
    ]
    expect(named('/v1/m%65ssages')).toEqual(['x-c'])
    expect(named('/v1/m%zz')).toEqual(['x-a', 'x-b'])
  })

  test('many stars take no longer than few', () => {
    const filters = compiled([{ match: { path: `${'*a'.repeat(500)}b` }, remove: { headers: ['x'] } }])
    expect(wantsBody(filters, 'GET', [`/${'a'.repeat(50_000)}`], new Headers(), undefined)).toBe(false)
  })

  test.each<{ name: string; backends: string[]; plan: Plan; means: boolean }>([
    { name: 'the only one', backends: ['one'], plan: planFrom('one'), means: true },
    { name: 'another one', backends: ['two'], plan: planFrom('one'), means: false },
    { name: 'all of several', backends: ['one', 'two'], plan: planFrom(['one', 'two']), means: true },
    { name: 'some of several', backends: ['one'], plan: planFrom(['one', 'two']), means: false },
    { name: 'those of one tier', backends: ['one'], plan: planFrom('one', 'two'), means: false },
  ])('those that none but its backends may answer: $name', ({ backends, plan, means }) => {
    const filters: Filters = [{ match: { backends }, remove: { headers: ['x-other'], body: ['a'] } }]
    expect(through(filters, call, call.path, plan).headers.has('x-other')).toBe(!means)
    expect(wantsBody(compiled(filters), 'PUT', [call.path], call.headers, plan)).toBe(means)
    // Nobody knows yet who answers.
    expect(wantsBody(compiled(filters), 'PUT', [call.path], call.headers, undefined)).toBe(true)
  })

  test('of a service the path may be meant with its name or without', () => {
    const filters: Filters = [
      { match: { path: '/flow/m/v1/messages' }, remove: { headers: ['x-other'] } },
      { match: { path: '/v1/messages' }, remove: { headers: ['anthropic-beta'] } },
    ]
    expect([...through(filters, call, '/flow/m/v1/messages').headers.keys()]).toEqual([])
  })
})

describe('what a filter takes out', () => {
  test('A58: members of the body, headers and parameters, of all filters that match, and nothing else', () => {
    const call = callOf({
      ...raw,
      query: 'a=1&beta=true&b%65ta=2&c=%zz',
      headers: new Headers({ 'anthropic-beta': 'x', 'content-type': 'application/json', 'x-keep': '1' }),
      body: encode('{ "context_management" : {"a":1}, "messages" : [ ] }'),
    })
    const seen = through(
      [
        { remove: { body: ['context_management'], headers: ['Anthropic-Beta'] } },
        { match: { headers: ['anthropic-beta'] }, remove: { query: ['beta'] } },
      ],
      call,
    )
    expect({ query: seen.query, headers: [...seen.headers], body: textOf(seen) }).toEqual({
      query: 'a=1&c=%zz',
      headers: [
        ['content-type', 'application/json'],
        ['x-keep', '1'],
      ],
      body: '{ "messages" : [ ] }',
    })
  })

  test('the place of the model is found again, and its name stays', () => {
    const call = callOf({ body: encode('{"thinking":{"x":[1]},"stream":false,"model":"alias","n":1}') })
    const seen = through([{ remove: { body: ['thinking', 'model', 'n'] } }], call)
    expect([textOf(seen), textOf(seen).slice(seen.modelAt.start, seen.modelAt.end)]).toEqual([
      '{"stream":false,"model":"alias"}',
      '"alias"',
    ])
  })

  test('a stream that nobody asks for any more is none', () => {
    const body = encode('{"model":"alias","stream":true}')
    expect(through([{ remove: { body: ['stream'] } }], callOf({ stream: true, body })).stream).toBe(false)
  })

  test.each([
    { name: 'nothing to take out', body: '{"a":1}' },
    { name: 'no JSON', body: 'x=1' },
  ])('$name: the call is the very same', ({ body }) => {
    const call = callOf({ ...raw, body: encode(body) })
    expect(through([{ remove: { body: ['b'], headers: ['x-b'], query: ['b'] } }], call)).toBe(call)
  })

  test('only those that take something out of a body want it', () => {
    const [headers, body] = [{ remove: { headers: ['x'] } }, { match: { path: '/a' }, remove: { body: ['x'] } }]
    const none = new Headers()
    expect(wantsBody(compiled([headers]), 'POST', ['/a'], none, undefined)).toBe(false)
    expect(wantsBody(compiled([headers, body]), 'POST', ['/a'], none, undefined)).toBe(true)
    expect(wantsBody(compiled([headers, body]), 'POST', ['/b'], none, undefined)).toBe(false)
    expect(compileFilters([])).toBeUndefined()
  })
})
