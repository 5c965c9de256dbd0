import { readFileSync } from 'node:fs'
import type { Started } from './processes.ts'

/** A port that was free a moment ago. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

/** Throws with what the program said when it ended instead, or does not listen within 10 s. */
export async function waitUntilListening(
  port: number,
  program: Started,
  name: string,
  errorFile: string,
): Promise<void> {
  for (let left = 100; left > 0; left -= 1) {
    if (!program.isAlive()) break
    try {
      const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: () => {} } })
      socket.end()
      return
    } catch {
      await Bun.sleep(100)
    }
  }
  const said = readFileSync(errorFile, 'utf8').slice(-2000)
  throw new Error(`Cannot measure "${name}": it does not listen\n${said}`)
}
