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
  const args = process.argv.slice(2)
  const raised = Object.fromEntries(
    Object.entries({ ...env, [variable]: limit }).filter(([, value]) => value !== undefined),
  ) as Record<string, string>
  const command = [...process.execArgv.filter(() => !isCompiled()), ...(isCompiled() ? [] : [Bun.main]), ...args]
  if (process.platform !== 'win32' && process.execve !== undefined) {
    process.execve(process.execPath, [process.argv0, ...command], raised)
  }
  return await runChild(command, raised)
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
