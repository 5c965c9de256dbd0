import { liftRequestLimit } from '#boot/request-limit.ts'

/** Hands the command line to `cli/` and ends with its exit code. The only file that reads the environment. */
async function main(): Promise<void> {
  const args = process.argv.slice(2)
  // Before anything else is loaded: a second start of an empty process costs a few milliseconds.
  const ended = await liftRequestLimit(args, process.env)
  if (ended !== undefined) process.exit(ended)
  const { run } = await import('#cli/cli.ts')
  const { processIo } = await import('#cli/process-io.ts')
  // Not by itself: output that nobody reads would keep the process alive.
  process.exit(await run(args, processIo(process.env)))
}

await main()
