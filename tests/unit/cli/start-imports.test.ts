import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(dirname(dirname(import.meta.dir)))
const transpiler = new Bun.Transpiler({ loader: 'ts' })

/** Everything that is loaded before the first line of `main.ts` runs: our files by path, all else by name. */
async function loadedAtStart(): Promise<ReadonlySet<string>> {
  const loaded = new Set<string>()
  const visit = async (file: string): Promise<void> => {
    if (loaded.has(file)) return
    loaded.add(file)
    if (!existsSync(join(root, file))) return
    const imports = transpiler.scanImports(await Bun.file(join(root, file)).text())
    for (const { kind, path } of imports) {
      if (kind !== 'import-statement') continue
      if (path.startsWith('.')) await visit(join(dirname(file), path))
      else await visit(path.startsWith('#') ? `src/${path.slice(1)}` : path)
    }
  }
  await visit('src/main.ts')
  return loaded
}

const loaded = await loadedAtStart()

test('the walk sees what a start needs', () => {
  for (const needed of ['src/cli/serve.ts', 'src/http1/client.ts', 'yaml', 'valibot', 'node:fs']) {
    expect(loaded).toContain(needed)
  }
})

test.each([
  // What few requests need.
  ['node:crypto'],
  ['node:tls'],
  ['node:zlib'],
  ['jose'],
  ['src/hook/compile.ts'],
  ['src/hook/run.ts'],
  ['src/boot/load-hooks.ts'],
  ['src/http1/stream-socket.ts'],
  ['src/identity/verify-token.ts'],
  ['src/mock/transport.ts'],
  // What one process that keeps its port does not need.
  ['bun:ffi'],
  ['src/ports/port-sharing.ts'],
  ['src/boot/hand-over.ts'],
  ['src/boot/run-workers.ts'],
  ['src/boot/workers.ts'],
  ['src/boot/seat.ts'],
  ['src/boot/shared-state.ts'],
  ['src/server/page-files.ts'],
  ['src/server/metrics-gauges.ts'],
  ['src/telemetry/prometheus.ts'],
  ['src/telemetry/seed-names.ts'],
  ['src/telemetry/reading.ts'],
  // What other commands need.
  ['@valibot/to-json-schema'],
  ['src/cli/convert.ts'],
  ['src/cli/doctor.ts'],
  ['src/cli/explain.ts'],
  ['src/cli/keys.ts'],
  ['src/cli/mock.ts'],
  ['src/cli/plan.ts'],
  ['src/cli/schema.ts'],
  ['src/cli/why.ts'],
])('a start does not wait for %s', (name) => {
  expect(loaded).not.toContain(name)
})
