import {
  AIMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type AIMessageChunk,
  type BaseMessage,
} from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import {
  FunctionCallingConfigMode,
  type Content,
  type GenerateContentParameters,
  type GenerateContentResponse,
  type Part,
} from '@google/genai'
import { Ollama, type ChatResponse, type Message } from 'ollama'
import { asList, asNumber, asObject, asText, parseJson } from '#kit/json-value.ts'
import {
  asked,
  clientKey,
  image,
  imageUrl,
  paired,
  structure,
  thoughtTokensMax,
  toolNames,
  toolSchema,
  type DialectClient,
  type Turn,
  type TurnWish,
} from './dialect-turns.ts'
import { geminiAt } from './sdk.ts'

export function googleClient(url: string): DialectClient {
  const { models } = geminiAt({ url })
  const turn = async (wish: TurnWish, contents: Content[]): Promise<Turn> => {
    const request: GenerateContentParameters = {
      model: wish.model,
      contents,
      config: {
        ...(wish.tools && {
          tools: [{ functionDeclarations: toolNames.map((name) => ({ name, parametersJsonSchema: toolSchema })) }],
        }),
        ...(wish.system !== undefined && { systemInstruction: wish.system }),
        ...(wish.tokensMax && { maxOutputTokens: wish.tokensMax }),
        ...(wish.mustCall !== undefined && {
          toolConfig: {
            functionCallingConfig: { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: [wish.mustCall] },
          },
        }),
        ...(wish.thinks && { thinkingConfig: { includeThoughts: true, thinkingBudget: thoughtTokensMax } }),
      },
    }
    const parts: Part[] = []
    let last: GenerateContentResponse | undefined
    const hear = (response: GenerateContentResponse): void => {
      parts.push(...(response.candidates?.[0]?.content?.parts ?? []))
      last = response
    }
    if (wish.stream) for await (const response of await models.generateContentStream(request)) hear(response)
    else hear(await models.generateContent(request))
    const calls = parts.flatMap(({ functionCall }) => functionCall ?? [])
    const textOf = (isThought: boolean): string =>
      parts.map(({ text, thought }) => ((thought === true) === isThought ? (text ?? '') : '')).join('')
    return {
      text: textOf(false),
      thoughts: textOf(true),
      calls: calls.map(({ name = '', args }) => ({ name, args })),
      // Of a prompt that is blocked there are no candidates.
      finish: last?.promptFeedback?.blockReason === undefined ? last?.candidates?.[0]?.finishReason : 'SAFETY',
      inputTokens: last?.usageMetadata?.promptTokenCount,
      refusal: undefined,
      cachedTokens: last?.usageMetadata?.cachedContentTokenCount,
      goOn: async (question) =>
        await turn(wish, [...contents, { role: 'model', parts }, { role: 'user', parts: [{ text: question }] }]),
      outputTokens: sumOf(last?.usageMetadata?.candidatesTokenCount, last?.usageMetadata?.thoughtsTokenCount),
      answer: async (results) =>
        await turn(wish, [
          ...contents,
          { role: 'model', parts },
          {
            role: 'user',
            parts: paired(calls, results, ({ id, name }, output) => ({
              functionResponse: {
                ...(id !== undefined && { id }),
                ...(name !== undefined && { name }),
                response: { output },
              },
            })),
          },
        ]),
    }
  }
  return {
    name: 'genai',
    form: 'gemini',
    finishes: { stop: 'STOP', calls: 'STOP', length: 'MAX_TOKENS', refusal: 'SAFETY' },
    ask: async (wish) =>
      await turn(wish, [
        {
          role: 'user',
          parts: [
            { text: asked },
            ...(wish.image ? [{ inlineData: { mimeType: image.type, data: image.base64 } }] : []),
          ],
        },
      ]),
    async structured(model) {
      const config = { responseMimeType: 'application/json', responseJsonSchema: structure }
      return parseJson((await models.generateContent({ model, contents: asked, config })).text ?? '')
    },
  }
}

function sumOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : one + (other ?? 0)
}

export function langchainClients(url: string): readonly DialectClient[] {
  return [langchainClient(url, 'langchain chat', false), langchainClient(url, 'langchain responses', true)]
}

function langchainClient(url: string, name: string, useResponsesApi: boolean): DialectClient {
  const modelOf = (model: string, thinks = false, tokensMax?: number): ChatOpenAI =>
    new ChatOpenAI({
      model,
      apiKey: clientKey,
      maxRetries: 0,
      useResponsesApi,
      ...(tokensMax !== undefined && { maxTokens: tokensMax }),
      configuration: { baseURL: `${url}/v1` },
      // By the other option it asks by Responses, whatever it was told.
      ...(thinks && !useResponsesApi && { modelKwargs: { reasoning_effort: 'medium' } }),
      ...(thinks && useResponsesApi && { reasoning: { effort: 'medium', summary: 'auto' } }),
    })
  const turn = async (wish: TurnWish, messages: BaseMessage[]): Promise<Turn> => {
    const model = modelOf(wish.model, wish.thinks, wish.tokensMax)
    const bound = wish.tools
      ? model.bindTools(
          toolNames.map((tool) => ({ type: 'function' as const, function: { name: tool, parameters: toolSchema } })),
          wish.mustCall === undefined ? {} : { tool_choice: wish.mustCall },
        )
      : model
    let whole: AIMessageChunk | undefined
    if (wish.stream) {
      for await (const chunk of await bound.stream(messages)) whole = whole === undefined ? chunk : whole.concat(chunk)
    } else whole = await bound.invoke(messages)
    if (whole === undefined) throw new Error('The stream has no chunk')
    const { tool_calls: calls = [], response_metadata: facts, additional_kwargs: more } = whole
    const usage = asObject(whole.usage_metadata) ?? {}
    // Of several thoughts it shows the last one alone, unless they come one by one.
    const items = [...asList(facts['output']).map(asObject), asObject(more['reasoning'])]
    const summary = asList(items.find((item) => asList(item?.['summary']).length > 0)?.['summary']).map(
      (part) => asText(asObject(part)?.['text']) ?? '',
    )
    const said = new AIMessage({
      content: whole.content,
      tool_calls: calls,
      additional_kwargs: more,
      response_metadata: facts,
      ...(whole.id !== undefined && { id: whole.id }),
    })
    return {
      text: whole.text,
      thoughts: useResponsesApi ? summary.join('') : (asText(more['reasoning_content']) ?? ''),
      calls: calls.map(({ name: tool, args }) => ({ name: tool, args })),
      finish: asText(useResponsesApi ? facts['status'] : facts['finish_reason']),
      inputTokens: asNumber(usage['input_tokens']),
      outputTokens: asNumber(usage['output_tokens']),
      refusal: undefined,
      cachedTokens: asNumber(asObject(usage['input_token_details'])?.['cache_read']),
      goOn: async (question) => await turn(wish, [...messages, said, new HumanMessage(question)]),
      answer: async (results) =>
        await turn(wish, [
          ...messages,
          said,
          ...paired(calls, results, ({ id = '' }, content) => new ToolMessage({ tool_call_id: id, content })),
        ]),
    }
  }
  return {
    name,
    form: useResponsesApi ? 'responses' : 'chat',
    finishes: useResponsesApi
      ? { stop: 'completed', calls: 'completed', length: 'incomplete', refusal: 'incomplete' }
      : { stop: 'stop', calls: 'tool_calls', length: 'length', refusal: 'content_filter' },
    ask: async (wish) =>
      await turn(wish, [
        ...(wish.system === undefined ? [] : [new SystemMessage(wish.system)]),
        new HumanMessage({
          content: [
            { type: 'text', text: asked },
            ...(wish.image ? [{ type: 'image_url', image_url: { url: imageUrl } }] : []),
          ],
        }),
      ]),
    structured: async (model) =>
      await modelOf(model)
        .withStructuredOutput(structure, { name: 'weather', method: 'jsonSchema', strict: true })
        .invoke([new HumanMessage(asked)]),
  }
}

export function ollamaClient(url: string): DialectClient {
  const client = new Ollama({ host: url, headers: { authorization: `Bearer ${clientKey}` } })
  const turn = async (wish: TurnWish, messages: Message[]): Promise<Turn> => {
    const request = {
      model: wish.model,
      messages,
      ...(wish.tools && {
        tools: toolNames.map((name) => ({
          type: 'function',
          function: { name, description: name, parameters: { ...toolSchema, additionalProperties: undefined } },
        })),
      }),
      ...(wish.thinks && { think: true }),
      ...(wish.tokensMax && { options: { num_predict: wish.tokensMax } }),
    }
    let [text, thoughts] = ['', '']
    const calls: NonNullable<Message['tool_calls']> = []
    let last: ChatResponse | undefined
    const hear = (response: ChatResponse): void => {
      text += response.message.content
      thoughts += response.message.thinking ?? ''
      calls.push(...(response.message.tool_calls ?? []))
      last = response
    }
    if (wish.stream) for await (const response of await client.chat({ ...request, stream: true })) hear(response)
    else hear(await client.chat({ ...request, stream: false }))
    const said: Message = { role: 'assistant', content: text, thinking: thoughts, tool_calls: calls }
    return {
      text,
      thoughts,
      calls: calls.map((call) => ({ name: call.function.name, args: call.function.arguments })),
      finish: last?.done_reason,
      inputTokens: asNumber(last?.prompt_eval_count),
      outputTokens: asNumber(last?.eval_count),
      refusal: undefined,
      cachedTokens: undefined,
      goOn: async (question) => await turn(wish, [...messages, said, { role: 'user', content: question }]),
      answer: async (results) =>
        await turn(wish, [
          ...messages,
          said,
          ...paired(calls, results, (call, content) => ({ role: 'tool', content, tool_name: call.function.name })),
        ]),
    }
  }
  return {
    name: 'ollama',
    form: 'ollama',
    finishes: { stop: 'stop', calls: 'stop', length: 'length', refusal: 'stop' },
    ask: async (wish) =>
      await turn(wish, [
        ...(wish.system === undefined ? [] : [{ role: 'system', content: wish.system }]),
        { role: 'user', content: asked, ...(wish.image && { images: [image.base64] }) },
      ]),
    async structured(model) {
      const messages = [{ role: 'user', content: asked }]
      return parseJson((await client.chat({ model, messages, format: structure })).message.content)
    },
  }
}
