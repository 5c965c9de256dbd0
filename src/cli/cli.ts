import { readArgs, textOf, textsOf, type ParsedArgs } from './args.ts'
import { check } from './check.ts'
import { commandNamed, commands, type CommandName } from './command-table.ts'
import { completionScript } from './completion.ts'
import { doctor } from './doctor.ts'
import { exit } from './exit.ts'
import { explain } from './explain.ts'
import { commandHelp, overview } from './help.ts'
import { init } from './init.ts'
import type { Io } from './io.ts'
import { mock } from './mock.ts'
import { plan } from './plan.ts'
import { schema } from './schema.ts'
import { serve } from './serve.ts'
import { version } from './version.ts'
import { why } from './why.ts'

/** Runs the command that the arguments name and resolves with the exit code when its output has left the process. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const code = await obey(argv, io)
  // Whoever reads gets all of it, however slowly; but a server that was told to stop waits for nobody.
  await io.flushed(code === exit.done && !quickCommands.has(argv[0] ?? '') ? serverFlushMsMax : Infinity)
  return code
}

/** Commands that end when their work is done. */
const quickCommands: ReadonlySet<string> = new Set(
  commands.map(({ name }) => name).filter((name) => name !== 'serve' && name !== 'mock'),
)

/** Limit: milliseconds that the last output of a server may take to leave. */
const serverFlushMsMax = 1000

async function obey(argv: readonly string[], io: Io): Promise<number> {
  const [first = ''] = argv
  if (first === 'help') return help(argv[1], io)
  if (['-h', '-help', '--help'].includes(first)) return help(undefined, io)
  const named = first !== '' && !first.startsWith('-')
  const command = commandNamed(named ? first : 'serve')
  if (command === undefined) {
    io.stderr(`llm-proxy: there is no command "${first.slice(0, 64)}"; "llm-proxy --help" lists them\n`)
    return exit.usage
  }
  const parsed = readArgs(named ? argv.slice(1) : argv, command.flags)
  if (typeof parsed === 'string') {
    io.stderr(`llm-proxy ${command.name}: ${parsed}; "llm-proxy ${command.name} --help" explains\n`)
    return exit.usage
  }
  for (const warning of parsed.warnings) io.stderr(`llm-proxy ${command.name}: ${warning}\n`)
  if (parsed.values['help'] === true) return help(command.name, io)
  const positionalsMax = 'takes' in command ? 1 : 0
  if (parsed.positionals.length > positionalsMax) {
    io.stderr(
      `llm-proxy ${command.name}: "${parsed.positionals[positionalsMax]}" is one word too many; "llm-proxy ${command.name} --help" explains\n`,
    )
    return exit.usage
  }
  return await runners[command.name](parsed, io)
}

const runners: Readonly<Record<CommandName, (parsed: ParsedArgs, io: Io) => number | Promise<number>>> = {
  serve: async (parsed, io) => (parsed.values['version'] === true ? version(io, false) : await serve(parsed, io)),
  check: async (parsed, io) =>
    await check(
      {
        config: textOf(parsed, 'config'),
        json: parsed.values['json'] === true,
        strict: parsed.values['strict'] === true,
      },
      io,
    ),
  explain: async (parsed, io) =>
    await explain(
      {
        model: textOf(parsed, 'model'),
        path: textOf(parsed, 'path'),
        stream: parsed.values['stream'] === true,
        key: textOf(parsed, 'key'),
        headers: textsOf(parsed, 'header'),
        seed: textOf(parsed, 'seed'),
        config: textOf(parsed, 'config'),
        running: textOf(parsed, 'running'),
        adminKey: textOf(parsed, 'admin-key'),
        json: parsed.values['json'] === true,
      },
      io,
    ),
  why: async (parsed, io) =>
    await why(
      {
        id: parsed.positionals[0],
        running: addressOf(parsed),
        key: textOf(parsed, 'key'),
        config: textOf(parsed, 'config'),
        json: parsed.values['json'] === true,
      },
      io,
    ),
  plan: async (parsed, io) =>
    await plan(
      {
        file: parsed.positionals[0],
        requests: textOf(parsed, 'requests'),
        running: addressOf(parsed),
        key: textOf(parsed, 'key'),
        config: textOf(parsed, 'config'),
        json: parsed.values['json'] === true,
      },
      io,
    ),
  doctor: async (parsed, io) =>
    await doctor(
      {
        config: textOf(parsed, 'config'),
        bundle: textOf(parsed, 'bundle'),
        url: textOf(parsed, 'url'),
        json: parsed.values['json'] === true,
      },
      io,
    ),
  init: async (parsed, io) => await init(parsed.positionals[0], io),
  schema: (_parsed, io) => schema(io),
  mock: async (parsed, io) =>
    await mock({ host: textOf(parsed, 'host'), port: textOf(parsed, 'port'), seed: textOf(parsed, 'seed') }, io),
  version: (parsed, io) => version(io, parsed.values['json'] === true),
  completion: (parsed, io) => {
    const script = completionScript(parsed.positionals[0] ?? '')
    if (script === undefined) {
      io.stderr('llm-proxy completion: name your shell, one of bash, zsh, fish, powershell\n')
      return exit.usage
    }
    io.stdout(script)
    return exit.done
  },
}

/** A bare `--running` leaves the address to the configuration. */
function addressOf(parsed: ParsedArgs): string | undefined {
  const address = textOf(parsed, 'running')
  return address === '' ? undefined : address
}

function help(name: string | undefined, io: Io): number {
  const command = name === undefined ? undefined : commandNamed(name)
  if (name !== undefined && command === undefined) {
    io.stderr(
      `llm-proxy: there is no command "${name.slice(0, 64)}", only ${commands.map((each) => each.name).join(', ')}\n`,
    )
    return exit.usage
  }
  io.stdout(command === undefined ? overview() : commandHelp(command))
  return exit.done
}
