/**
 * Bun's fetch runs at most 256 requests at once, and a stream holds its place until it ends. The limit can be raised
 * only by a variable that is there when the process starts, so a server with a backend that goes by fetch starts itself
 * once more with it: on POSIX in the same process (same id, so that service managers notice nothing), on Windows as a
 * child.
 */
const variable = 'BUN_CONFIG_MAX_HTTP_REQUESTS'
const limit = '65535'

export function requestLimitIsLifted(env: Readonly<Record<string, string | undefined>>): boolean {
  return env[variable] !== undefined
}

/** Starts this program again with the limit lifted. Resolves with the exit code of the child that did the work, if at all. */
export async function liftRequestLimit(env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const raised = liftedRequestLimit(env)
  const command = ownCommand()
  if (process.platform !== 'win32' && process.execve !== undefined) {
    process.execve(process.execPath, [process.argv0, ...command], raised)
  }
  return await runChild(command, raised)
}

/** The environment with the limit lifted. */
export function liftedRequestLimit(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const raised: Record<string, string> = { [variable]: limit }
  for (const [name, value] of Object.entries(env)) if (value !== undefined && name !== variable) raised[name] = value
  return raised
}

/** What follows `process.execPath` to start this program once more, as it was started. */
export function ownCommand(): readonly string[] {
  const args = process.argv.slice(2)
  return [...process.execArgv.filter(() => !isCompiled()), ...(isCompiled() ? [] : [Bun.main]), ...args]
}

/** In a compiled executable the entry script lives in Bun's virtual file system. */
function isCompiled(): boolean {
  return Bun.main.startsWith('/$bunfs/') || /^[A-Z]:[/\\]~BUN[/\\]/i.test(Bun.main)
}

async function runChild(command: readonly string[], env: Record<string, string>): Promise<number> {
  const child = Bun.spawn([process.execPath, ...command], { env, stdio: ['inherit', 'inherit', 'inherit'] })
  // The console sends Ctrl-C to both; the parent must outlive the child's drain.
  for (const signal of ['SIGINT', 'SIGBREAK', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => child.kill(signal))
  return await child.exited
}
