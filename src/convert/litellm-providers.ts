/** How a provider of LiteLLM is reached from here. */
export interface Provider {
  readonly protocol: string
  /** Where nothing else is said. */
  readonly url?: string
  /** Variable that holds the key where nothing else is said. */
  readonly key?: string
  /** Variables that hold the address where nothing else is said. */
  readonly base?: string
}

/** The word before the first slash of `litellm_params.model` → what it means. */
export const providers: Readonly<Record<string, Provider>> = {
  openai: { protocol: 'openai', url: 'https://api.openai.com/v1', key: 'OPENAI_API_KEY' },
  'text-completion-openai': { protocol: 'openai', url: 'https://api.openai.com/v1', key: 'OPENAI_API_KEY' },
  azure_text: { protocol: 'azure', key: 'AZURE_API_KEY', base: 'AZURE_API_BASE' },
  azure_ai: { protocol: 'azure', key: 'AZURE_AI_API_KEY', base: 'AZURE_AI_API_BASE' },
  bedrock: { protocol: 'bedrock' },
  bedrock_converse: { protocol: 'bedrock' },
  vertex_ai: { protocol: 'vertex' },
  vertex_ai_beta: { protocol: 'vertex' },
  azure: { protocol: 'azure', key: 'AZURE_API_KEY', base: 'AZURE_API_BASE' },
  anthropic: { protocol: 'anthropic', url: 'https://api.anthropic.com', key: 'ANTHROPIC_API_KEY' },
  gemini: { protocol: 'gemini', url: 'https://generativelanguage.googleapis.com', key: 'GEMINI_API_KEY' },
  ollama: { protocol: 'ollama', url: 'http://localhost:11434' },
  ollama_chat: { protocol: 'ollama', url: 'http://localhost:11434' },
  groq: { protocol: 'groq', url: 'https://api.groq.com/openai/v1', key: 'GROQ_API_KEY' },
  mistral: { protocol: 'mistral', url: 'https://api.mistral.ai/v1', key: 'MISTRAL_API_KEY' },
  codestral: { protocol: 'mistral', url: 'https://codestral.mistral.ai/v1', key: 'CODESTRAL_API_KEY' },
  deepseek: { protocol: 'deepseek', url: 'https://api.deepseek.com/v1', key: 'DEEPSEEK_API_KEY' },
  cohere: { protocol: 'cohere', url: 'https://api.cohere.com', key: 'COHERE_API_KEY' },
  cohere_chat: { protocol: 'cohere', url: 'https://api.cohere.com', key: 'COHERE_API_KEY' },
  openrouter: { protocol: 'openai', url: 'https://openrouter.ai/api/v1', key: 'OPENROUTER_API_KEY' },
  together_ai: { protocol: 'openai', url: 'https://api.together.xyz/v1', key: 'TOGETHERAI_API_KEY' },
  fireworks_ai: { protocol: 'openai', url: 'https://api.fireworks.ai/inference/v1', key: 'FIREWORKS_API_KEY' },
  xai: { protocol: 'openai', url: 'https://api.x.ai/v1', key: 'XAI_API_KEY' },
  deepinfra: { protocol: 'openai', url: 'https://api.deepinfra.com/v1/openai', key: 'DEEPINFRA_API_KEY' },
  cerebras: { protocol: 'openai', url: 'https://api.cerebras.ai/v1', key: 'CEREBRAS_API_KEY' },
  sambanova: { protocol: 'openai', url: 'https://api.sambanova.ai/v1', key: 'SAMBANOVA_API_KEY' },
  nvidia_nim: { protocol: 'openai', url: 'https://integrate.api.nvidia.com/v1', key: 'NVIDIA_NIM_API_KEY' },
  moonshot: { protocol: 'openai', url: 'https://api.moonshot.ai/v1', key: 'MOONSHOT_API_KEY' },
  dashscope: {
    protocol: 'openai',
    url: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    key: 'DASHSCOPE_API_KEY',
  },
  hosted_vllm: { protocol: 'openai', key: 'HOSTED_VLLM_API_KEY', base: 'HOSTED_VLLM_API_BASE' },
  vllm: { protocol: 'openai' },
  lm_studio: { protocol: 'openai', key: 'LM_STUDIO_API_KEY', base: 'LM_STUDIO_API_BASE' },
  litellm_proxy: { protocol: 'any', key: 'LITELLM_PROXY_API_KEY', base: 'LITELLM_PROXY_API_BASE' },
  openai_like: { protocol: 'openai', key: 'OPENAI_LIKE_API_KEY' },
  custom_openai: { protocol: 'openai' },
  llamafile: { protocol: 'openai', url: 'http://127.0.0.1:8080/v1' },
  xinference: { protocol: 'openai', key: 'XINFERENCE_API_KEY', base: 'XINFERENCE_API_BASE' },
}

/** Providers that have no equal here yet, so that their name is not taken for a part of the model's. */
export const strangers: ReadonlySet<string> = new Set([
  'sagemaker',
  'sagemaker_chat',
  'watsonx',
  'watsonx_text',
  'databricks',
  'huggingface',
  'replicate',
  'predibase',
  'perplexity',
  'github',
  'github_copilot',
  'voyage',
  'jina_ai',
  'cloudflare',
  'snowflake',
  'oci',
  'nlp_cloud',
  'ai21',
  'clarifai',
  'triton',
  'assemblyai',
  'elevenlabs',
  'deepgram',
  'bytez',
])

/** A model that is named without its provider. */
export function guessProvider(model: string): string | undefined {
  if (/^(?:gpt-|chatgpt-|o\d|text-embedding-|text-moderation|omni-|whisper|tts-|dall-e|davinci|babbage)/.test(model))
    return 'openai'
  if (model.startsWith('claude-')) return 'anthropic'
  if (model.startsWith('command')) return 'cohere'
  if (model.startsWith('gemini-')) return 'vertex_ai'
  if (/^(?:[a-z]{2,6}\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek)\.[a-z]/.test(model)) return 'bedrock'
  return undefined
}
