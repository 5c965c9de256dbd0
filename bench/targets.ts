import { existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binaryName, compile, hostTarget, readStamp, root } from '../scripts/compile.ts'
import { freePort, waitUntilListening } from './listening.ts'
import { cores } from './machine.ts'
import { cacheDirectory } from './native.ts'
import { start, type Started } from './processes.ts'
import { names } from './workloads.ts'

/** Something that stands between client and mock upstream; `direct` stands there as nothing. */
export interface Target {
  readonly name: string
  /** Replaces the client's key and the model's name. */
  readonly isGateway: boolean
  /** Refuses unknown keys. */
  readonly checksKeys: boolean
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
  readonly upstream: UpstreamAddress
  readonly binary: string
}

/** Where a target sends what it gets. */
export interface UpstreamAddress {
  readonly port: number
  /** The certificate to trust there, where it speaks TLS. */
  readonly caFile: string | undefined
}

export interface LaunchCommand {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** What is switched on in a gateway. */
interface GatewayFeatures {
  readonly key: boolean
  readonly log: boolean
  readonly routes: 1 | 2
}

export const targets: readonly Target[] = [
  { name: 'direct', isGateway: false, checksKeys: false, logs: false, launch: undefined },
  { name: 'haproxy', isGateway: false, checksKeys: false, logs: false, launch: launchHaproxy },
  gateway('llm-proxy', { key: true, log: true, routes: 2 }),
  // Open to everybody on this machine, one route, no access log: what the way through costs.
  gateway('llm-proxy-bare', { key: false, log: false, routes: 1 }),
  // The same as the first without access log: what the log costs. Not among the targets that are run by default.
  gateway('llm-proxy-quiet', { key: true, log: false, routes: 2 }),
]

/** A target that answers. */
export interface RunningTarget {
  readonly target: Target
  readonly port: number
  /** The kind of upstream behind it. */
  readonly upstream: 'plain' | 'tls'
  readonly program: Started | undefined
  /** Bytes in its log files. */
  logBytes(): number
  /** Empties the log files, so that a long run does not fill the disk. */
  clearLogs(): void
}

/** Starts a target on a free port of its own and waits until it accepts connections. */
export async function startTarget(target: Target, address: UpstreamAddress, binary: string): Promise<RunningTarget> {
  const upstream = address.caFile === undefined ? 'plain' : 'tls'
  if (target.launch === undefined) {
    return { target, upstream, port: address.port, program: undefined, logBytes: () => 0, clearLogs: () => {} }
  }
  const directory = makeDirectory(`${target.name}-${upstream}`)
  const port = freePort()
  const { command, env } = target.launch({ directory, port, upstream: address, binary })
  const errorFile = join(directory, 'stderr.txt')
  const program = start(command, { core: cores.proxy, env, errorFile })
  // Read and thrown away: a terminal or a service manager would take it too.
  void program.output.pipeTo(new WritableStream())
  await waitUntilListening(port, program, target.name, errorFile)
  const logs = join(directory, 'logs')
  return {
    target,
    upstream,
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

function launchHaproxy({ port, upstream }: LaunchPlace): LaunchCommand {
  const env = { BENCH_PORT: `${port}`, BENCH_UPSTREAM_PORT: `${upstream.port}` }
  return {
    command: [Bun.which('haproxy') ?? 'haproxy', '-q', '-db', '-f', join(root, 'bench', 'conf', 'haproxy.cfg')],
    env: upstream.caFile === undefined ? env : { ...env, BENCH_CA_FILE: upstream.caFile },
  }
}

function gateway(name: string, features: GatewayFeatures): Target {
  return {
    name,
    isGateway: true,
    checksKeys: features.key,
    logs: features.log,
    launch: (place) => launchGateway(place, features),
  }
}

function launchGateway(place: LaunchPlace, { key, log, routes }: GatewayFeatures): LaunchCommand {
  const { directory, port, upstream, binary } = place
  const backend =
    upstream.caFile === undefined
      ? { url: `http://127.0.0.1:${upstream.port}/v1`, api_key: names.backendKey }
      : {
          url: `https://127.0.0.1:${upstream.port}/v1`,
          api_key: names.backendKey,
          tls: { ca: `\${file:${upstream.caFile}}` },
        }
  const backends = ['mock', 'spare'].slice(0, routes)
  const config = {
    listen: `127.0.0.1:${port}`,
    ...(key ? { proxy_api_key: names.clientKey } : {}),
    backends: backends.map((name) => ({ name, ...backend })),
    models: {
      [names.alias]: {
        routes: backends.map((name, index) => ({ backend: name, model: names.upstreamModel, priority: index + 1 })),
      },
    },
    logging: log ? { level: 'info', general_file: join(directory, 'logs', 'proxy.log') } : { level: 'error' },
  }
  const file = join(directory, 'config.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  return { command: [binary, '-config', file], env: {} }
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
