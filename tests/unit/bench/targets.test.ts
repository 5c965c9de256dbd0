import { afterAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { makeRunDirectory, prepareLaunch, removeRunDirectory, targets } from '../../../bench/targets.ts'

interface Config {
  readonly proxy_api_key?: string
  readonly backends: readonly { readonly url: string; readonly tls?: { readonly ca: string } }[]
  readonly models: Readonly<Record<string, { readonly routes: readonly unknown[] }>>
  readonly logging: { readonly level: string; readonly general_file?: string }
}

afterAll(removeRunDirectory)

test.each([
  { name: 'llm-proxy', hasKey: true, routes: 2, level: 'info' },
  { name: 'llm-proxy-bare', hasKey: false, routes: 1, level: 'error' },
  { name: 'llm-proxy-quiet', hasKey: true, routes: 2, level: 'error' },
])('$name has what it says switched on', ({ name, hasKey, routes, level }) => {
  const config = configOf(name, { port: 4000, caFile: undefined })
  expect(config.proxy_api_key !== undefined).toBe(hasKey)
  expect(Object.values(config.models)[0]?.routes).toHaveLength(routes)
  expect(config.backends.map(({ url }) => url)).toEqual(
    Array.from({ length: routes }, () => 'http://127.0.0.1:4000/v1'),
  )
  expect(config.logging.level).toBe(level)
  expect(config.logging.general_file !== undefined).toBe(level === 'info')
})

test('a TLS upstream is verified by its own certificate', () => {
  const { backends } = configOf('llm-proxy-bare', { port: 4000, caFile: '/somewhere/ca.pem' })
  expect(backends).toMatchObject([{ url: 'https://127.0.0.1:4000/v1', tls: { ca: '${file:/somewhere/ca.pem}' } }])
})

function configOf(name: string, upstream: { port: number; caFile: string | undefined }): Config {
  makeRunDirectory()
  const target = targets.find((one) => one.name === name)
  if (target === undefined) throw new Error(`Cannot find the target "${name}"`)
  const { command } = prepareLaunch(target, { upstream, binary: 'llm-proxy' })
  return JSON.parse(readFileSync(command.at(-1) ?? '', 'utf8')) as Config
}
