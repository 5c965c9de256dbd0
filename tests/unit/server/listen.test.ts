import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import type { App } from '#server/app.ts'
import { listen } from '#server/listen.ts'
import { rawRequest } from '../../support/raw-client.ts'

const loopback = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

describe('H12: what the app lets through', () => {
  test.each<{ name: string; app: App }>([
    {
      name: 'a throw',
      app: () => {
        throw new Error('secret words')
      },
    },
    { name: 'a rejection', app: async () => await Promise.reject(new Error('secret words')) },
    {
      name: 'a body that was used',
      app: async () => {
        const used = new Response('x')
        await used.text()
        return used
      },
    },
  ])('$name is told to us, and the client gets an answer of ours', async ({ app }) => {
    const told: unknown[] = []
    const listener = await listen(loopback, app, (error) => {
      told.push(error)
      return 'req_1'
    })
    const { status, headers, text } = await rawRequest(listener.address, { path: '/' })
    await listener.cut()
    expect([status, headers.get('x-request-id'), told.length]).toEqual([500, 'req_1', 1])
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'server_error', code: 'internal_error' } })
    expect(text).not.toContain('secret words')
  })

  test('what is no answer at all gives no page of the platform', async () => {
    // Types forbid it; the platform would show what it is, or a welcome.
    const app = (() => undefined) as unknown as App
    const listener = await listen(loopback, app, () => 'req_1')
    const { status, text } = await rawRequest(listener.address, { path: '/' })
    await listener.cut()
    expect([status, text]).toEqual([204, ''])
  })
})

test('H9: patience is a deadline for a body, however steadily it comes', async () => {
  let sawCut = false
  const listener = await listen(
    loopback,
    async (request, connection) => {
      connection.patience(2)
      try {
        await request.arrayBuffer()
      } catch {
        sawCut = true
      }
      return new Response('')
    },
    () => 'req_1',
  )
  const dripping = new AbortController()
  const socket = connect(Number(listener.port), '127.0.0.1')
  const closed = Promise.withResolvers<void>()
  socket.on('error', () => {})
  socket.on('close', () => closed.resolve())
  socket.write('POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 100000\r\n\r\n')
  const drip = async (): Promise<void> => {
    while (!dripping.signal.aborted) {
      socket.write('x')
      await Bun.sleep(100)
    }
  }
  const dripped = drip()
  await closed.promise
  dripping.abort()
  await dripped
  await listener.cut()
  expect(sawCut).toBe(true)
})
