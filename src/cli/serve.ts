import { boot, type Running } from '#boot/boot.ts'
import { firstRequest } from '#boot/first-request.ts'
import { liftRequestLimit } from '#boot/request-limit.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem } from '#config/problem.ts'
import { systemClock } from '#ports/clock.ts'
import { textOf, type ParsedArgs } from './args.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { firstSet, hostVariables, portOf, portVariables } from './listen-environment.ts'
import { sourceOf } from './source.ts'
import { buildInfo } from './version.ts'

/** `llm-proxy serve`: runs until a signal stops it. */
export async function serve(parsed: ParsedArgs, io: Io): Promise<number> {
  // Code of the start runs once or twice: compiling it takes longer than it does itself.
  Bun.unsafe.setJITPolicy(startJitScale)
  const source = sourceOf(textOf(parsed, 'config'))
  const portGiven = given(textOf(parsed, 'port'), portVariables(source), io.env)
  const port = portOf(portGiven.text)
  if (port === null) {
    io.stderr(`llm-proxy serve: ${portGiven.from ?? '--port'}: a port is a number from 0 to 65535\n`)
    return exit.usage
  }
  const { text: host, from: hostFrom } = given(textOf(parsed, 'host'), hostVariables, io.env)
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
