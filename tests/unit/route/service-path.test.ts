import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { findService, segmentsMax, serviceOf } from '#route/service-path.ts'

function tableOf(services: Readonly<Record<string, readonly string[]>>) {
  const byName = new Map(
    Object.entries(services).map(([name, models]) => [
      name,
      new Map(models.map((model): [string, string] => [model, `${name}/${model}`])),
    ]),
  )
  return { byName }
}

const table = tableOf({
  google: ['gemma-4-26b-a4b-it', 'gemma', 'gemma/tuned'],
  svc: ['meta/llama', 'm', '100%', 'a b', 'a//b'],
  服务名: ['模型名'],
})

describe('findService()', () => {
  test.each([
    { path: '/google/gemma-4-26b-a4b-it', key: 'google/gemma-4-26b-a4b-it', rest: '' },
    { path: '/google/gemma-4-26b-a4b-it/', key: 'google/gemma-4-26b-a4b-it', rest: '/' },
    {
      path: '/google/gemma-4-26b-a4b-it/v1/chat/completions',
      key: 'google/gemma-4-26b-a4b-it',
      rest: '/v1/chat/completions',
    },
    { path: '/google/gemma/v1', key: 'google/gemma', rest: '/v1' },
    { path: '/google/gemma/tuned/v1', key: 'google/gemma/tuned', rest: '/v1' },
    { path: '/google/gemma%2Ftuned/v1', key: 'google/gemma/tuned', rest: '/v1' },
    { path: '/google/gemma/tune', key: 'google/gemma', rest: '/tune' },
    { path: '/svc/meta%2Fllama/v1/models', key: 'svc/meta/llama', rest: '/v1/models' },
    { path: '/svc/meta%2fllama', key: 'svc/meta/llama', rest: '' },
    { path: '/svc/meta/llama/v1/models', key: 'svc/meta/llama', rest: '/v1/models' },
    { path: '/svc/100%25/x', key: 'svc/100%', rest: '/x' },
    { path: '/svc/100%/x', key: 'svc/100%', rest: '/x' },
    { path: '/svc/a%20b/x', key: 'svc/a b', rest: '/x' },
    { path: '/svc/a//b/x', key: 'svc/a//b', rest: '/x' },
    { path: '/s%76c/m', key: 'svc/m', rest: '' },
    { path: '/%E6%9C%8D%E5%8A%A1%E5%90%8D/%E6%A8%A1%E5%9E%8B%E5%90%8D/v1', key: '服务名/模型名', rest: '/v1' },
    { path: '/svc/m//v1//x/', key: 'svc/m', rest: '//v1//x/' },
    { path: '/svc/m/a%2Fb', key: 'svc/m', rest: '/a%2Fb' },
    { path: '/svc/m/%zz', key: 'svc/m', rest: '/%zz' },
  ])('D01 D82 N316: $path is $key with "$rest" behind it', ({ path, key, rest }) => {
    expect(findService(table, path)).toEqual({ key, rest })
  })

  test.each([
    '/',
    '',
    '/google',
    '/google/',
    '/google/gemm',
    '/google/gemma2',
    '/Google/gemma',
    '//google/gemma',
    '/x/m',
  ])('D54: %p leads nowhere', (path) => {
    expect(findService(table, path)).toBeUndefined()
  })

  test('names of prototypes are no services', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(findService(table, `/${name}/${name}`)).toBeUndefined()
      expect(findService(table, `/svc/${name}`)).toBeUndefined()
    }
  })

  const name = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((text) => !/^\.{1,2}$/.test(text) && text.isWellFormed())

  test('N303 N316: whatever stands behind a model comes out byte by byte', () => {
    fc.assert(
      fc.property(
        name.filter((text) => !text.includes('/')),
        fc.array(name, { minLength: 1, maxLength: 4 }),
        fc.oneof(fc.string({ unit: 'binary-ascii', maxLength: 60 }), fc.string().map(encodeURIComponent)),
        (service, segments, tail) => {
          const model = segments.join('/')
          // A longer model would take a part of it.
          const rest = tail === '' ? '' : `/${tail}`
          const found = findService(
            tableOf({ [service]: [model] }),
            `/${encodeURIComponent(service)}/${encodeURIComponent(model)}${rest}`,
          )
          expect(found).toEqual({ key: `${service}/${model}`, rest })
        },
      ),
    )
  })

  test('a path of nothing but slashes is soon given up', () => {
    expect(findService(table, `/svc${'/'.repeat(16_000)}m`)).toBeUndefined()
    const long = Array.from({ length: segmentsMax }, () => 'x').join('/')
    expect(findService(tableOf({ svc: [long] }), `/svc/${long}/rest`)).toEqual({ key: `svc/${long}`, rest: '/rest' })
  })
})

test.each([
  { path: '/svc', name: 'svc' },
  { path: '/svc/whatever/x', name: 'svc' },
  { path: '/%73vc/', name: 'svc' },
  { path: '/v1/chat/completions', name: undefined },
  { path: '/', name: undefined },
])('serviceOf() $path is $name', ({ path, name }) => {
  expect(serviceOf(table, path)).toBe(name)
})
