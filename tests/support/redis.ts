import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const program = Bun.which('redis-server')

/** Why tests with a real Redis are left out; undefined where they are not. */
export const noRedis = program === null ? 'redis-server is not installed' : undefined

export interface RunningRedis extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Stops it for a while, as if the machine hung. */
  freeze(): void
  thaw(): void
  kill(): Promise<void>
}

/** A Redis of its own, without a memory of the last one. */
export async function startRedis(port = freePort()): Promise<RunningRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-redis-'))
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory]
  const child = Bun.spawn([program ?? 'redis-server', ...flags], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const redis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGCONT')
      child.kill('SIGKILL')
      await child.exited
    },
    async [Symbol.asyncDispose]() {
      await redis.kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  for (let left = 200; !(await answers(port)); left -= 1) {
    if (left === 0) throw new Error(`redis-server does not answer on port ${port}`)
    await Bun.sleep(20)
  }
  return redis
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

async function answers(port: number): Promise<boolean> {
  const client = new Bun.RedisClient(`redis://127.0.0.1:${port}`, { autoReconnect: false, connectionTimeout: 500 })
  try {
    return (await client.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    client.close()
  }
}
