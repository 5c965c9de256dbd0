import { readFile } from 'node:fs/promises'
import { whyUnreadable } from '#boot/unreadable.ts'
import { withEnvFile } from '#config/env-file.ts'
import { readArgs, textOf, textsOf, type ParsedArgs } from './args.ts'
import { commandNamed, commands, type CommandName } from './command-table.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { serve } from './serve.ts'
import { sourceFlags } from './source.ts'
import { version } from './version.ts'

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
  if (first === 'help') return await help(argv[1], io)
  if (['-h', '-help', '--help'].includes(first)) return await help(undefined, io)
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
  if (parsed.values['help'] === true) return await help(command.name, io)
  const positionalsMax = 'takes' in command ? 1 : 0
  if (parsed.positionals.length > positionalsMax) {
    io.stderr(
      `llm-proxy ${command.name}: "${parsed.positionals[positionalsMax]}" is one word too many; "llm-proxy ${command.name} --help" explains\n`,
    )
    return exit.usage
  }
  const envFile = textOf(parsed, 'env-file')
  if (envFile === undefined) return await runners[command.name](parsed, io)
  const env = await envWith(envFile, io.env)
  if (typeof env !== 'string') return await runners[command.name](parsed, withEnv(io, env))
  io.stderr(`llm-proxy ${command.name}: --env-file: ${env}\n`)
  return command.name === 'serve' ? exit.failed : exit.usage
}

/** The environment with the variables of a file, or why it cannot be read. */
async function envWith(file: string, env: Io['env']): Promise<Io['env'] | string> {
  try {
    return withEnvFile(env, await readFile(file, 'utf8'))
  } catch (error) {
    return `Cannot read "${file}": ${whyUnreadable(error)}`
  }
}

function withEnv(io: Io, env: Io['env']): Io {
  return {
    env,
    isTty: io.isTty,
    stdout: (text) => io.stdout(text),
    stderr: (text) => io.stderr(text),
    print: async (text) => await io.print(text),
    flushed: async (msMax) => await io.flushed(msMax),
    onSignal: (signals, handler) => io.onSignal(signals, handler),
  }
}

/** Whatever `serve` does without is loaded when it is asked for: a start need not wait for it. */
const runners: Readonly<Record<CommandName, (parsed: ParsedArgs, io: Io) => number | Promise<number>>> = {
  serve: async (parsed, io) => (parsed.values['version'] === true ? version(io, false) : await serve(parsed, io)),
  async check(parsed, io) {
    const { check } = await import('./check.ts')
    return await check(
      {
        ...sourceFlags(parsed),
        json: parsed.values['json'] === true,
        strict: parsed.values['strict'] === true,
      },
      io,
    )
  },
  async explain(parsed, io) {
    const { explain } = await import('./explain.ts')
    return await explain(
      {
        model: textOf(parsed, 'model'),
        path: textOf(parsed, 'path'),
        stream: parsed.values['stream'] === true,
        key: textOf(parsed, 'key'),
        headers: textsOf(parsed, 'header'),
        seed: textOf(parsed, 'seed'),
        ...sourceFlags(parsed),
        running: textOf(parsed, 'running'),
        adminKey: textOf(parsed, 'admin-key'),
        json: parsed.values['json'] === true,
      },
      io,
    )
  },
  async why(parsed, io) {
    const { why } = await import('./why.ts')
    return await why(
      {
        id: parsed.positionals[0],
        running: addressOf(parsed),
        key: textOf(parsed, 'key'),
        ...sourceFlags(parsed),
        json: parsed.values['json'] === true,
      },
      io,
    )
  },
  async plan(parsed, io) {
    const { plan } = await import('./plan.ts')
    return await plan(
      {
        file: parsed.positionals[0],
        requests: textOf(parsed, 'requests'),
        running: addressOf(parsed),
        key: textOf(parsed, 'key'),
        ...sourceFlags(parsed),
        json: parsed.values['json'] === true,
      },
      io,
    )
  },
  async doctor(parsed, io) {
    const { doctor } = await import('./doctor.ts')
    return await doctor(
      {
        ...sourceFlags(parsed),
        bundle: textOf(parsed, 'bundle'),
        url: textOf(parsed, 'url'),
        json: parsed.values['json'] === true,
      },
      io,
    )
  },
  async init(parsed, io) {
    const { init } = await import('./init.ts')
    return await init(parsed.positionals[0], io)
  },
  async convert(parsed, io) {
    const { convertFile } = await import('./convert.ts')
    return await convertFile(
      {
        file: parsed.positionals[0],
        from: textOf(parsed, 'from'),
        output: textOf(parsed, 'output'),
        env: textOf(parsed, 'env'),
        keys: textOf(parsed, 'keys'),
        models: textsOf(parsed, 'model'),
      },
      io,
    )
  },
  async keys(parsed, io) {
    const { keys } = await import('./keys.ts')
    return keys({ what: parsed.positionals[0], name: textOf(parsed, 'name'), json: parsed.values['json'] === true }, io)
  },
  async schema(_parsed, io) {
    const { schema } = await import('./schema.ts')
    return schema(io)
  },
  async mock(parsed, io) {
    const { mock } = await import('./mock.ts')
    return await mock({ host: textOf(parsed, 'host'), port: textOf(parsed, 'port'), seed: textOf(parsed, 'seed') }, io)
  },
  version: (parsed, io) => version(io, parsed.values['json'] === true),
  async completion(parsed, io) {
    const { completionScript } = await import('./completion.ts')
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

async function help(name: string | undefined, io: Io): Promise<number> {
  const command = name === undefined ? undefined : commandNamed(name)
  if (name !== undefined && command === undefined) {
    io.stderr(
      `llm-proxy: there is no command "${name.slice(0, 64)}", only ${commands.map((each) => each.name).join(', ')}\n`,
    )
    return exit.usage
  }
  const { commandHelp, overview } = await import('./help.ts')
  io.stdout(command === undefined ? overview() : commandHelp(command))
  return exit.done
}
