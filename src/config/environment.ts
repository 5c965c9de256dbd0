import type { ConfigInput } from './schema.ts'

/** A provider that was found by the variable that holds its key. */
export interface FoundProvider {
  readonly backend: string
  readonly variable: string
}

interface Provider {
  readonly name: string
  /** The first that is set counts. */
  readonly variables: readonly string[]
  readonly url: string
  readonly protocol: NonNullable<NonNullable<ConfigInput['backends']>[number]['protocol']>
  readonly models: readonly string[]
}

/** Providers whose keys are looked for in the environment, with models to begin with. */
const providers: readonly Provider[] = [
  {
    name: 'openai',
    variables: ['OPENAI_API_KEY'],
    url: 'https://api.openai.com/v1',
    protocol: 'openai',
    models: [
      'gpt-5',
      'gpt-5-mini',
      'gpt-4.1',
      'gpt-4o',
      'gpt-4o-mini',
      'text-embedding-3-small',
      'text-embedding-3-large',
    ],
  },
  {
    name: 'anthropic',
    variables: ['ANTHROPIC_API_KEY'],
    url: 'https://api.anthropic.com',
    protocol: 'anthropic',
    models: ['claude-opus-4-5', 'claude-sonnet-4-5', 'claude-haiku-4-5'],
  },
  {
    name: 'google',
    variables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    url: 'https://generativelanguage.googleapis.com',
    protocol: 'gemini',
    models: ['gemini-3-pro-preview', 'gemini-2.5-pro', 'gemini-2.5-flash'],
  },
  {
    name: 'deepseek',
    variables: ['DEEPSEEK_API_KEY'],
    url: 'https://api.deepseek.com/v1',
    protocol: 'deepseek',
    models: ['deepseek-chat', 'deepseek-reasoner'],
  },
  {
    name: 'groq',
    variables: ['GROQ_API_KEY'],
    url: 'https://api.groq.com/openai/v1',
    protocol: 'groq',
    models: ['llama-3.3-70b-versatile', 'openai/gpt-oss-120b'],
  },
  {
    name: 'mistral',
    variables: ['MISTRAL_API_KEY'],
    url: 'https://api.mistral.ai/v1',
    protocol: 'mistral',
    models: ['mistral-large-latest', 'mistral-small-latest', 'codestral-latest'],
  },
  {
    name: 'openrouter',
    variables: ['OPENROUTER_API_KEY'],
    url: 'https://openrouter.ai/api/v1',
    protocol: 'openai',
    models: ['openrouter/auto'],
  },
  {
    name: 'xai',
    variables: ['XAI_API_KEY'],
    url: 'https://api.x.ai/v1',
    protocol: 'openai',
    models: ['grok-4'],
  },
]

/** Providers whose key is in the environment. */
export function foundProviders(env: Readonly<Record<string, string | undefined>>): FoundProvider[] {
  return providers.flatMap(({ name, variables }) => {
    const variable = variables.find((candidate) => (env[candidate] ?? '').trim() !== '')
    return variable === undefined ? [] : [{ backend: name, variable }]
  })
}

/**
 * A configuration for a start without a file, as text: the providers whose keys the environment holds, and without any
 * the mock backend alone. It holds references, never the keys. Having no client key, it is served on loopback only.
 */
export function environmentConfig(env: Readonly<Record<string, string | undefined>>): string {
  const found = foundProviders(env)
  const config = found.length === 0 ? mockConfig() : providerConfig(found)
  return `${JSON.stringify(config, null, 2)}\n`
}

function providerConfig(found: readonly FoundProvider[]): ConfigInput {
  const backends: NonNullable<ConfigInput['backends']> = []
  const models: NonNullable<ConfigInput['models']> = {}
  for (const { name, url, protocol, models: known } of providers) {
    const variable = found.find(({ backend }) => backend === name)?.variable
    if (variable === undefined) continue
    backends.push({ name, url, protocol, api_key: `\${${variable}}` })
    for (const model of known) {
      const routes = [{ backend: name, model }]
      const full = model.startsWith(`${name}/`) ? model : `${name}/${model}`
      models[full] ??= { routes }
      if (!model.includes('/')) models[model] ??= { routes }
    }
  }
  return { backends, models }
}

function mockConfig(): ConfigInput {
  const aliases = { 'mock/echo': 'ok', 'mock/long': 'long', 'mock/slow': 'slow', 'mock/error': 'e500' }
  return {
    backends: [{ name: 'mock', url: 'mock://demo' }],
    models: Object.fromEntries(
      Object.entries(aliases).map(([alias, model]) => [alias, { routes: [{ backend: 'mock', model }] }]),
    ),
  }
}
