// `node scripts/run.mjs scripts/test.ts [filter…]`: builds the binary, runs the tests, ends with `N passed, N failed`.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compile, hostTarget, binaryName, readStamp, root } from './compile.ts'

/** For one test; a loaded machine is slow at starting processes. */
const testMs = 20_000

const cache = join(root, '.cache')
const report = join(cache, 'junit.xml')
const binary = join(cache, binaryName(hostTarget()))

mkdirSync(cache, { recursive: true })
rmSync(report, { force: true })
try {
  compile(hostTarget(), readStamp(), binary)
} catch (error) {
  console.error(error)
  end(0, 1, 0)
}

const filters = process.argv.slice(2)
const isShuffled = process.env['CI'] !== undefined
const run = Bun.spawnSync(
  [
    process.execPath,
    'test',
    `--timeout=${testMs}`,
    '--reporter=junit',
    `--reporter-outfile=${report}`,
    // Chance finds what depends on order; bun prints the seed.
    ...(isShuffled ? ['--randomize'] : []),
    ...(filters.length === 0 ? ['tests'] : filters),
  ],
  {
    cwd: root,
    env: { ...process.env, LLM_PROXY_BINARY: binary, BUN_CONFIG_MAX_HTTP_REQUESTS: '65535' },
    stdio: ['ignore', 'inherit', 'inherit'],
  },
)

const counts = readCounts()
// A file that cannot be loaded, or a bun that fell, may be missing from the report; it must not look like a success.
const isBroken = run.exitCode !== 0 && counts.failed === 0
end(counts.passed, isBroken ? 1 : counts.failed, counts.skipped)

function end(passed: number, failed: number, skipped: number): never {
  console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`)
  process.exit(failed === 0 ? 0 : 1)
}

function readCounts(): { passed: number; failed: number; skipped: number } {
  const head = existsSync(report) ? (/<testsuites\b[^>]*>/.exec(readFileSync(report, 'utf8'))?.[0] ?? '') : ''
  const total = attribute(head, 'tests')
  const failures = attribute(head, 'failures')
  const skips = attribute(head, 'skipped')
  return { passed: total - failures - skips, failed: failures, skipped: skips }
}

function attribute(tag: string, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag)?.[1] ?? 0)
}
