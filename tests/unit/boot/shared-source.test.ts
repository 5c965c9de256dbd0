import { expect, test } from 'bun:test'
import { loadSnapshot } from '#boot/load.ts'
import { SharedSource } from '#boot/shared-source.ts'
import type { SeatFacts } from '#boot/worker-messages.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { bootOnlyOf } from '#snapshot/diff.ts'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { snapshotOf } from '../../support/compiled.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const kept = bootOnlyOf({ ...snapshotOf({}), listen: { kind: 'tcp', host: undefined, port: 8080 } })
const good = `proxy_api_key: sk-client-key-0001
listen: ":8080"
backends: [{ name: up, url: "http://up.example/v1", api_key: "\${file:./key}" }]
models: { m: { routes: [{ backend: up, model: x }] } }
`

/** A worker whose file holds what the test says; `key` is a file that it names. */
class Bench implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  readonly file = join(this.directory, 'config.yaml')
  readonly told: string[] = []
  key: string | undefined = 'sk-upstream-0001'

  worker(facts: Partial<SeatFacts> = {}, lastGood?: string): SharedSource {
    const files: SecretFiles = {
      read: async () => {
        if (this.key === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
        return { bytes: new TextEncoder().encode(this.key), shared: false }
      },
      list: async (path) => readdirSync(path),
    }
    return new SharedSource({
      seat: {
        facts: { number: 2, of: 2, isFirst: false, ports: undefined, kept, ...facts },
        keeps: (source) => void this.told.push(source),
        lastGood: async () => lastGood,
      },
      clock: new FakeClock(),
      files,
      load: async (version, origin) =>
        await loadSnapshot({ kind: 'file', file: this.file }, { env: {}, version, listen: {}, ...origin }),
    })
  }

  /** What the others serve with, as they told it. */
  async packed(): Promise<string> {
    writeFileSync(this.file, good)
    const first = this.worker({ isFirst: true })
    first.accepted(await first.first())
    return this.told.at(-1) ?? ''
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true })
  }
}

test('A68: whoever joins listens where the others do, whatever the file says by now', async () => {
  using bench = new Bench()
  writeFileSync(
    bench.file,
    good.replace(':8080', '127.0.0.1:9090').replace('backends', 'server: { idle_timeout: 9s }\nbackends'),
  )
  const worker = bench.worker()
  const { snapshot } = await worker.first()
  expect([snapshot?.listen, snapshot?.idleSeconds]).toEqual([kept.listen, kept.idleSeconds])
  expect(worker.restartKeys).toEqual(['listen', 'server.idle_timeout'])
})

test.each([
  { what: 'is broken', text: 'backends: [' },
  { what: 'has errors', text: good.replace('backend: up', 'backend: down') },
  { what: 'lost its client key', text: good.replace(/^.*\n.*\n/, '') },
  { what: 'is gone', text: undefined },
])('A68: where the file $what, whoever joins serves with what the others have, secrets and all', async ({ text }) => {
  using bench = new Bench()
  const packed = await bench.packed()
  const { digest } = await bench.worker().first()
  if (text === undefined) rmSync(bench.file)
  else writeFileSync(bench.file, text)
  bench.key = undefined
  const joined = await bench.worker({}, packed).first()
  expect([joined.digest, joined.snapshot?.listen, joined.snapshot?.keys.isOpen]).toEqual([digest, kept.listen, false])
  expect(joined.snapshot?.backends.get('up')?.apiKey?.reveal()).toBe('sk-upstream-0001')
})

test('A68: the prompts of a folder are those of the others too, whatever is in it by now', async () => {
  using bench = new Bench()
  const folder = join(bench.directory, 'prompts')
  mkdirSync(folder)
  writeFileSync(join(folder, 'one.md'), '')
  writeFileSync(bench.file, `${good}system_prompts: [{ dir: prompts }]\n`)
  const first = bench.worker({ isFirst: true })
  const loaded = await first.first()
  first.accepted(loaded)
  writeFileSync(join(folder, 'two.md'), '')
  writeFileSync(bench.file, 'backends: [')
  const joined = await bench.worker({}, bench.told.at(-1)).first()
  expect(joined.digest).toBe(loaded.digest)
  expect(joined.snapshot?.rules).toBeDefined()
})

test('A68: where the file lost its client key and nobody tells what the others have, nothing is served', async () => {
  using bench = new Bench()
  writeFileSync(bench.file, good.replace(/^.*\n.*\n/, ''))
  const { snapshot, problems } = await bench.worker().first()
  expect(snapshot).toBeUndefined()
  expect(problems.map(({ message }) => message).join()).toContain(
    'without "proxy_api_key" the open listener would serve everyone',
  )
})
