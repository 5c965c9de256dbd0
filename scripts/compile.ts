import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const root = dirname(import.meta.dir)

/** One platform that a binary is made for. */
export interface Target {
  /** As in the file name: `linux`, `darwin`, `windows`. */
  readonly os: string
  /** As in the file name: `amd64` or `arm64`. */
  readonly cpu: string
  /** Bytecode starts faster, and is used only where that was tried. */
  readonly bytecode: boolean
}

export const targets: readonly Target[] = [
  { os: 'linux', cpu: 'amd64', bytecode: true },
  { os: 'linux', cpu: 'arm64', bytecode: false },
  { os: 'darwin', cpu: 'amd64', bytecode: false },
  { os: 'darwin', cpu: 'arm64', bytecode: false },
  { os: 'windows', cpu: 'amd64', bytecode: false },
  { os: 'windows', cpu: 'arm64', bytecode: false },
]

/** The target that is this machine. */
export function hostTarget(): Target {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch
  const target = targets.find((candidate) => candidate.os === os && candidate.cpu === cpu)
  if (target === undefined)
    throw new Error(`Cannot build for this machine: "${os}-${cpu}" is not one of the six targets`)
  return target
}

export function binaryName({ os, cpu }: Target): string {
  return `llm-proxy-${os}-${cpu}${os === 'windows' ? '.exe' : ''}`
}

/** What is written into the binary about itself. */
export interface Stamp {
  readonly version: string
  readonly commit: string
  readonly time: Date
}

/** Version of package.json, commit and commit time, so that the same commit gives the same bytes. */
export function readStamp(): Stamp {
  const seconds =
    process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct') ?? `${Math.floor(Date.now() / 1000)}`
  return {
    version: readManifest().version,
    commit: process.env['BUILD_COMMIT'] ?? headCommit(),
    time: new Date(Number(seconds) * 1000),
  }
}

function headCommit(): string {
  const commit = git('rev-parse', '--short=12', 'HEAD')
  if (commit === undefined) return 'unknown'
  return git('status', '--porcelain') === '' ? commit : `${commit}-dirty`
}

/** Makes one executable; throws with the bundler's own words when that fails. */
export function compile(target: Target, stamp: Stamp, outfile: string): void {
  const isHost = binaryName(target) === binaryName(hostTarget())
  const flags = [
    '--compile',
    '--minify',
    '--sourcemap=none',
    '--format=esm',
    ...(target.bytecode ? ['--bytecode'] : []),
    // Without a target, the running bun is the runtime; for the others bun takes it from the npm registry.
    ...(isHost ? [] : [`--target=bun-${target.os}-${target.cpu === 'amd64' ? 'x64' : target.cpu}`]),
    // Files in the working directory must not be able to run code inside the binary.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    `--compile-exec-argv=${readManifest().config.runtimeFlags}`,
    '--define',
    'process.env.NODE_ENV="production"',
    ...define('BUILD_VERSION', stamp.version),
    ...define('BUILD_COMMIT', stamp.commit),
    ...define('BUILD_TIME', stamp.time.toISOString()),
    `--outfile=${outfile}`,
  ]
  const result = Bun.spawnSync([process.execPath, 'build', ...flags, join('src', 'main.ts')], {
    cwd: root,
    stdin: 'ignore',
  })
  if (result.exitCode !== 0) {
    throw new Error(
      `Cannot build "${binaryName(target)}": bun ended with ${result.exitCode}\n${result.stderr.toString()}`,
    )
  }
}

interface Manifest {
  readonly version: string
  readonly config: { readonly runtimeFlags: string }
  readonly dependencies: Readonly<Record<string, string>>
}

export function readManifest(): Manifest {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return manifest
}

function define(name: string, value: string): string[] {
  return ['--define', `${name}=${JSON.stringify(value)}`]
}

/** Undefined when there is no git or no commit, as in an unpacked source archive. */
function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
