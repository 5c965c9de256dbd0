import { existsSync } from 'node:fs'
import { boot, type Running } from '#boot/boot.ts'
import { firstRequest } from '#boot/first-request.ts'
import type { Source } from '#boot/load.ts'
import { liftRequestLimit } from '#boot/request-limit.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem } from '#config/problem.ts'
import { systemClock } from '#ports/clock.ts'
import { textOf, type ParsedArgs } from './args.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { buildInfo } from './version.ts'

/** `llm-proxy serve`: runs until a signal stops it. */
export async function serve(parsed: ParsedArgs, io: Io): Promise<number> {
  const source = sourceOf(textOf(parsed, 'config'))
  // Hosting platforms set PORT for whatever they run; a file with its own `listen` means what it says.
  const portNames = ['PROXY_PORT', 'FLOW_PROXY_PORT', ...(source.kind === 'environment' ? ['PORT'] : [])]
  const portGiven = given(textOf(parsed, 'port'), portNames, io.env)
  const port = portOf(portGiven.text)
  if (port === null) {
    io.stderr(`llm-proxy serve: ${portGiven.from ?? '--port'}: a port is a number from 0 to 65535\n`)
    return exit.usage
  }
  const { text: host, from: hostFrom } = given(textOf(parsed, 'host'), ['FLOW_PROXY_HOST'], io.env)
  let running: Running | undefined
  // From the beginning, since unheard they would end the process: requests may come before the start is complete.
  const stopHanging = io.onSignal(['SIGHUP'], () => void running?.reload())
  const order = hearStopOrder(io)
  const noColour = parsed.values['no-color'] === true || parsed.values['disable-color'] === true
  try {
    const booted = await boot({
      source,
      env: io.env,
      listen: { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) },
      listenFrom: {
        ...(portGiven.from === undefined ? {} : { portFrom: portGiven.from }),
        ...(hostFrom === undefined ? {} : { hostFrom }),
      },
      version: buildInfo.version,
      console: { write: async (text) => await io.print(text) },
      colour: io.isTty && !noColour && (io.env['NO_COLOR'] ?? '') === '',
    })
    if ('problems' in booted) {
      for (const problem of booted.problems) io.stderr(`${formatProblem(problem)}\n`)
      io.stderr('llm-proxy cannot start: the configuration has errors, see above\n')
      return exit.failed
    }
    if ('needsRestart' in booted) return await liftRequestLimit(io.env)
    running = booted
    const stopped = stop(running, order)
    // Nobody may read what is printed, and the order to stop holds all the same.
    await Promise.race([greet(running, io), stopped])
    await stopped
    return exit.done
  } catch (error) {
    io.stderr(`llm-proxy cannot start: ${reasonOf(error, source.kind === 'file' ? source.file : undefined)}\n`)
    return exit.failed
  } finally {
    stopHanging()
  }
}

const defaultFile = 'config.yaml'

/** A file that is named must be there; the default one may be missing, then the environment says what there is. */
function sourceOf(file: string | undefined): Source {
  if (file !== undefined) return { kind: 'file', file }
  return existsSync(defaultFile) ? { kind: 'file', file: defaultFile } : { kind: 'environment' }
}

/** A flag, or else the first variable that is set and not empty, with its name. */
function given(
  flag: string | undefined,
  names: readonly string[],
  env: Io['env'],
): { readonly text: string | undefined; readonly from: string | undefined } {
  const from = flag === undefined ? names.find((name) => (env[name] ?? '') !== '') : undefined
  return { text: flag ?? (from === undefined ? undefined : env[from]), from }
}

function portOf(text: string | undefined): number | undefined | null {
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : null
}

/** Shows how to try it, below the lines of the start; not part of the log. */
async function greet(running: Running, io: Io): Promise<void> {
  // Opening a standard stream takes longer than an answer, and whoever started us may be asking already.
  await systemClock.sleep(greetAfterMs)
  await running.flushLog()
  const alias = [...running.current().plans.keys()].find((name) => running.current().aliases.includes(name))
  if (alias !== undefined)
    io.stdout(
      `\n${tryIt[running.current().logging.language]}\n\n${firstRequest(running.current(), running.address, alias)}\n\n`,
    )
}

const greetAfterMs = 25

const tryIt = { en: 'Try it:', zh: '试一试:' } as const

/** The order to stop: the first signal gives it, the second says that there is no time to drain. */
interface StopOrder {
  readonly signal: Promise<string>
  readonly hurry: AbortSignal
}

function hearStopOrder(io: Io): StopOrder {
  const hurry = new AbortController()
  const signal = new Promise<string>((resolve) => {
    let isStopping = false
    io.onSignal(['SIGTERM', 'SIGINT', ...(process.platform === 'win32' ? (['SIGBREAK'] as const) : [])], (name) => {
      if (isStopping) hurry.abort()
      isStopping = true
      resolve(name)
    })
  })
  return { signal, hurry: hurry.signal }
}

async function stop(running: Running, order: StopOrder): Promise<void> {
  const why = await order.signal
  await running.stop(why, order.hurry)
}

function reasonOf(error: unknown, file: string | undefined): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT' && 'path' in error) {
    return `there is no file "${String(error.path)}"; "llm-proxy init" writes one`
  }
  if ('code' in error && file !== undefined) return `Cannot read "${file}": ${whyUnreadable(error)}`
  return error.message
}
