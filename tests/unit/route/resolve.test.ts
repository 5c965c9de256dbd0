import { expect, test } from 'bun:test'
import { isRefusal } from '#core/refusal.ts'
import { resolve } from '#route/resolve.ts'
import { snapshotOf } from '../../support/compiled.ts'

const backends = [
  { name: 'a', url: 'http://a.test/v1' },
  { name: 'off', url: 'http://off.test/v1', enabled: false },
]
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
