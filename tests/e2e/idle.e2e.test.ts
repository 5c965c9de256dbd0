import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway } from '../support/gateway.ts'

const example = readFileSync(join(import.meta.dir, '../../config.example.yaml'), 'utf8')
const idleMs = 60_000

// A minute is long for someone who waits: machines take it, see .ci/run.
test.skipIf(process.env['CI'] === undefined)(
  'B80, N111: the example configuration idles for a minute without opening files or reloading, and then serves',
  async () => {
    await using gateway = await startGateway(example.replace(/^listen: .*$/m, 'listen: "127.0.0.1:0"'))
    const before = openFiles(gateway.pid)
    const ended = await Promise.race([gateway.exited, Bun.sleep(idleMs)])
    expect(ended).toBeUndefined()
    expect(openFiles(gateway.pid)).toBeLessThanOrEqual(before)
    expect(gateway.output()).not.toMatch(/reload/i)
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-your-unified-api-key', 'content-type': 'application/json' },
      body: '{"model": "anthropic/claude-opus-4-5", "messages": [{"role": "user", "content": "Hello"}]}',
    })
    expect(response.status).toBe(200)
    await response.text()
    expect(await gateway.stop()).toBe(0)
  },
  idleMs + 20_000,
)

/** 0 where the system does not tell. */
function openFiles(pid: number): number {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/fd`).length : 0
}
