import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import {
  generateText,
  jsonSchema,
  Output,
  streamText,
  tool,
  type LanguageModel,
  type ModelMessage,
  type ToolSet,
} from 'ai'
import {
  asked,
  clientKey,
  image,
  outputTokensMax,
  paired,
  structure,
  thoughtTokensMax,
  toolNames,
  toolSchema,
  type DialectClient,
  type Turn,
  type TurnWish,
} from './dialect-turns.ts'
import { vercelAt, type FetchLike } from './sdk.ts'

// It knows the models by their names, and those of tests by none.
globalThis.AI_SDK_LOG_WARNINGS = false

/** By the form that each provider of this SDK speaks. */
export function aiClients(url: string, fetch?: FetchLike): readonly DialectClient[] {
  const openai = vercelAt({ url, ...(fetch && { fetch }) })
  const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: clientKey })
  const google = createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: clientKey })
  return [
    aiClient('ai openai chat', 'chat', (model) => openai.chat(model), { showsThoughts: false }),
    aiClient('ai openai responses', 'responses', (model) => openai.responses(model), { repeats: false }),
    aiClient('ai anthropic', 'messages', (model) => anthropic(model)),
    aiClient('ai google', 'gemini', (model) => google(model)),
  ]
}

const thinking = {
  openai: { reasoningEffort: 'medium', reasoningSummary: 'auto', forceReasoning: true },
  anthropic: { thinking: { type: 'enabled', budgetTokens: thoughtTokensMax } },
  google: { thinkingConfig: { includeThoughts: true, thinkingBudget: thoughtTokensMax } },
}

const tools: ToolSet = Object.fromEntries(
  toolNames.map((name) => [name, tool({ inputSchema: jsonSchema<{ city: string }>(toolSchema) })]),
)

function aiClient(
  name: string,
  form: DialectClient['form'],
  modelOf: (model: string) => LanguageModel,
  { repeats = true, showsThoughts = true } = {},
): DialectClient {
  const turn = async (wish: TurnWish, messages: ModelMessage[]): Promise<Turn> => {
    const request = {
      model: modelOf(wish.model),
      messages,
      maxOutputTokens: wish.tokensMax ?? outputTokensMax,
      ...(wish.system !== undefined && { system: wish.system }),
      maxRetries: 0,
      ...(wish.tools && { tools }),
      ...(wish.mustCall !== undefined && { toolChoice: { type: 'tool' as const, toolName: wish.mustCall } }),
      ...(wish.thinks && { providerOptions: thinking }),
    }
    const { text, reasoningText, toolCalls, finishReason, usage, response } = wish.stream
      ? await streamed(request)
      : await generateText(request)
    return {
      text,
      thoughts: showsThoughts ? (reasoningText ?? '') : undefined,
      calls: toolCalls.map(({ toolName, input }) => ({ name: toolName, args: input })),
      finish: finishReason,
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      refusal: undefined,
      cachedTokens: usage.inputTokenDetails.cacheReadTokens,
      goOn: async (question) =>
        await turn(wish, [...messages, ...response.messages, { role: 'user', content: question }]),
      answer: async (results) =>
        await turn(wish, [
          ...messages,
          ...response.messages,
          {
            role: 'tool',
            content: paired(toolCalls, results, ({ toolCallId, toolName }, value) => ({
              type: 'tool-result' as const,
              toolCallId,
              toolName,
              output: { type: 'text' as const, value },
            })),
          },
        ]),
    }
  }
  return {
    name,
    form,
    finishes: { stop: 'stop', calls: 'tool-calls', length: 'length', refusal: 'content-filter' },
    repeats,
    ask: async (wish) =>
      await turn(wish, [
        {
          role: 'user',
          content: [
            { type: 'text', text: asked },
            ...(wish.image ? [{ type: 'image' as const, image: image.base64, mediaType: image.type }] : []),
          ],
        },
      ]),
    async structured(model) {
      const { output } = await generateText({
        model: modelOf(model),
        prompt: asked,
        maxRetries: 0,
        output: Output.object({ schema: jsonSchema(structure) }),
      })
      return output
    },
  }
}

/** This SDK reports errors as parts of the stream. */
async function streamed(request: Parameters<typeof streamText>[0]) {
  const result = streamText({ ...request, onError: () => {} })
  for await (const part of result.fullStream) {
    if (part.type === 'error') throw part.error
    if (part.type === 'finish' && part.finishReason === 'error') throw new Error('it finished with an error')
  }
  return {
    text: await result.text,
    reasoningText: await result.reasoningText,
    toolCalls: await result.toolCalls,
    finishReason: await result.finishReason,
    usage: await result.usage,
    response: await result.response,
  }
}
