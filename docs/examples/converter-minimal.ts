import type { Converter } from './converter.d.ts'

/** As little as it takes: one question, one answer, no stream. */
export const converter: Converter = {
  contract: 1,
  name: 'minimal',

  writeRequest({ model, system, messages }) {
    const lines = messages.map(({ role, parts }) => {
      const text = parts.map((part) => (part.kind === 'text' ? part.text : '')).join('')
      return `${role}: ${text}`
    })
    return { path: '/complete', body: { model, prompt: [system, ...lines, 'assistant:'].join('\n') } }
  },

  readAnswer(body) {
    const text = body['completion']
    if (typeof text !== 'string') return { kind: 'error', message: 'the provider answered without a completion' }
    return { parts: [{ kind: 'text', text }], finish: 'stop' }
  },
}
