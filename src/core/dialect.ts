/**
 * A family of wire formats: paths, error envelopes, stream framing. `raw`: whatever client and backend agree on; nothing of
 * it is read, and our own errors are flat.
 */
export type Dialect = 'openai' | 'anthropic' | 'gemini' | 'ollama' | 'raw'

/** What a backend calls itself in the config; decides the dialect, the path and the form of the credential. */
export type Protocol =
  | 'openai'
  | 'anthropic'
  | 'gemini'
  | 'azure'
  | 'deepseek'
  | 'groq'
  | 'mistral'
  | 'cohere'
  | 'ollama'
  /** AWS: Converse, and InvokeModel for Claude. */
  | 'bedrock'
  /** Google Cloud: Gemini, Claude, and what it hosts of others. */
  | 'vertex'
  /** What a converter of the configuration says; written as `backends[].converter`. */
  | 'converter'
  /** Speaks whatever the client speaks: aggregators, other gateways, the mock backend. */
  | 'any'

/** Every spelling of a protocol in the config. */
export const protocolNames = {
  openai: 'openai',
  anthropic: 'anthropic',
  gemini: 'gemini',
  google: 'gemini',
  azure: 'azure',
  deepseek: 'deepseek',
  groq: 'groq',
  mistral: 'mistral',
  cohere: 'cohere',
  ollama: 'ollama',
  bedrock: 'bedrock',
  aws: 'bedrock',
  aws_bedrock: 'bedrock',
  vertex: 'vertex',
  vertex_ai: 'vertex',
  google_vertex: 'vertex',
  any: 'any',
} as const satisfies Record<string, Protocol>
