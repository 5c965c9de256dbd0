import { processIo } from '#cli/process-io.ts'
import { run } from '#cli/cli.ts'

/** Hands the command line to `cli/` and ends with its exit code. The only file that reads the environment. */
async function main(): Promise<void> {
  const args = process.argv.slice(2)
  // Not by itself: output that nobody reads would keep the process alive.
  process.exit(await run(args, processIo(process.env)))
}

await main()
