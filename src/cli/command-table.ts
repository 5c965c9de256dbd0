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

const running = {
  type: 'string',
  mayBeBare: true,
  value: '[URL]',
  help: 'address of the running process (default: as the configuration says)',
} as const
const adminKey = {
  type: 'string',
  value: 'KEY',
  help: 'the key of the admin pages (default: LLM_PROXY_ADMIN_KEY, else as the configuration says)',
} as const
const adminEnvironment = { LLM_PROXY_ADMIN_KEY: 'the key of the admin pages' } as const

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
    name: 'explain',
    summary: 'tell who would be asked for a model, in which order, and why',
    flags: {
      model: { type: 'string', short: 'm', value: 'ALIAS', help: 'the model, as clients name it' },
      path: { type: 'string', value: 'PATH', help: 'the path of the request (default: /v1/chat/completions)' },
      stream: { type: 'boolean', help: 'the request asks for a stream' },
      key: { type: 'string', value: 'KEY', help: 'tell whether this key of a client is accepted' },
      header: {
        type: 'string',
        short: 'H',
        repeats: true,
        value: '"NAME: VALUE"',
        help: 'a header of the request; those with keys count',
      },
      seed: { type: 'string', value: 'NUMBER', help: 'repeats the chance of a past request (default: 1)' },
      config,
      running: { ...running, help: 'ask the running process, which knows who rests, and not the file' },
      'admin-key': adminKey,
      json,
      help,
    },
    environment: adminEnvironment,
    examples: [
      'llm-proxy explain --model gpt-5 -config config.yaml',
      'llm-proxy explain --model opus --path /v1/messages --stream --key sk-…',
      'llm-proxy explain --model gpt-5 --running http://127.0.0.1:8080',
    ],
  },
  {
    name: 'why',
    summary: 'tell the story of a past request: who was asked, why, and what came of it',
    takes: 'REQUEST-ID',
    flags: { running, key: adminKey, config, json, help },
    environment: adminEnvironment,
    examples: ['llm-proxy why req_0f3a…', 'llm-proxy why req_0f3a… --running http://127.0.0.1:8080 --json'],
  },
  {
    name: 'plan',
    summary: 'tell which of the last requests another configuration would send elsewhere',
    takes: 'NEW.yaml',
    flags: {
      requests: {
        type: 'string',
        value: 'NUMBER',
        help: 'how many of the last requests are looked at (default: 1000)',
      },
      running,
      key: adminKey,
      config: { ...config, help: 'the configuration that is running, for its address and key (default: config.yaml)' },
      json,
      help,
    },
    environment: adminEnvironment,
    examples: ['llm-proxy plan new.yaml', 'llm-proxy plan new.yaml --requests 200 --running http://127.0.0.1:8080'],
  },
  {
    name: 'doctor',
    summary: 'look at everything that the gateway depends on, and tell what to do about it',
    flags: {
      config,
      url: { type: 'string', value: 'URL', help: 'the address that clients use, to find what stands in front' },
      bundle: { type: 'string', value: 'FILE', help: 'write a report without secrets, to be given to others' },
      json,
      help,
    },
    examples: ['llm-proxy doctor', 'llm-proxy doctor --url https://llm.example.com --bundle report.txt'],
  },
  {
    name: 'init',
    summary: 'write a commented starter configuration',
    takes: '[FILE]',
    flags: { help },
    examples: ['llm-proxy init', 'llm-proxy init /etc/llm-proxy/config.yaml'],
  },
  {
    name: 'convert',
    summary: 'make a configuration out of one of another gateway, and tell what is not as it was',
    takes: 'FILE',
    flags: {
      from: {
        type: 'string',
        value: 'FORM',
        help: 'auto, secrets, backends, ococl, proxy-llm, litellm or one-api (default: auto)',
      },
      output: {
        type: 'string',
        short: 'o',
        value: 'FILE',
        help: 'write it there, and never over a file (default: print it)',
      },
      env: { type: 'string', value: 'FILE', help: 'the .env file that belongs to it' },
      keys: { type: 'string', value: 'HOW', help: '"env" puts ${NAME} in the place of each key (default: keep)' },
      model: {
        type: 'string',
        short: 'm',
        repeats: true,
        value: 'NAME',
        help: 'a model that clients ask for, where FILE names none (secrets)',
      },
      help,
    },
    examples: [
      'llm-proxy convert litellm.yaml -o config.yaml --keys env',
      'llm-proxy convert config/backends.json --env .env -o config.yaml',
      'llm-proxy convert secrets.json --model gpt-4o --model claude-sonnet-4-5',
    ],
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
