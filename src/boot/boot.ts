import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'
import type { Problem } from '#config/problem.ts'
import { formatProblem } from '#config/problem.ts'
import { foundProviders } from '#config/environment.ts'
import { watchConfig } from '#config/watch.ts'
import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import { Credentials } from '#credential/credentials.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Http1Client } from '#http1/client.ts'
import { Roster } from '#kit/roster.ts'
import { systemClock } from '#ports/clock.ts'
import { fetchTransport } from '#ports/fetch-transport.ts'
import { systemFiles } from '#ports/files.ts'
import { systemIds } from '#ports/ids.ts'
import { seededRandom, systemRandom } from '#ports/random.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import { Figures } from '#route/figures.ts'
import { AdminPages } from '#server/admin.ts'
import { createAdminApp, createApp, type App } from '#server/app.ts'
import { cannotListen } from '#server/cannot-listen.ts'
import { listen, type Listener } from '#server/listen.ts'
import { Holder } from '#snapshot/holder.ts'
import { stateKeysOf } from '#snapshot/compile.ts'
import { createSink } from '#telemetry/access.ts'
import { createLog, type Console, type ProgramLog } from '#telemetry/log.ts'
import { Masker } from '#telemetry/mask.ts'
import { RecentRequests } from '#telemetry/recent.ts'
import { keepSwept } from '#telemetry/sweep.ts'
import { Breakers } from '#upstream/breaker.ts'
import { drain } from './drain.ts'
import { hintAtEnvironment } from './environment-hints.ts'
import { KnownSecrets } from './known-secrets.ts'
import { LoadHistory } from './load-history.ts'
import { loadSnapshot, type LoadContext, type LoadedSnapshot, type Source } from './load.ts'
import { Lookout } from './lookout.ts'
import { Reloader } from './reload.ts'
import { requestLimitIsLifted } from './request-limit.ts'
import { lazyMockTransport, needsFetch, transportOver, warmUp } from './transports.ts'

export interface BootOptions {
  readonly source: Source
  readonly env: Readonly<Record<string, string | undefined>>
  readonly listen: LoadContext['listen']
  /** Environment variables that `listen` comes from. */
  readonly listenFrom: { readonly portFrom?: string; readonly hostFrom?: string }
  readonly version: string
  readonly console: Console
  readonly colour: boolean
}

/** A gateway that serves. */
export interface Running {
  /** As a person would write it: `http://localhost:8080`. */
  readonly address: string
  current(): Snapshot
  /** Resolves when every log line so far is written. */
  flushLog(): Promise<void>
  /** Reads the configuration anew because a person asked for it. */
  reload(): Promise<void>
  /** Drains, then closes; `hurry` ends the drain. Resolves when the last log line is written. */
  stop(why: string, hurry: AbortSignal): Promise<void>
}

/** Why a gateway could not be started. */
export interface NotStarted {
  readonly problems: readonly Problem[]
}

/** The process must be started anew first, see request-limit.ts. */
export interface NeedsRestart {
  readonly needsRestart: true
}

/** Puts everything together, once: ports → state → snapshot → gateway → server. The only place that constructs. */
export async function boot(options: BootOptions): Promise<Running | NotStarted | NeedsRestart> {
  const { source, env, console } = options
  const load = async (version: number): Promise<LoadedSnapshot> =>
    await loadSnapshot(source, { env, version, listen: options.listen })
  const loaded = await load(1)
  if (loaded.snapshot === undefined) return { problems: loaded.problems }
  if (needsFetch(loaded.snapshot) && !requestLimitIsLifted(env)) return { needsRestart: true }

  const holder = new Holder(loaded.snapshot)
  const known = new KnownSecrets(() => holder.current().secrets)
  const masker = new Masker(() => known.all())
  const clock = systemClock
  const log = createLog({
    policy: () => holder.current().logging,
    masker,
    files: systemFiles,
    clock,
    console,
    colour: options.colour,
  })
  const lookout = new Lookout({
    clock,
    log,
    memoryLimit: () => holder.current().memoryBytesMax,
    inFlight: () => gateway.live.size,
  })
  lookout.start()
  const wheel = new TimerWheel(clock)
  const own = new Http1Client({ clock, wheel })
  const sinks: ExchangeSink[] = [createSink({ log, masker, policy: () => holder.current().logging })]
  const recent = new RecentRequests(0, masker)
  remember(recent, sinks, loaded.snapshot)
  const transport = transportOver({
    mock: lazyMockTransport({ clock, random: seededRandom(1) }),
    own,
    fetch: fetchTransport(clock),
  })
  const credentials = new Credentials({ clock, transport, files: systemSecretFiles, log })
  known.watch(credentials)
  const gateway: Gateway = {
    current: () => holder.current(),
    breakers: new Breakers(),
    credentials,
    figures: new Figures(),
    prefillRefusers: new Set(),
    live: new Roster<Exchange>(),
    sinks,
    clock,
    wheel,
    random: systemRandom,
    ids: systemIds,
    transport,
    log,
  }
  credentials.adopt(loaded.snapshot.credentials)
  gateway.breakers.retain(stateKeysOf(loaded.snapshot))
  gateway.figures.retain(stateKeysOf(loaded.snapshot), loaded.snapshot.plans)

  const draining = { now: false }
  const warnings = loaded.problems.filter(({ severity }) => severity === 'warning').map(formatProblem)
  const history = new LoadHistory(clock, warnings)
  const { version } = options
  const pages = new AdminPages({
    gateway,
    recent,
    masker,
    version,
    pools: () => own.gauges(),
    loadReport: () => history,
  })
  const { listen: address, admin } = loaded.snapshot
  const app = createApp(gateway, {
    version,
    isDraining: () => draining.now,
    isConfigRefused: () => history.refused !== undefined,
    pressure: lookout.memory,
    admin: admin.listen === undefined ? pages : undefined,
  })
  let listener: Listener
  let adminListener: Listener | undefined
  try {
    listener = await open(address, app, gateway)
    try {
      adminListener = admin.listen && (await open(admin.listen, createAdminApp(gateway, pages), gateway))
    } catch (error) {
      await listener.cut()
      throw error
    }
  } catch (error) {
    lookout.stop()
    throw error
  }
  const background = new AbortController()
  void keepSwept({ policy: () => holder.current().logging, files: systemFiles, clock, log }, background.signal)
  const onSwapped = (snapshot: Snapshot): void => {
    warmUp(own, snapshot)
    remember(recent, sinks, snapshot)
    gateway.figures.retain(stateKeysOf(snapshot), snapshot.plans)
    // How routes are asked to go on with a text may have changed; who refuses is learned anew.
    gateway.prefillRefusers.clear()
    // Nobody may be cut off for a restart that a reload would like to have.
    if (needsFetch(snapshot) && !requestLimitIsLifted(env)) log.write('warn', 'request_limit', {})
  }
  const reloader = await watch(source, { holder, gateway, load, loaded, onSwapped, history, signal: background.signal })
  warmUp(own, loaded.snapshot)
  tellStart(log, loaded, loaded.snapshot, options, listener.address)
  if (adminListener !== undefined) log.write('info', 'admin_started', { address: adminListener.address })
  return {
    address: listener.address,
    current: () => holder.current(),
    flushLog: async () => await log.flush(),
    reload: async () => await reloader.reload(true),
    async stop(why, hurry) {
      draining.now = true
      background.abort()
      const forMs = holder.current().drainMs
      log.write('info', 'shutdown_started', { signal: why, inFlight: gateway.live.size, forMs })
      const cut = await drain(gateway, listener, forMs, hurry)
      // Until now one could look at what the drain waits for.
      await adminListener?.cut()
      // Connections that were cut settle their exchanges, and each of them is still to be told.
      await clock.sleep(cut > 0 ? 50 : 0)
      own.closeIdle()
      log.write(cut > 0 ? 'warn' : 'info', cut > 0 ? 'shutdown_forced' : 'shutdown_finished', { inFlight: cut })
      await log.close()
      lookout.stop()
    },
  }
}

/** Rejects with a sentence when the address cannot be had. */
async function open(address: ListenAddress, app: App, { log, ids }: Gateway): Promise<Listener> {
  try {
    return await listen(address, app, (error) => {
      const requestId = ids.requestId()
      log.write('error', 'internal_error', { requestId, reason: error.message, stack: error.stack })
      return requestId
    })
  } catch (error) {
    throw new Error(cannotListen(address, error), { cause: error })
  }
}

/** Requests are remembered for those who may look, and nothing is done for it while there are none. */
function remember(recent: RecentRequests, sinks: ExchangeSink[], { admin }: Snapshot): void {
  recent.resize(admin.keepRequests)
  const at = sinks.indexOf(recent)
  if (admin.keepRequests > 0 && at === -1) sinks.push(recent)
  if (admin.keepRequests === 0 && at !== -1) sinks.splice(at, 1)
}

interface Watched {
  readonly holder: Holder
  readonly gateway: Gateway
  readonly load: (version: number) => Promise<LoadedSnapshot>
  readonly loaded: LoadedSnapshot
  readonly onSwapped: (snapshot: Snapshot) => void
  readonly history: LoadHistory
  readonly signal: AbortSignal
}

async function watch(
  source: Source,
  { holder, gateway, load, loaded, onSwapped, history, signal }: Watched,
): Promise<Reloader> {
  const { breakers, clock, credentials, log } = gateway
  const file = source.kind === 'file' ? source.file : 'environment'
  const reloader = new Reloader({
    holder,
    breakers,
    credentials,
    log,
    file,
    load,
    files: loaded.files,
    onSwapped,
    history,
  })
  if (source.kind !== 'file') return reloader
  const onHint = async (): Promise<void> => await reloader.reload()
  await watchConfig({ file, extraFiles: () => reloader.files, clock, onHint, hintAfterMs: firstHintMs, signal })
  return reloader
}

/** Not at once: reading a configuration costs more than the first requests can spare. */
const firstHintMs = 500

/** Everything that a person wants to know at the start, warnings first. */
function tellStart(
  log: ProgramLog,
  loaded: LoadedSnapshot,
  snapshot: Snapshot,
  { source, env, version, listenFrom }: BootOptions,
  address: string,
): void {
  const found = source.kind === 'environment' ? foundProviders(env) : []
  hintAtEnvironment(log, env)
  for (const problem of loaded.problems) {
    if (problem.severity === 'warning') log.write('warn', 'config_problem', { problem: formatProblem(problem) })
  }
  for (const { name, variable } of loaded.off) log.write('warn', 'backend_off', { backend: name, variable })
  for (const { backend, variable } of found) log.write('info', 'backend_from_environment', { backend, variable })
  log.write('info', 'config_loaded', { backends: snapshot.backends.size, aliases: snapshot.aliases.length })
  if (snapshot.keys.isOpen) log.write('warn', 'unauthenticated', { address, asked: snapshot.listenAsked })
  log.write('info', 'server_started', { address, version, ...listenFrom })
}
