import { expect, test } from 'bun:test'
import { Http1Client } from '#http1/client.ts'
import type { Resolver } from '#http1/dns.ts'
import { openRoad } from '../support/road.ts'
import { whenDone } from '../support/scripted.ts'

/** Looks up for ever. */
const silent: Resolver = { resolve: async () => await new Promise(() => {}), demote: () => {}, forget: () => {} }

test.each([
  { key: 'timeout.dns', own: '', common: 'timeout: { dns: 7s }', tookMs: 7000 },
  { key: 'the default of timeout.dns', own: '', common: '', tookMs: 5000 },
  { key: 'backends[].timeout.dns', own: ', timeout: { dns: 2s }', common: 'timeout: { dns: 7s }', tookMs: 2000 },
])('$key ends the search for an address', async ({ own, common, tookMs }) => {
  const yaml = `
${common}
backends: [{ name: a, url: "https://llm.test/v1"${own} }]
models: { m: { routes: [{ backend: a, model: m }] } }
`
  const road = await openRoad(yaml, async (request, { clock }) => {
    return await new Http1Client({ clock, resolver: silent }).send(request)
  })
  const { value, tookMs: took } = await whenDone(road.clock, road.chat('m'))
  expect([value.status, took]).toEqual([502, tookMs])
  expect(await value.text()).toContain(`within ${tookMs} ms`)
})
