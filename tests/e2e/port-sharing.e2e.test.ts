import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { isLinux } from '../support/process.ts'
import { freePort, startAt } from '../support/workers.ts'

setDefaultTimeout(20_000)

describe.skipIf(!isLinux)('a port', () => {
  test('alone on its port, a process that may share it stops as any other', async () => {
    const port = freePort()
    await using alone = await startAt(port)
    const startedMs = performance.now()
    expect(await alone.stop()).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(1000)
    expect(await connects(port)).toBe(false)
  })

  test.each([
    { first: '{}', second: '{}' },
    { first: '{}', second: '{ reuse_port: true }' },
    { first: '{ reuse_port: true }', second: '{}' },
    { first: '{ workers: 2 }', second: '{ workers: 2 }' },
    { first: '{ reuse_port: true }', second: '{ workers: 2 }' },
  ])('server.reuse_port is wanted by both: $first and $second do not share', async ({ first, second }) => {
    const port = freePort()
    await using serving = await startAt(port, first)
    await using refused = await startAt(port, second, { waits: false })
    expect(await refused.exited).toBe(1)
    expect(refused.output()).toContain(`Cannot listen on "127.0.0.1:${port}": another program has it`)
    expect(refused.output().match(/Cannot listen/g)).toHaveLength(1)
    expect(await serving.stop()).toBe(0)
  })
})

async function connects(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
