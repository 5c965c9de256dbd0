import { describe, expect, test } from 'bun:test'
import { openSharedPort } from '#ports/port-sharing.ts'
import { isLinux } from '../../support/process.ts'
import { rawRequest } from '../../support/raw-client.ts'

/** Listeners on one port, and how many connections each of them took. */
class Port implements AsyncDisposable {
  readonly taken: number[] = []
  readonly #servers: Bun.Server<undefined>[] = []

  constructor(count: number) {
    for (let index = 0; index < count; index += 1) this.join()
  }

  get number(): number {
    return this.#servers[0]?.port ?? 0
  }

  join(): void {
    const at = this.taken.push(0) - 1
    const port = this.number
    const fetch = (): Response => {
      this.taken[at] = (this.taken[at] ?? 0) + 1
      return new Response('')
    }
    this.#servers.push(Bun.serve({ port, hostname: '127.0.0.1', reusePort: true, fetch }))
  }

  async connect(times: number): Promise<readonly number[]> {
    this.taken.fill(0)
    for (let time = 0; time < times; time += 1) await rawRequest(`http://127.0.0.1:${this.number}`, { path: '/' })
    return [...this.taken]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server.stop(true)
  }
}

describe.skipIf(!isLinux)('a port that several listen on', () => {
  test.each<{ places: number[] }>([{ places: [1] }, { places: [0, 2] }, { places: [1, 2, 3] }])(
    'F96: new connections are shared by the places $places, and by all when they are not steered any more',
    async ({ places }) => {
      await using port = new Port(4)
      const shared = openSharedPort(port.number)
      expect(shared?.listeners).toBe(4)
      expect(shared?.steerTo(places)).toBe(true)
      const taken = await port.connect(100)
      expect(taken.flatMap((count, place) => (count > 0 ? [place] : []))).toEqual(places)
      shared?.steerToAll()
      expect((await port.connect(100)).filter((count) => count === 0)).toEqual([])
    },
  )

  test('F96: a steering that was left behind keeps newcomers without connections until one of them takes it off', async () => {
    await using port = new Port(2)
    openSharedPort(port.number)?.steerTo([0])
    port.join()
    expect(await port.connect(30)).toEqual([30, 0, 0])
    openSharedPort(port.number)?.steerToAll()
    expect((await port.connect(100)).filter((count) => count === 0)).toEqual([])
  })

  test('nobody listens there', () => {
    expect(openSharedPort(1)).toBeUndefined()
  })
})
