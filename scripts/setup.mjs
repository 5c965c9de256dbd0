// Makes a checkout ready on a machine that has only Node and npm: the packages of package-lock.json and a bun that runs.
// Plain Node without packages, because it runs before there are any.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const nodeMajorMin = 20
const modules = join(root, 'node_modules')
/** A real bun is about 100 MB; what stands in its place before its install script ran is a few hundred bytes. */
const bunBytesMin = 1_000_000

/** Installs what is missing and returns the path of bun. Says nothing when there is nothing to do. */
export function setUp() {
  if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
    fail(`Cannot set up llm-proxy: Node ${process.versions.node} is installed, Node ${nodeMajorMin} or newer is needed`)
  }
  if (!isInstalled()) install()
  return bunPath()
}

/**
 * Is everything that the lockfile names installed in that version? npm keeps an account of what it installed, so this
 * also notices a lockfile that changed with the last pull, and does not mind a fresh checkout's file times.
 */
function isInstalled() {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const installed = readPackages(join(modules, '.package-lock.json'))
  if (wanted === undefined) fail('Cannot set up llm-proxy: "package-lock.json" is missing or is not JSON')
  if (installed === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const present = installed[path]
    // Packages for other platforms are in the lockfile and never installed here.
    if (present === undefined) return entry.optional === true
    return present.version === entry.version && present.integrity === entry.integrity
  })
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

function install() {
  process.stderr.write('Setting up: installing the packages of package-lock.json with npm\n')
  // No package's install script runs but bun's own, in bunPath(): the others are not needed.
  const result = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  if (result.status !== 0) fail('Cannot set up llm-proxy: "npm ci" failed, see its message above')
}

function npm(args) {
  // npm tells the scripts that it runs where it is; without that, npm.cmd on Windows can only be started by a shell.
  const cli = process.env.npm_execpath
  const options = { cwd: root, stdio: ['ignore', process.stderr, process.stderr] }
  if (cli !== undefined && /npm-cli\.c?js$/.test(cli)) return spawnSync(process.execPath, [cli, ...args], options)
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
}

function bunPath() {
  const linked = join(modules, 'bun', 'bin', 'bun.exe')
  if (isProgram(linked)) return linked
  // The install script moves the binary of this platform's package into place, or fetches it when npm left it out.
  spawnSync(process.execPath, ['install.js'], { cwd: join(modules, 'bun'), stdio: ['ignore', 'ignore', 'inherit'] })
  const found = [linked, ...platformBinaries()].find((path) => isProgram(path))
  return found ?? fail(`Cannot set up llm-proxy: there is no bun for ${process.platform} ${process.arch}`)
}

function platformBinaries() {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const cpu = process.arch === 'arm64' ? 'aarch64' : process.arch
  const file = process.platform === 'win32' ? 'bun.exe' : 'bun'
  return ['', '-musl'].map((libc) => join(modules, '@oven', `bun-${os}-${cpu}${libc}`, 'bin', file))
}

function isProgram(path) {
  return existsSync(path) && statSync(path).size >= bunBytesMin
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) setUp()
