// `node scripts/run.mjs scripts/check.ts`: everything that can be said about a change without a network and within
// a minute, cheap first.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.ts'

const sources = ['src', 'tests', 'bench', 'scripts'].filter((folder) => existsSync(join(root, folder)))
const quickTests = [
  ...new Bun.Glob('tests/*.test.ts').scanSync({ cwd: root }),
  ...['tests/unit', 'tests/config', 'tests/road', 'tests/wire'].filter((folder) => existsSync(join(root, folder))),
]

/** Name and command; the tools are started by Node, which is what they are written for. */
const steps: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['format', ['node', 'node_modules/oxfmt/bin/oxfmt', '--check', '.']],
  // Folders by name: without them the type-aware rules would walk node_modules too.
  ['lint', ['node', 'node_modules/oxlint/bin/oxlint', '--deny-warnings', ...sources]],
  ['types', ['node', 'node_modules/typescript/bin/tsc', '--noEmit']],
  // What runs in a browser knows other globals.
  ['types of the page', ['node', 'node_modules/typescript/bin/tsc', '--noEmit', '-p', 'src/server/ui']],
  ['unused', ['node', 'node_modules/knip/bin/knip.js', '--no-progress']],
  ['tests', [process.execPath, 'test', '--timeout=20000', ...quickTests]],
]

const failed: string[] = []
for (const [name, command] of steps) {
  const startedMs = performance.now()
  const run = Bun.spawnSync([...command], {
    cwd: root,
    env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: '65535' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (run.exitCode !== 0) failed.push(name)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(`${run.exitCode === 0 ? 'ok  ' : 'FAIL'} ${name} ${seconds} s`)
}
console.log(failed.length === 0 ? 'check passed' : `check failed: ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
