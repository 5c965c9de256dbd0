import { boot, type Running } from '#boot/boot.ts'
import { firstRequest } from '#boot/first-request.ts'
import type { Source } from '#boot/load.ts'
import { liftRequestLimit } from '#boot/request-limit.ts'
import type { Seat } from '#boot/seat.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem } from '#config/problem.ts'
import { systemClock } from '#ports/clock.ts'
import { textOf, type ParsedArgs } from './args.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { firstSet, hostVariables, portOf, portVariables } from './listen-environment.ts'
import { chooseSource, sourceFlags } from './source.ts'
import { readStartFlags } from './start-flags.ts'
import { buildInfo } from './version.ts'

/** `llm-proxy serve`: runs until a signal stops it. */
export async function serve(parsed: ParsedArgs, io: Io): Promise<number> {
  // Code of the start runs once or twice: compiling it takes longer than it does itself.
  Bun.unsafe.setJITPolicy(startJitScale)
  const { source, notes } = chooseSource(sourceFlags(parsed), io.env)
  const flags = readStartFlags(parsed)
  if (typeof flags === 'string') {
    io.stderr(`llm-proxy serve: ${flags}\n`)
    return exit.usage
  }
  const seat = await seatIn(io.env)
  const hasCompany = seat !== undefined && !seat.facts.isFirst
  // Those that join others repeat nothing that was said at the start.
  if (seat === undefined) for (const note of [...notes, ...flags.notes]) io.stderr(`llm-proxy: ${note}\n`)
  const portGiven = given(textOf(parsed, 'port'), portVariables(source), io.env)
  const port = portOf(portGiven.text)
  if (port === null) {
    io.stderr(`llm-proxy serve: ${portGiven.from ?? '--port'}: a port is a number from 0 to 65535\n`)
    return exit.usage
  }
  const { text: host, from: hostFrom } = given(textOf(parsed, 'host'), hostVariables, io.env)
  let running: Running | undefined
  // From the beginning, since unheard they would end the process: requests may come before the start is complete.
  const signals = seat === undefined ? io : { onSignal: seat.signalsOver(io) }
  const stopHanging = signals.onSignal(['SIGHUP'], () => void running?.reload())
  const order = hearStopOrder(signals)
  const noColour = parsed.values['no-color'] === true || parsed.values['disable-color'] === true
  const output = {
    console: { write: async (text: string) => await io.print(text) },
    colour: io.isTty && !noColour && (io.env['NO_COLOR'] ?? '') === '',
  }
  try {
    const booted = await boot({
      source,
      env: io.env,
      listen: { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) },
      overrides: flags.overrides,
      listenFrom: {
        ...(portGiven.from === undefined ? {} : { portFrom: portGiven.from }),
        ...(hostFrom === undefined ? {} : { hostFrom }),
      },
      version: buildInfo.version,
      ...output,
      seat,
    })
    if ('problems' in booted) {
      for (const problem of booted.problems) io.stderr(`${formatProblem(problem)}\n`)
      io.stderr('llm-proxy cannot start: the configuration has errors, see above\n')
      return exit.failed
    }
    if ('needsRestart' in booted) return order.isGiven() ? exit.done : await liftRequestLimit(io.env)
    if ('needsWorkers' in booted) {
      if (order.isGiven()) return exit.done
      const { runWorkers } = await import('#boot/run-workers.ts')
      return await runWorkers({
        snapshot: booted.needsWorkers,
        source,
        env: io.env,
        ...output,
        onSignal(names, handler) {
          const stopHearing = io.onSignal(names, handler)
          // One that came since is for whoever hears them from now on.
          order.handOn(handler)
          return stopHearing
        },
      })
    }
    running = booted
    const stopped = stop(running, order)
    // Nobody may read what is printed, and the order to stop holds all the same.
    if (!hasCompany) await Promise.race([greet(running, io), stopped])
    await stopped
    return exit.done
  } catch (error) {
    io.stderr(`llm-proxy cannot start: ${reasonOf(error, source)}\n`)
    return exit.failed
  } finally {
    stopHanging()
  }
}

/** A flag, or else the first variable that is set and not empty, with its name. */
function given(
  flag: string | undefined,
  names: readonly string[],
  env: Io['env'],
): { readonly text: string | undefined; readonly from: string | undefined } {
  const from = flag === undefined ? firstSet(names, env) : undefined
  return { text: flag ?? (from === undefined ? undefined : env[from]), from }
}

/** Shows how to try it, below the lines of the start; not part of the log. */
async function greet(running: Running, io: Io): Promise<void> {
  // Opening a standard stream takes longer than an answer, and whoever started us may be asking already.
  await systemClock.sleep(greetAfterMs)
  Bun.unsafe.setJITPolicy(1)
  await running.flushLog()
  const alias = [...running.current().plans.keys()].find((name) => running.current().aliases.includes(name))
  if (alias !== undefined)
    io.stdout(
      `\n${tryIt[running.current().logging.language]}\n\n${firstRequest(running.current(), running.address, alias)}\n\n`,
    )
}

const greetAfterMs = 25

/** How much more often than usual code must run during the start before it is compiled. */
const startJitScale = 8

const tryIt = { en: 'Try it:', zh: '试一试:' } as const

/** The order to stop: the first signal gives it, the second says that there is no time to drain. */
interface StopOrder {
  readonly signal: Promise<string>
  readonly hurry: AbortSignal
  isGiven(): boolean
  /** Somebody else hears the signals from now on, and is told those that came. */
  handOn(handler: (name: NodeJS.Signals) => void): void
}

function hearStopOrder({ onSignal }: Pick<Io, 'onSignal'>): StopOrder {
  const hurry = new AbortController()
  const { promise: signal, resolve } = Promise.withResolvers<string>()
  const came: NodeJS.Signals[] = []
  const names = ['SIGTERM', 'SIGINT', ...(process.platform === 'win32' ? (['SIGBREAK'] as const) : [])] as const
  const forget = onSignal(names, (name) => {
    if (came.length > 0) hurry.abort()
    came.push(name)
    resolve(name)
  })
  const handOn: StopOrder['handOn'] = (handler) => {
    forget()
    for (const name of came) handler(name)
  }
  return { signal, hurry: hurry.signal, isGiven: () => came.length > 0, handOn }
}

/** The place of this process, where another one of ours started it to serve with others. */
async function seatIn(env: Io['env']): Promise<Seat | undefined> {
  if (env['LLM_PROXY_WORKER'] === undefined) return undefined
  const { takeSeat } = await import('#boot/seat.ts')
  return takeSeat(env)
}

async function stop(running: Running, order: StopOrder): Promise<void> {
  const why = await order.signal
  await running.stop(why, order.hurry)
}

function reasonOf(error: unknown, source: Source): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT' && 'path' in error) {
    const file = String(error.path)
    return `there is no file "${file}"; ${howToWrite(file, source)}`
  }
  if ('code' in error && source.kind === 'file') return `Cannot read "${source.file}": ${whyUnreadable(error)}`
  if ('code' in error && source.kind === 'legacy' && 'path' in error) {
    return `Cannot read "${String(error.path)}": ${whyUnreadable(error)}`
  }
  return error.message
}

/** What the file must hold that is not there. */
function howToWrite(file: string, source: Source): string {
  if (source.kind !== 'legacy') return '"llm-proxy init" writes one'
  if (file === source.secretsFile) {
    return (
      'write one like [{"name": "config1", "clientId": "…", "clientSecret": "…", "tenant": "…"}], ' +
      'or name another by --secrets-file or FLOW_PROXY_SECRETS_FILE'
    )
  }
  return (
    'write one like {"services": {"google": {"models": {"gemma": {"backends": ' +
    '[{"id": "backend-1", "name": "node 1", "url": "http://192.168.1.10:5000"}]}}}}}, ' +
    'or name another by --backends-file or BACKENDS_CONFIG_PATH'
  )
}
