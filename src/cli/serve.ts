import { existsSync } from 'node:fs'
import { boot, type Running } from '#boot/boot.ts'
import { firstRequest } from '#boot/first-request.ts'
import type { Source } from '#boot/load.ts'
import { formatProblem } from '#config/problem.ts'
import { textOf, type ParsedArgs } from './args.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { buildInfo } from './version.ts'

/** `llm-proxy serve`: runs until a signal stops it. */
export async function serve(parsed: ParsedArgs, io: Io): Promise<number> {
  const source = sourceOf(textOf(parsed, 'config'))
  // Hosting platforms set PORT for whatever they run; a file with its own `listen` means what it says.
  const platformPort = source.kind === 'environment' ? io.env['PORT'] : undefined
  const port = portOf(textOf(parsed, 'port') ?? io.env['PROXY_PORT'] ?? io.env['FLOW_PROXY_PORT'] ?? platformPort)
  if (port === null) {
    io.stderr('llm-proxy serve: a port is a number from 0 to 65535\n')
    return exit.usage
  }
  const host = textOf(parsed, 'host') ?? io.env['FLOW_PROXY_HOST']
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
      version: buildInfo.version,
      console: { write: async (text) => await io.print(text) },
      colour: io.isTty && !noColour && (io.env['NO_COLOR'] ?? '') === '',
    })
    if ('problems' in booted) {
      for (const problem of booted.problems) io.stderr(`${formatProblem(problem)}\n`)
      io.stderr('llm-proxy cannot start: the configuration has errors, see above\n')
      return exit.failed
    }
    running = booted
    const stopped = stop(running, order)
    // Nobody may read what is printed, and the order to stop holds all the same.
    await Promise.race([greet(running, io), stopped])
    await stopped
    return exit.done
  } catch (error) {
    io.stderr(`llm-proxy cannot start: ${reasonOf(error)}\n`)
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

function portOf(text: string | undefined): number | undefined | null {
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : null
}

/** Shows how to try it, below the lines of the start; not part of the log. */
async function greet(running: Running, io: Io): Promise<void> {
  await running.flushLog()
  const alias = [...running.current().plans.keys()].find((name) => running.current().aliases.includes(name))
  if (alias !== undefined) io.stdout(`\nTry it:\n\n${firstRequest(running.current(), running.address, alias)}\n\n`)
}

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

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT' && 'path' in error) {
    return `there is no file "${String(error.path)}"; "llm-proxy init" writes one`
  }
  if ('code' in error && error.code === 'EACCES' && 'path' in error)
    return `"${String(error.path)}" may not be read by this user`
  return error.message
}
