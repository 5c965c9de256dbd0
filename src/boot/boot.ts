import { Cache } from '#cache/cache.ts'
import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'
import type { Problem } from '#config/problem.ts'
import { formatProblem } from '#config/problem.ts'
import { foundProviders } from '#config/environment.ts'
import { reloadWatch } from '#config/legacy.ts'
import { pollMs, watchConfig } from '#config/watch.ts'
import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import { Credentials } from '#credential/credentials.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Translator } from '#gateway/translator.ts'
import { HookBook } from '#hook/book.ts'
import { Http1Client } from '#http1/client.ts'
import { Repeats } from '#idempotency/repeats.ts'
import { Tokens } from '#identity/tokens.ts'
import { Roster } from '#kit/roster.ts'
import { Limits } from '#limit/limits.ts'
import { systemClock } from '#ports/clock.ts'
import { fetchTransport } from '#ports/fetch-transport.ts'
import { systemFiles } from '#ports/files.ts'
import { systemIds } from '#ports/ids.ts'
import { seededRandom, systemRandom } from '#ports/random.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import type { Transport } from '#ports/transport.ts'
import { Figures } from '#route/figures.ts'
import { AdminPages } from '#server/admin.ts'
import { createAdminApp, createApp, createMetricsApp, type App } from '#server/app.ts'
import { cannotListen } from '#server/cannot-listen.ts'
import { listen, type Listener, type Sharing } from '#server/listen.ts'
import { everyPlan } from '#server/admin-status.ts'
import { MetricsPage } from '#server/metrics-page.ts'
import { StatusPage } from '#server/page.ts'
import { Holder } from '#snapshot/holder.ts'
import { movedKeysOf, planNamesOf, stateKeysOf } from '#snapshot/compile.ts'
import { checkedBackends } from '#snapshot/health.ts'
import { createSink } from '#telemetry/access.ts'
import { createLog, type Console, type ProgramLog } from '#telemetry/log.ts'
import { Masker } from '#telemetry/mask.ts'
import { RecentRequests } from '#telemetry/recent.ts'
import { NewsByRoute } from '#telemetry/route-news.ts'
import { Tally } from '#telemetry/tally.ts'
import { keepSwept } from '#telemetry/sweep.ts'
import { Breakers } from '#upstream/breaker.ts'
import { Health } from '#upstream/health.ts'
import { clearPort, leavePort, seatedAt, sharedSource, sharingOf } from './company.ts'
import { drain } from './drain.ts'
import { HealthTask } from './health-task.ts'
import { hintAtEnvironment } from './environment-hints.ts'
import { KnownSecrets } from './known-secrets.ts'
import { countRequests } from './count-requests.ts'
import { LoadHistory } from './load-history.ts'
import { loadSnapshot, sourceName, wayToOpen, type LoadContext, type LoadedSnapshot, type Source } from './load.ts'
import { Lookout } from './lookout.ts'
import { Reloader } from './reload.ts'
import { requestLimitIsLifted } from './request-limit.ts'
import type { Seat } from './seat.ts'
import type { TlsWatch } from './tls-watch.ts'
import { UsageBooks } from './usage-books.ts'
import { lazyMediaSource, lazyMockTransport, needsFetch, transportOver, warmUp } from './transports.ts'

export interface BootOptions {
  readonly source: Source
  readonly env: Readonly<Record<string, string | undefined>>
  readonly listen: LoadContext['listen']
  /** Keys that win over the configuration. */
  readonly overrides?: LoadContext['overrides']
  /** Environment variables that `listen` comes from. */
  readonly listenFrom: { readonly portFrom?: string; readonly hostFrom?: string }
  readonly version: string
  readonly console: Console
  readonly colour: boolean
  /** Its place, where several processes serve together. */
  readonly seat?: Seat | undefined
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

/** Several processes are to do it, see workers.ts. */
export interface NeedsWorkers {
  readonly needsWorkers: Snapshot
}

/** Puts everything together, once: ports → state → snapshot → gateway → server. The only place that constructs. */
export async function boot(options: BootOptions): Promise<Running | NotStarted | NeedsRestart | NeedsWorkers> {
  const { source, env, console, seat } = options
  const { listen: asked, overrides } = options
  const loadFrom = async (version: number, origin: Pick<LoadContext, 'read' | 'files'> = {}): Promise<LoadedSnapshot> =>
    await loadSnapshot(source, { env, version, listen: asked, overrides, ...origin })
  const shared = seat && (await sharedSource({ seat, clock: systemClock, load: loadFrom }))
  const load = async (version: number): Promise<LoadedSnapshot> =>
    await (shared === undefined ? loadFrom(version) : shared.load(version))
  const loaded = await (shared === undefined ? load(1) : shared.first())
  if (loaded.snapshot === undefined) return { problems: loaded.problems }
  if (loaded.snapshot.sharing.workers !== 1 && seat === undefined) return { needsWorkers: loaded.snapshot }
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
  const news = new NewsByRoute(masker)
  const tally = new Tally()
  countRequests(tally, sinks, loaded.snapshot)
  remember({ recent, news }, sinks, loaded.snapshot)
  const transport = transportOver({
    mock: lazyMockTransport({ clock, random: seededRandom(1) }),
    own,
    fetch: fetchTransport(clock),
  })
  const credentials = new Credentials({ clock, transport, files: systemSecretFiles, log })
  known.watch(credentials)
  const tokens = new Tokens({ clock, transport, log })
  const health = new Health()
  const healthTask = new HealthTask({ clock, random: systemRandom, transport, credentials, log, health })
  const books = new UsageBooks({ clock, log })
  const gateway: Gateway = {
    current: () => holder.current(),
    breakers: new Breakers(),
    credentials,
    tokens,
    health,
    figures: new Figures(),
    limits: new Limits({ clock, wheel, log, workers: seat?.place.of ?? 1, processId: systemIds.requestId() }),
    cache: new Cache({ clock, log }),
    hooks: hooksBook(tally, () => holder.current()),
    prefillRefusers: new Set(),
    translator: new Translator(clock, lazyMediaSource({ clock, wheel })),
    live: new Roster<Exchange>(),
    sinks,
    onTurnedAway: (refusal) => holder.current().metrics && tally.turnedAway(refusal),
    clock,
    wheel,
    random: systemRandom,
    ids: systemIds,
    transport,
    log,
    prices: books.prices,
    repeats: new Repeats(clock),
    budgets: books.budgets,
  }
  credentials.adopt(loaded.snapshot.credentials)
  tokens.adopt(loaded.snapshot.keys.tokens)
  gateway.limits.adopt(loaded.snapshot.limits)
  gateway.cache?.adopt(loaded.snapshot.cache)
  gateway.breakers.retain(stateKeysOf(loaded.snapshot))
  gateway.figures.retain(stateKeysOf(loaded.snapshot), planNamesOf(loaded.snapshot))
  const hookSink: ExchangeSink = { settled: (exchange) => holder.current().hooks?.tell?.(gateway, exchange) }
  attach(sinks, hookSink, loaded.snapshot.hooks?.tell !== undefined)
  checkHealth(healthTask, sinks, loaded.snapshot)
  keepBooks(books, sinks, loaded.snapshot, transport)

  const draining = { now: false }
  const warnings = loaded.problems.filter(({ severity }) => severity === 'warning').map(formatProblem)
  const history = new LoadHistory(clock, warnings, watchReport(source, env), loaded.changedMs)
  if (shared !== undefined) history.restartKeys = shared.restartKeys
  const { version } = options
  // Nobody can ask for one before it can be done, save in the first moments.
  const reloads: { now?: () => Promise<void> } = {}
  const pages = new AdminPages({
    gateway,
    recent,
    news,
    masker,
    version,
    startedMs: clock.wallMs(),
    worker: seat?.place,
    isDraining: () => draining.now,
    reload: async () => await reloads.now?.(),
    pools: () => own.gauges(),
    loadReport: () => history,
    usage: books,
  })
  const metricsPage = new MetricsPage({
    gateway,
    tally,
    version,
    startedMs: clock.wallMs() - clock.monotonicMs(),
    isDraining: () => draining.now,
    pools: () => own.gauges(),
    loadReport: () => history,
    logDropped: () => log.dropped,
    lookout,
    admin: pages,
    ...(seat !== undefined && { allOf: async (reading) => await seat.metricsOfAll(reading, clock) }),
  })
  seat?.onMetricsAsked(async () => await metricsPage.reading())
  const { listen: address, admin, metricsListen } = loaded.snapshot
  const app = createApp(gateway, {
    version,
    isDraining: () => draining.now,
    isConfigRefused: () => history.refused !== undefined,
    isStorageFailing: () => books.isFailing,
    pressure: lookout.memory,
    admin: admin.listen === undefined ? pages : undefined,
    page: new StatusPage(gateway, version, admin.listen === undefined ? pages : undefined),
    metrics: metricsListen === undefined ? metricsPage : undefined,
  })
  const sharing = sharingOf(loaded.snapshot, seat)
  let listener: Listener
  let adminListener: Listener | undefined
  let metricsListener: Listener | undefined
  try {
    listener = await open(seatedAt(address, 'main', seat), app, gateway, sharing)
    try {
      adminListener =
        admin.listen &&
        (await open(
          seatedAt(admin.listen, 'admin', seat),
          createAdminApp(gateway, pages, new StatusPage(gateway, version, pages)),
          gateway,
          sharing,
        ))
      metricsListener =
        metricsListen &&
        (await open(seatedAt(metricsListen, 'metrics', seat), createMetricsApp(gateway, metricsPage), gateway, sharing))
    } catch (error) {
      await adminListener?.cut()
      await listener.cut()
      throw error
    }
  } catch (error) {
    lookout.stop()
    throw error
  }
  if (sharing === 'any') await clearPort(listener)
  const background = new AbortController()
  const listeners = [listener, adminListener, metricsListener].filter((one) => one !== undefined)
  const tlsWatch = await watchTls(loaded.snapshot, listeners, gateway)
  void tlsWatch?.keepLooking(background.signal)
  const workForAll = (): void => {
    void keepSwept({ policy: () => holder.current().logging, files: systemFiles, clock, log }, background.signal)
    healthTask.start(background.signal)
  }
  if (seat === undefined) workForAll()
  else seat.onLead(workForAll)
  const onSwapped = (snapshot: Snapshot, old: Snapshot, swapped: LoadedSnapshot): void => {
    shared?.accepted(swapped)
    gateway.hooks?.retain(snapshot.hooks?.ids ?? new Set())
    attach(sinks, hookSink, snapshot.hooks?.tell !== undefined)
    tokens.adopt(snapshot.keys.tokens)
    checkHealth(healthTask, sinks, snapshot)
    keepBooks(books, sinks, snapshot, transport)
    warmUp(own, snapshot)
    countRequests(tally, sinks, snapshot)
    remember({ recent, news }, sinks, snapshot)
    gateway.figures.retain(stateKeysOf(snapshot), planNamesOf(snapshot))
    gateway.figures.forget(movedKeysOf(old, snapshot))
    gateway.limits.adopt(snapshot.limits)
    gateway.cache?.adopt(snapshot.cache)
    gateway.repeats?.adopt(snapshot.idempotency)
    books.budgets.retain(snapshot.budgets)
    gateway.figures.owners.trim(snapshot.ownedIds.max)
    if (snapshot.tls !== undefined) void tlsWatch?.adopt(snapshot.tls)
    // How routes are asked to go on with a text may have changed; who refuses is learned anew.
    gateway.prefillRefusers.clear()
    // Nobody may be cut off for a restart that a reload would like to have.
    if (needsFetch(snapshot) && !requestLimitIsLifted(env)) log.write('warn', 'request_limit', {})
  }
  const reloader = await watch(source, {
    holder,
    gateway: seat === undefined ? gateway : { ...gateway, log: seat.once(log) },
    load,
    loaded,
    onSwapped,
    history,
    signal: background.signal,
  })
  reloads.now = async () => {
    seat?.reloads()
    await reloader.reload(true)
  }
  warmUp(own, loaded.snapshot)
  if (seat === undefined || seat.facts.isFirst) tellStart(log, loaded, loaded.snapshot, options, listener.address)
  if (adminListener !== undefined) log.write('info', 'admin_started', { address: adminListener.address })
  if (metricsListener !== undefined) log.write('info', 'metrics_started', { address: metricsListener.address })
  if (seat !== undefined) {
    const { shareState } = await import('./share-state.ts')
    shareState(seat, gateway, healthTask)
    shared?.accepted(loaded)
    seat.ready(
      { main: listener.port ?? 0, admin: adminListener?.port, metrics: metricsListener?.port },
      listener.address,
    )
  }
  return {
    address: listener.address,
    current: () => holder.current(),
    flushLog: async () => await log.flush(),
    reload: async () => await reloader.reload(true),
    async stop(why, hurry) {
      background.abort()
      const forMs = holder.current().drainMs
      const untilMs = clock.monotonicMs() + forMs
      seat?.leaving()
      log.write('info', 'shutdown_started', { signal: why, inFlight: gateway.live.size, forMs })
      if (sharing !== 'none') await leavePort(gateway, listener, seat, forMs, hurry)
      draining.now = true
      const cut = await drain(gateway, listener, Math.max(0, untilMs - clock.monotonicMs()), hurry)
      // Until now one could look at what the drain waits for.
      await adminListener?.cut()
      await metricsListener?.cut()
      // Connections that were cut settle their exchanges, and each of them is still to be told.
      await clock.sleep(cut > 0 ? 50 : 0)
      await gateway.hooks?.emptied(clock, hurry)
      seat?.lastMetrics(await metricsPage.reading())
      own.closeIdle()
      books.stop()
      gateway.limits.close()
      log.write(cut > 0 ? 'warn' : 'info', cut > 0 ? 'shutdown_forced' : 'shutdown_finished', { inFlight: cut })
      await log.close()
      lookout.stop()
    },
  }
}

/** Rejects with a sentence when the address cannot be had. */
async function open(address: ListenAddress, app: App, gateway: Gateway, sharing: Sharing): Promise<Listener> {
  const { log, ids } = gateway
  const { idleSeconds, tls } = gateway.current()
  const onError = (error: Error): string => {
    const requestId = ids.requestId()
    log.write('error', 'internal_error', { requestId, reason: error.message, stack: error.stack })
    return requestId
  }
  try {
    return await listen(address, app, onError, sharing, idleSeconds, tls)
  } catch (error) {
    throw new Error(cannotListen(address, error), { cause: error })
  }
}

/** Undefined where nothing is encrypted: nothing of it is loaded then. */
async function watchTls(
  { tls }: Snapshot,
  listeners: readonly Listener[],
  { clock, log }: Gateway,
): Promise<TlsWatch | undefined> {
  if (tls === undefined) return undefined
  const { TlsWatch: Watch } = await import('./tls-watch.ts')
  return new Watch({ clock, log, listeners }, tls)
}

interface Memories {
  readonly recent: RecentRequests
  readonly news: NewsByRoute
}

/** Requests are remembered for those who may look, and nothing is done for it while there are none. */
function remember({ recent, news }: Memories, sinks: ExchangeSink[], snapshot: Snapshot): void {
  const { keepRequests, keys } = snapshot.admin
  recent.resize(keepRequests)
  if (keys.isOpen) news.clear()
  else if (news.size > 0) retainNews(news, snapshot)
  attach(sinks, recent, keepRequests > 0)
  attach(sinks, news, !keys.isOpen)
}

/** What requests take is summed up for those who may look, or for a file. */
function keepBooks(books: UsageBooks, sinks: ExchangeSink[], snapshot: Snapshot, transport: Transport): void {
  books.adopt(snapshot, transport)
  attach(sinks, books.ledger, UsageBooks.isWanted(snapshot))
}

/** Calls of hooks are counted for those who ask for figures. */
function hooksBook(tally: Tally, current: () => Snapshot): HookBook {
  const book = new HookBook()
  book.onCalled = ({ point, name }, result) => {
    if (current().metrics !== undefined) tally.counts('llm_proxy_hook_calls_total').cell(point, name, result).value += 1
  }
  return book
}

/** The backends of a snapshot that want it are asked for their health. */
function checkHealth(task: HealthTask, sinks: ExchangeSink[], snapshot: Snapshot): void {
  const checked = checkedBackends(snapshot)
  task.adopt(checked)
  attach(sinks, task, checked.size > 0)
}

function retainNews(news: NewsByRoute, snapshot: Snapshot): void {
  const candidates = everyPlan(snapshot).flatMap(({ tiers }) => tiers.flatMap((tier) => tier.candidates))
  const byBackend = Map.groupBy(candidates, ({ backend }) => backend.name)
  const known = new Map(Array.from(byBackend, ([name, own]) => [name, new Set(own.map(({ model }) => model))]))
  news.retain((backend, model) => known.get(backend)?.has(model) === true)
}

function attach(sinks: ExchangeSink[], sink: ExchangeSink, isWanted: boolean): void {
  const at = sinks.indexOf(sink)
  if (isWanted && at === -1) sinks.push(sink)
  if (!isWanted && at !== -1) sinks.splice(at, 1)
}

interface Watched {
  readonly holder: Holder
  readonly gateway: Gateway
  readonly load: (version: number) => Promise<LoadedSnapshot>
  readonly loaded: LoadedSnapshot
  readonly onSwapped: (snapshot: Snapshot, old: Snapshot, loaded: LoadedSnapshot) => void
  readonly history: LoadHistory
  readonly signal: AbortSignal
}

async function watch(
  source: Source,
  { holder, gateway, load, loaded, onSwapped, history, signal }: Watched,
): Promise<Reloader> {
  const { breakers, clock, credentials, log } = gateway
  const file = sourceName(source)
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
  const { watched } = history
  if (watched?.isOn !== true) return reloader
  const onHint = async (): Promise<void> => await reloader.reload()
  const extraFiles = (): readonly string[] => reloader.files
  const { file: watchedFile, everyMs } = watched
  const hintAfterMs = firstHintMs
  await watchConfig({ file: watchedFile, pollMs: everyMs, extraFiles, clock, onHint, hintAfterMs, signal })
  return reloader
}

/** The file of a source; those that it names are watched with it. Undefined: there is none. */
function watchReport(source: Source, env: BootOptions['env']): LoadHistory['watched'] {
  if (source.kind === 'file') return { file: source.file, isOn: true, everyMs: pollMs }
  const file = source.kind === 'legacy' ? (source.backendsFile ?? source.secretsFile) : undefined
  if (file === undefined) return undefined
  const wanted = reloadWatch(env)
  return { file, isOn: wanted.isOn, everyMs: wanted.pollMs ?? pollMs }
}

/** Not at once: reading a configuration costs more than the first requests can spare. */
const firstHintMs = 500

/** One line for each pace at which backends are asked for their health. */
function tellChecks(log: ProgramLog, snapshot: Snapshot): void {
  const intervals = Array.from(checkedBackends(snapshot).values(), ({ health }) => health?.intervalMs ?? 0)
  for (const [everyMs, alike] of Map.groupBy(intervals, (ms) => ms)) {
    if (everyMs > 0) log.write('info', 'health_checked', { backends: alike.length, everyMs })
  }
}

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
  for (const note of loaded.variableNotes) log.write('info', 'config_problem', { problem: note })
  for (const { backend, variable } of found) log.write('info', 'backend_from_environment', { backend, variable })
  const credentials = snapshot.credentials.reduce((sum, { specs }) => sum + specs.length, 0)
  const services = snapshot.services.byName.size
  log.write('info', 'config_loaded', {
    backends: snapshot.backends.size,
    aliases: snapshot.aliases.length,
    ...(services > 0 ? { services } : {}),
    ...(credentials > 0 ? { credentials } : {}),
    ...(source.kind === 'legacy' ? { file: sourceName(source) } : {}),
  })
  tellChecks(log, snapshot)
  if (snapshot.keys.isOpen) {
    const keys = wayToOpen(source) ?? 'proxy_api_key or allow_unauthenticated: true'
    log.write('warn', 'unauthenticated', { address, asked: snapshot.listenAsked, openedBy: keys })
  }
  log.write('info', 'server_started', { address, version, ...listenFrom })
}
