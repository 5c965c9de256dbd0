/**
 * Bun runs at most 256 outgoing requests at once, and a stream holds its place until it ends. The limit can be raised
 * only by a variable that is there when the process starts, so a server starts itself once more with it: on POSIX in
 * the same process (same id, so that service managers notice nothing), on Windows as a child.
 */
const variable = 'BUN_CONFIG_MAX_HTTP_REQUESTS'
const limit = '65535'

/** Commands that send nothing; everything else, and no command at all, serves. */
const quickCommands: ReadonlySet<string> = new Set(['check', 'init', 'schema', 'version', 'completion', 'help', 'mock'])
const quickFlags: ReadonlySet<string> = new Set(['-h', '-help', '--help', '-v', '-version', '--version'])

/** Resolves with undefined when this process may go on, or with the exit code of the child that did the work. */
export async function liftRequestLimit(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number | undefined> {
  if (env[variable] !== undefined || quickCommands.has(args[0] ?? '') || args.some((arg) => quickFlags.has(arg)))
    return undefined
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
