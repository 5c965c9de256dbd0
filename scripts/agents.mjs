// `node scripts/agents.mjs <folder>`: installs the agents that tests/e2e/agents.e2e.test.ts drives into that folder, and
// nothing anywhere else. The tests find them by LLM_PROXY_AGENTS=<folder>.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const versions = {
  '@anthropic-ai/claude-code': '2.1.197',
  '@openai/codex': '0.169.0',
  '@google/gemini-cli': '0.61.0',
  'opencode-ai': '1.18.33',
}

/** The only install scripts that are needed: they put the program of this platform in its place. */
const placers = { '@anthropic-ai/claude-code': 'install.cjs', 'opencode-ai': 'postinstall.mjs' }

const [given] = process.argv.slice(2)
if (given === undefined) fail('Cannot install the agents: the folder for them is missing')
const folder = resolve(given)
mkdirSync(folder, { recursive: true })
const missing = Object.entries(versions).filter(([name, version]) => installedVersion(name) !== version)
if (missing.length > 0) install(missing.map(([name, version]) => `${name}@${version}`))

function install(packages) {
  const options = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = spawnSync('npm', ['install', ...options, ...packages], {
    stdio: ['ignore', process.stderr, process.stderr],
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) fail('Cannot install the agents: "npm install" failed, see its message above')
  for (const [name, file] of Object.entries(placers)) {
    const placed = spawnSync(process.execPath, [packageFile(name, file)], {
      cwd: packageFile(name, ''),
      stdio: ['ignore', process.stderr, process.stderr],
    })
    if (placed.status !== 0) fail(`Cannot install the agents: there is no "${name}" for this platform`)
  }
}

function installedVersion(name) {
  try {
    return JSON.parse(readFileSync(packageFile(name, 'package.json'), 'utf8')).version
  } catch {
    return undefined
  }
}

function packageFile(name, file) {
  return join(folder, 'node_modules', name, file)
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
