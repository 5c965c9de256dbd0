import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { binaryName, compile, hostTarget, readStamp, root } from '../scripts/compile.ts'
import { cores } from './machine.ts'
import { cacheDirectory } from './native.ts'
import { start, type Started } from './processes.ts'
import { names } from './workloads.ts'

/** Something that stands between client and mock upstream; `direct` stands there as nothing. */
export interface Target {
  readonly name: string
  /** Replaces the client's key and the model's name, and refuses unknown keys. */
  readonly isGateway: boolean
  /** Writes an access log while it is measured. */
  readonly logs: boolean
  /** How to start it; undefined for `direct`. */
  readonly launch: Launch | undefined
}

/** Writes its files into `directory` and gives the command that listens on `port`. */
type Launch = (place: LaunchPlace) => LaunchCommand

export interface LaunchPlace {
  readonly directory: string
  readonly port: number
  readonly upstreamPort: number
  readonly binary: string
}

export interface LaunchCommand {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export const targets: readonly Target[] = [
  { name: 'direct', isGateway: false, logs: false, launch: undefined },
  { name: 'haproxy', isGateway: false, logs: false, launch: launchHaproxy },
  { name: 'llm-proxy', isGateway: true, logs: true, launch: (place) => launchGateway(place, true) },
  // The same without access log: what the log costs. Not among the targets that are run by default.
  { name: 'llm-proxy-quiet', isGateway: true, logs: false, launch: (place) => launchGateway(place, false) },
]

/** A target that answers. */
export interface RunningTarget {
  readonly target: Target
  readonly port: number
  readonly program: Started | undefined
  /** Bytes in its log files. */
  logBytes(): number
  /** Empties the log files, so that a long run does not fill the disk. */
  clearLogs(): void
}

/** Starts a target on a free port of its own and waits until it accepts connections. */
export async function startTarget(target: Target, upstreamPort: number, binary: string): Promise<RunningTarget> {
  if (target.launch === undefined) {
    return { target, port: upstreamPort, program: undefined, logBytes: () => 0, clearLogs: () => {} }
  }
  const directory = makeDirectory(target.name)
  const port = freePort()
  const { command, env } = target.launch({ directory, port, upstreamPort, binary })
  const errorFile = join(directory, 'stderr.txt')
  const program = start(command, { core: cores.proxy, env, errorFile })
  // Read and thrown away: a terminal or a service manager would take it too.
  void program.output.pipeTo(new WritableStream())
  await waitUntilListening(port, program, target.name, errorFile)
  const logs = join(directory, 'logs')
  return {
    target,
    port,
    program,
    logBytes: () => filesIn(logs).reduce((sum, file) => sum + statSync(file).size, 0),
    clearLogs: () => filesIn(logs).forEach((file) => truncateSync(file)),
  }
}

/** The binary to measure: the given one, else that of `make build` if no source is newer, else one built for the bench. */
export function gatewayBinary(given: string | undefined): string {
  if (given !== undefined) return given
  const released = join(root, 'dist', binaryName(hostTarget()))
  if (existsSync(released) && statSync(released).mtimeMs > newestSourceMs()) return released
  const own = join(cacheDirectory, binaryName(hostTarget()))
  if (!existsSync(own) || statSync(own).mtimeMs <= newestSourceMs()) compile(hostTarget(), readStamp(), own)
  return own
}

/** Command and files of a target without starting it, for the measure of cold starts. */
export function prepareLaunch(
  target: Target,
  place: Omit<LaunchPlace, 'directory' | 'port'>,
): LaunchCommand & { readonly port: number } {
  if (target.launch === undefined) throw new Error(`Cannot start "${target.name}": it is no program`)
  const port = freePort()
  return { port, ...target.launch({ ...place, directory: makeDirectory(`${target.name}-cold`), port }) }
}

/** Configs and logs of this run. */
export const runDirectory = join(cacheDirectory, `run-${process.pid}`)

export function makeRunDirectory(): void {
  mkdirSync(runDirectory, { recursive: true })
  // A bench that was killed could not clean up after itself.
  for (const name of readdirSync(cacheDirectory)) {
    const pid = /^run-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(cacheDirectory, name), { recursive: true })
  }
}

export function removeRunDirectory(): void {
  rmSync(runDirectory, { recursive: true, force: true })
}

function makeDirectory(name: string): string {
  const directory = join(runDirectory, name)
  mkdirSync(directory, { recursive: true })
  return directory
}

function launchHaproxy({ port, upstreamPort }: LaunchPlace): LaunchCommand {
  return {
    command: [Bun.which('haproxy') ?? 'haproxy', '-q', '-db', '-f', join(root, 'bench', 'conf', 'haproxy.cfg')],
    env: { BENCH_PORT: `${port}`, BENCH_UPSTREAM_PORT: `${upstreamPort}` },
  }
}

function launchGateway({ directory, port, upstreamPort, binary }: LaunchPlace, logs: boolean): LaunchCommand {
  const config = {
    listen: `127.0.0.1:${port}`,
    proxy_api_key: names.clientKey,
    backends: [
      { name: 'mock', url: `http://127.0.0.1:${upstreamPort}/v1`, api_key: names.backendKey },
      { name: 'spare', url: `http://127.0.0.1:${upstreamPort}/v1`, api_key: names.backendKey },
    ],
    models: {
      [names.alias]: {
        routes: [
          { backend: 'mock', model: names.upstreamModel, priority: 1 },
          { backend: 'spare', model: names.upstreamModel, priority: 2 },
        ],
      },
    },
    logging: logs ? { level: 'info', general_file: join(directory, 'logs', 'proxy.log') } : { level: 'error' },
  }
  const file = join(directory, 'config.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  return { command: [binary, '-config', file], env: {} }
}

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

async function waitUntilListening(port: number, program: Started, name: string, errorFile: string): Promise<void> {
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

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((file) => statSync(file).isFile())
}

function newestSourceMs(): number {
  const files = [
    ...new Bun.Glob('src/**/*').scanSync({ cwd: root }),
    'package.json',
    'package-lock.json',
    'scripts/compile.ts',
  ]
  return Math.max(...files.map((file) => statSync(join(root, file)).mtimeMs))
}
