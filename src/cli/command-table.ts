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
const secretsFile = {
  type: 'string',
  value: 'FILE',
  help: 'a list of credentials (JSON): every request goes to one backend, with a token of the next of them',
} as const
const backendsFile = {
  type: 'string',
  value: 'FILE',
  help: 'services with their backends (JSON): paths /{service}/{model}/… lead to them',
} as const
const envFile = {
  type: 'string',
  value: 'FILE',
  help: 'variables that are not set otherwise, such as a file ".env"',
} as const
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
      'secrets-file': secretsFile,
      'backends-file': backendsFile,
      'env-file': envFile,
      'log-level': {
        type: 'string',
        value: 'LEVEL',
        help: 'DEBUG, INFO, WARNING or ERROR, instead of the one in "logging.level"',
      },
      'log-dir': {
        type: 'string',
        value: 'FOLDER',
        help: 'write the log into a file of each day there, and not to the console alone',
      },
      'client-timeout': {
        type: 'string',
        value: 'SECONDS',
        help: 'how long the connection of a client may be silent, or its stream untaken, from 1 to 86400',
      },
      'num-workers': { type: 'string', value: 'NUMBER', help: 'how many processes share the port (Linux), or "auto"' },
      'no-threaded': { type: 'boolean', help: 'does nothing, and is accepted for the sake of old start scripts' },
      'no-color': noColor,
      'disable-color': noColor,
      version: { type: 'boolean', short: 'v', help: 'print the version and stop' },
      help,
    },
    environment: {
      'PROXY_PORT, FLOW_PROXY_PORT': 'the port, as --port gives it; --port wins, then PROXY_PORT',
      FLOW_PROXY_HOST: 'the address, as --host gives it; --host wins',
      PORT: 'the port of a start with --backends-file or without any file, as hosting platforms set it',
      FLOW_PROXY_SECRETS_FILE: 'as --secrets-file, where there is no config.yaml',
      BACKENDS_CONFIG_PATH: 'as --backends-file, where there is no config.yaml',
      ALLOW_UNAUTHENTICATED: 'beside these files: "true" opens a gateway without a key to everybody',
      TRUSTED_PROXIES: 'beside these files: addresses of proxies in front, as "trusted_proxies"',
      FLOW_PROXY_TARGET_URL: 'beside --secrets-file: where requests go',
      FLOW_PROXY_OWN_HOSTS: 'beside --secrets-file: other names of the gateway itself',
      'FLOW_PROXY_LOG_LEVEL, FLOW_PROXY_LOG_DIR': 'beside --secrets-file: as --log-level and --log-dir',
      FLOW_PROXY_CLIENT_TIMEOUT: 'beside --secrets-file: as --client-timeout',
      FLOW_PROXY_NUM_WORKERS: 'beside --secrets-file: as --num-workers',
      'BACKEND_API_KEY, BACKEND_AUTH_MODE': 'beside --backends-file: the key of clients, and the header of keys',
      REUSE_GATEWAY_KEY: 'beside --backends-file: "true" sends the key of clients to backends without one',
      UPSTREAM_DEFAULT_KEY: 'beside --backends-file: a key for backends without one',
      'HEALTH_CHECK_INTERVAL, HEALTH_CHECK_TIMEOUT': 'beside --backends-file: seconds, as in "health_check"',
      'REQUEST_TIMEOUT, LOG_LEVEL': 'beside --backends-file: as "timeout.first_byte" and "logging.level"',
      'MAX_CONNECTIONS, MAX_KEEPALIVE_CONNECTIONS': 'beside --backends-file: limits of each backend',
      NO_COLOR: 'no colours, as --no-color',
    },
    examples: [
      'llm-proxy -config config.yaml',
      'OPENAI_API_KEY=sk-… llm-proxy',
      'llm-proxy --secrets-file secrets.json --port 8899',
      'llm-proxy --backends-file config/backends.json --env-file .env',
      'llm-proxy',
    ],
  },
  {
    name: 'check',
    summary: 'read a configuration and tell everything that is wrong with it',
    flags: {
      config,
      'secrets-file': secretsFile,
      'backends-file': backendsFile,
      'env-file': envFile,
      json,
      strict: { type: 'boolean', help: 'treat warnings as errors' },
      help,
    },
    examples: [
      'llm-proxy check -config config.yaml',
      'llm-proxy check --strict --json',
      'llm-proxy check --backends-file config/backends.json --env-file .env',
    ],
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
      'secrets-file': secretsFile,
      'backends-file': backendsFile,
      running: { ...running, help: 'ask the running process, which knows who rests, and not the file' },
      'admin-key': adminKey,
      'env-file': envFile,
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
    flags: {
      running,
      key: adminKey,
      config,
      'secrets-file': secretsFile,
      'backends-file': backendsFile,
      'env-file': envFile,
      json,
      help,
    },
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
      'secrets-file': secretsFile,
      'backends-file': backendsFile,
      'env-file': envFile,
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
      'secrets-file': secretsFile,
      'backends-file': backendsFile,
      url: { type: 'string', value: 'URL', help: 'the address that clients use, to find what stands in front' },
      bundle: { type: 'string', value: 'FILE', help: 'write a report without secrets, to be given to others' },
      'env-file': envFile,
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
    name: 'keys',
    summary: 'make a key for a client, and the lines that stand in the configuration for it',
    takes: 'new',
    flags: {
      name: { type: 'string', value: 'NAME', help: 'how the key is called (default: alice)' },
      json,
      help,
    },
    examples: ['llm-proxy keys new --name alice', 'llm-proxy keys new --json'],
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
