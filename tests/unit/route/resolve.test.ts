import { expect, test } from 'bun:test'
import type { Plan } from '#core/plan.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import type { Dialect } from '#core/dialect.ts'
import { resolve as resolveCall, resolveNamed, type PlanTable } from '#route/resolve.ts'
import { findService } from '#route/service-path.ts'
import { snapshotOf } from '../../support/compiled.ts'

const backends = [
  { name: 'a', url: 'http://a.test/v1' },
  { name: 'off', url: 'http://off.test/v1', enabled: false },
]
const chat = { path: '/v1/chat/completions', dialect: 'openai', reads: 'json', stream: 'chat' } as const

function resolve(table: PlanTable, model: string): Plan | Refusal {
  return resolveCall(table, { endpoint: chat, method: 'POST', model, path: chat.path, headers: new Headers() })
}

const route = { backend: 'a', model: 'm' }

function tableOf(aliases: readonly string[], status: 404 | 400 = 404) {
  return snapshotOf({
    backends,
    models: Object.fromEntries(aliases.map((alias) => [alias, { routes: [route] }])),
    errors: { unknown_model_status: status },
  })
}

test('B05: an alias with slashes finds its plan', () => {
  const plan = resolve(tableOf(['anthropic/claude-opus-4-5']), 'anthropic/claude-opus-4-5')
  expect(plan).toMatchObject({ alias: 'anthropic/claude-opus-4-5', tiers: [{ candidates: [{ id: 'a/m' }] }] })
})

test('an unknown alias is refused with 404 and the field at fault', () => {
  expect(resolve(tableOf(['gpt-5']), 'something-else-entirely')).toEqual({
    kind: 'refusal',
    code: 'model_not_found',
    status: 404,
    message: 'Cannot find the model: no alias is named "something-else-entirely", ask for one that "/v1/models" lists',
    param: 'model',
  })
})

test('errors.unknown_model_status sets the status of the refusal', () => {
  expect(resolve(tableOf(['gpt-5'], 400), 'x')).toMatchObject({ code: 'model_not_found', status: 400 })
})

test.each([
  { asked: 'gtp-5', hint: 'did you mean "gpt-5"?' },
  { asked: 'GPT-5', hint: 'did you mean "gpt-5"?' },
  { asked: 'claude-opus-4-5', hint: 'did you mean "anthropic/claude-opus-4-5"?' },
  { asked: 'openrouter/gpt-5', hint: 'did you mean "gpt-5"?' },
])('a near miss "$asked" is answered with a hint', ({ asked, hint }) => {
  const refusal = resolve(tableOf(['gpt-5', 'anthropic/claude-opus-4-5']), asked)
  expect(isRefusal(refusal) && refusal.message).toEndWith(`no alias is named "${asked}", ${hint}`)
})

test('the echo of the name is short, whole and in one line', () => {
  const refusal = resolve(tableOf([]), `a\r\nb\u0000${'\u{1f600}'.repeat(100)}`)
  const message = isRefusal(refusal) ? refusal.message : ''
  expect(message).toContain('"a  b ')
  expect(message).toContain('…"')
  expect(message.isWellFormed()).toBe(true)
  expect(message.length).toBeLessThan(200)
})

test('names of prototypes are no aliases', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    expect(resolve(tableOf(['gpt-5']), name)).toMatchObject({ code: 'model_not_found' })
  }
})

test('B18: a switched-off alias without fallback is unknown', () => {
  const table = snapshotOf({ backends, models: { m: { enabled: false, routes: [route] } } })
  expect(resolve(table, 'm')).toMatchObject({ code: 'model_not_found', status: 404 })
  expect(table.aliases).toEqual([])
})

test('N102: an alias of which nothing can answer is still known', () => {
  const table = snapshotOf({ backends, models: { m: { routes: [{ backend: 'off', model: 'm' }] } } })
  expect(resolve(table, 'm')).toMatchObject({ alias: 'm', tiers: [] })
})

const pooled = (id: string, url = `http://${id}.test`): { id: string; url: string } => ({ id, url })
const services = {
  google: { models: { 'gemma-4': { backends: [pooled('a')] }, 'meta/llama': { backends: [pooled('b')] } } },
  llm: { models: { 'gpt-4': { backends: [pooled('c')] } } },
}
const passthrough = {
  backends: [pooled('p', 'https://flow.test/flow-llm-proxy'), pooled('q', 'http://other.test:9000')],
}

/** A request at a path, as the road reads it. */
function atPath(table: PlanTable, path: string, host = 'gateway.test'): Plan | Refusal {
  const found = findService(table.services, path)
  const endpoint = { path: '/*', dialect: 'raw' as Dialect, reads: 'nothing', stream: undefined } as const
  const headers = new Headers({ host })
  return resolveCall(table, { endpoint, method: 'GET', model: found?.key ?? '', path: found?.rest ?? path, headers })
}

test.each([
  { path: '/google/gemma-4', alias: 'google/gemma-4' },
  { path: '/google/gemma-4/v1/chat/completions', alias: 'google/gemma-4' },
  { path: '/google/meta%2Fllama/v1', alias: 'google/meta/llama' },
  { path: '/llm/gpt-4/', alias: 'llm/gpt-4' },
  { path: '/v1/files', alias: 'passthrough' },
  { path: '/', alias: 'passthrough' },
])('D01: $path leads to $alias', ({ path, alias }) => {
  expect(atPath(snapshotOf({ services, passthrough }), path)).toMatchObject({ alias })
})

test.each([
  {
    path: '/google/nope/v1/models',
    says: 'Cannot find "google/nope": service "google" has no model of that name, its models are "gemma-4", "meta/llama"',
  },
  {
    path: '/google/gema-4',
    says: 'Cannot find "google/gema-4": service "google" has no model of that name, did you mean "gemma-4"?',
  },
  {
    path: '/google',
    says: 'Cannot find a model: the path ends behind service "google", and its model should follow, its models are "gemma-4", "meta/llama"',
  },
  {
    path: '/gogle/gemma-4/x',
    says: 'Cannot find "gogle/gemma-4": no service is named "gogle", did you mean "google"?',
  },
  {
    path: '/nobody/here',
    says: 'Cannot find "nobody/here": no service is named "nobody", the services are "google", "llm"',
  },
])('D54: $path is told what is missing', ({ path, says }) => {
  expect(atPath(snapshotOf({ services, errors: { unknown_model_status: 400 } }), path)).toEqual({
    kind: 'refusal',
    code: 'model_not_found',
    // The status of unknown aliases is another matter.
    status: 404,
    message: says,
  })
})

test('D54: an unknown model of a service is not passed on to whoever takes the rest', () => {
  expect(atPath(snapshotOf({ services, passthrough }), '/google/nope/x')).toMatchObject({ code: 'model_not_found' })
})

test('a model that no alias names goes to passthrough, one that an alias names does not', () => {
  const table = snapshotOf({ backends, models: { 'gpt-5': { routes: [route] } }, passthrough })
  expect(resolve(table, 'gpt-5')).toMatchObject({ alias: 'gpt-5' })
  expect(resolve(table, 'other')).toMatchObject({ alias: 'passthrough' })
})

test.each([
  { host: 'flow.test', ids: ['passthrough/p'] },
  { host: 'FLOW.test.:443', ids: ['passthrough/p'] },
  { host: 'other.test:9000', ids: ['passthrough/q'] },
  { host: 'other.test', ids: [] },
])('A53 N001: what is meant for $host goes to $ids', ({ host, ids }) => {
  const { forwarding } = snapshotOf({ passthrough, forward_proxy: { enabled: true } })
  const tiers = forwarding?.wayTo(host, '/v1/models')?.plan.tiers ?? []
  expect(tiers.flatMap(({ candidates }) => candidates.map(({ id }) => id))).toEqual([...ids])
})

test('resolveNamed() takes a model of a service by service and model', () => {
  expect(resolveNamed(snapshotOf({ services }), 'google/gemma-4')).toMatchObject({ alias: 'google/gemma-4' })
})
