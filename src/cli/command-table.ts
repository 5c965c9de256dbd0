import type { Flags } from './args.ts'

/** One command as a person sees it; `cli.ts` says what it runs. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Words behind the command in its usage line. */
  readonly takes?: string
  readonly flags: Flags
  /** Variables that it heeds beside those of the configuration: names → meaning. */
  readonly environment?: Readonly<Record<string, string>>
  readonly examples: readonly string[]
}

const config = { type: 'string', short: 'c', value: 'FILE', help: 'the configuration (default: config.yaml)' } as const
const json = { type: 'boolean', help: 'print JSON for programs' } as const
const help = { type: 'boolean', short: 'h', help: 'explain this command' } as const
const noColor = { type: 'boolean', help: 'no colours, even on a terminal' } as const

/** Every command, in the order of the help text. The first one is meant when none is named. */
export const commands = [
  {
    name: 'serve',
    summary: 'start the gateway (this is what happens without a command)',
    flags: {
      config,
      host: { type: 'string', value: 'HOST', help: 'listen on this address instead of the one in "listen"' },
      port: { type: 'string', value: 'PORT', help: 'listen on this port instead of the one in "listen"' },
      'no-color': noColor,
      'disable-color': noColor,
      version: { type: 'boolean', short: 'v', help: 'print the version and stop' },
      help,
    },
    environment: {
      'PROXY_PORT, FLOW_PROXY_PORT': 'the port, as --port gives it; --port wins, then PROXY_PORT',
      FLOW_PROXY_HOST: 'the address, as --host gives it; --host wins',
      PORT: 'the port of a start without a configuration, as hosting platforms set it',
      NO_COLOR: 'no colours, as --no-color',
    },
    examples: ['llm-proxy -config config.yaml', 'OPENAI_API_KEY=sk-… llm-proxy', 'llm-proxy'],
  },
  {
    name: 'check',
    summary: 'read a configuration and tell everything that is wrong with it',
    flags: { config, json, strict: { type: 'boolean', help: 'treat warnings as errors' }, help },
    examples: ['llm-proxy check -config config.yaml', 'llm-proxy check --strict --json'],
  },
  {
    name: 'init',
    summary: 'write a commented starter configuration',
    takes: '[FILE]',
    flags: { help },
    examples: ['llm-proxy init', 'llm-proxy init /etc/llm-proxy/config.yaml'],
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of the configuration, for editors',
    flags: { help },
    examples: ['llm-proxy schema > config.schema.json'],
  },
  {
    name: 'mock',
    summary: 'start a provider that only pretends, for tests and first steps',
    flags: {
      host: { type: 'string', value: 'HOST', help: 'listen on this address (default: 127.0.0.1)' },
      port: { type: 'string', value: 'PORT', help: 'listen on this port (default: 9100)' },
      seed: { type: 'string', value: 'NUMBER', help: 'the same seed gives the same answers (default: 1)' },
      help,
    },
    examples: ['llm-proxy mock --port 9100'],
  },
  {
    name: 'version',
    summary: 'print version, commit and build time',
    flags: { json, help },
    examples: ['llm-proxy version --json'],
  },
  {
    name: 'completion',
    summary: 'print a completion script for your shell',
    takes: 'bash|zsh|fish|powershell',
    flags: { help },
    examples: [
      'source <(llm-proxy completion bash)',
      'llm-proxy completion fish > ~/.config/fish/completions/llm-proxy.fish',
    ],
  },
] as const satisfies readonly Command[]

export type CommandName = (typeof commands)[number]['name']

export function commandNamed(name: string): (Command & { readonly name: CommandName }) | undefined {
  return commands.find((command) => command.name === name)
}
