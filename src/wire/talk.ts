import type { Talk } from '#core/talk.ts'

/** What a public path asks of a model, where backends of other forms could be asked it too. */
export function talkOfPath(path: string): Talk | undefined {
  const verb = geminiVerb.exec(path)?.[1]
  if (verb !== undefined) return geminiTalks[verb]
  return talks[path.replace(/^\/v1(?=\/)/, '')]
}

const geminiVerb = /\/models\/.*:([A-Za-z]+)$/

const geminiTalks: Readonly<Record<string, Talk>> = {
  generateContent: { form: 'gemini', does: 'generate' },
  streamGenerateContent: { form: 'gemini', does: 'generate' },
  countTokens: { form: 'gemini', does: 'count' },
  embedContent: { form: 'gemini', does: 'embed' },
  batchEmbedContents: { form: 'gemini', does: 'embed' },
}

const talks: Readonly<Record<string, Talk>> = {
  '/chat/completions': { form: 'chat', does: 'generate' },
  '/completions': { form: 'completions', does: 'generate' },
  '/responses': { form: 'responses', does: 'generate' },
  '/responses/input_tokens': { form: 'responses', does: 'count' },
  '/embeddings': { form: 'embeddings', does: 'embed' },
  '/messages': { form: 'messages', does: 'generate' },
  '/messages/count_tokens': { form: 'messages', does: 'count' },
  '/api/chat': { form: 'ollama', does: 'generate' },
  '/api/generate': { form: 'ollama', does: 'generate' },
  '/api/embed': { form: 'ollama', does: 'embed' },
  '/api/embeddings': { form: 'ollama', does: 'embed' },
}
