const program = Bun.which('memcached')

/** Why tests with a real memcached are left out; undefined where they are not. */
export const noMemcached = program === null ? 'memcached is not installed' : undefined

export interface RunningMemcached extends AsyncDisposable {
  /** As the configuration has it. */
  readonly address: string
  readonly port: number
  kill(): Promise<void>
}

/** A memcached of its own, empty. */
export async function startMemcached(port = freePort()): Promise<RunningMemcached> {
  const flags = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '16', '-u', 'nobody']
  const child = Bun.spawn([program ?? 'memcached', ...flags], { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
  const memcached = {
    address: `127.0.0.1:${port}`,
    port,
    async kill() {
      child.kill('SIGKILL')
      await child.exited
    },
    [Symbol.asyncDispose]: async () => await memcached.kill(),
  }
  for (let left = 200; !(await answers(port)); left -= 1) {
    if (left === 0) throw new Error(`memcached does not answer on port ${port}`)
    await Bun.sleep(20)
  }
  return memcached
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

async function answers(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
    socket.end()
    return true
  } catch {
    return false
  }
}
