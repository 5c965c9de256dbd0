import type { MainForm } from './dialect-asking.ts'

/** The same conversation as clients of each form ask it; absent where the form cannot say it. */
export type Asking = Readonly<Partial<Record<MainForm, object>>>

export const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
export const pdf = 'JVBERi0xLjQKJSVFT0YK'
export const linked = 'https://files.example/cat.png'

export const weatherSchema = {
  type: 'object',
  properties: { city: { type: 'string', description: 'Name of the city' }, days: { type: 'integer' } },
  required: ['city'],
  additionalProperties: false,
}
export const answerSchema = {
  type: 'object',
  properties: { answer: { type: 'string' }, score: { type: ['number', 'null'] } },
  required: ['answer', 'score'],
  additionalProperties: false,
}

export const chatTools = [
  { type: 'function', function: { name: 'weather', description: 'Tells it', parameters: weatherSchema } },
  { type: 'function', function: { name: 'now' } },
]
export const responsesTools = [
  { type: 'function', name: 'weather', description: 'Tells it', parameters: weatherSchema, strict: false },
  { type: 'function', name: 'now' },
]
export const messagesTools = [
  { name: 'weather', description: 'Tells it', input_schema: weatherSchema },
  { name: 'now', input_schema: { type: 'object' } },
]
export const geminiTools = [
  {
    functionDeclarations: [
      { name: 'weather', description: 'Tells it', parametersJsonSchema: weatherSchema },
      { name: 'now' },
    ],
  },
]

export const chat = (messages: readonly object[], more: object = {}): object => ({ model: 'alias', messages, ...more })
export const responses = (input: unknown, more: object = {}): object => ({ model: 'alias', input, ...more })
export const messages = (talk: readonly object[], more: object = {}): object => ({
  model: 'alias',
  max_tokens: 2000,
  messages: talk,
  ...more,
})
export const gemini = (contents: readonly object[], more: object = {}): object => ({ contents, ...more })

export const user = (content: unknown): object => ({ role: 'user', content })
export const assistant = (content: unknown, more: object = {}): object => ({ role: 'assistant', content, ...more })
export const asks = (...parts: readonly object[]): object => ({ role: 'user', parts })
export const says = (...parts: readonly object[]): object => ({ role: 'model', parts })
export const chatCall = (id: string, name: string, args: string): object => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
export const responsesCall = (id: string, name: string, args: string): object => ({
  type: 'function_call',
  id: `fc_${id}`,
  call_id: id,
  name,
  arguments: args,
  status: 'completed',
})
