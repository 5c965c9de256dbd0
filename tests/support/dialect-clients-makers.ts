import type Anthropic from '@anthropic-ai/sdk'
import type OpenAI from 'openai'
import { asText, parseJson } from '#kit/json-value.ts'
import {
  asked,
  image,
  imageUrl,
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
import { anthropicAt, openaiAt } from './sdk.ts'

/** The SDKs of those who made the forms. */
export function openaiClients(url: string): readonly DialectClient[] {
  const client = openaiAt({ url })
  return [chatClient(client), responsesClient(client), responsesByIdClient(client)]
}

type ChatMessages = OpenAI.Chat.Completions.ChatCompletionMessageParam[]

function chatClient(client: OpenAI): DialectClient {
  const completions = client.chat.completions
  const turn = async (wish: TurnWish, messages: ChatMessages): Promise<Turn> => {
    const request = {
      model: wish.model,
      messages,
      ...(wish.tools && {
        tools: toolNames.map((name) => ({ type: 'function' as const, function: { name, parameters: toolSchema } })),
      }),
      ...(wish.mustCall !== undefined && {
        tool_choice: { type: 'function' as const, function: { name: wish.mustCall } },
      }),
      ...(wish.tokensMax && { max_completion_tokens: wish.tokensMax }),
      ...(wish.thinks && { reasoning_effort: 'medium' as const }),
    }
    let heard = ''
    const streamed = async () => {
      const stream = completions.stream({ ...request, stream_options: { include_usage: true } })
      // The helper does not put together what it does not know.
      stream.on('chunk', ({ choices }) => void (heard += thoughtsIn(choices[0]?.delta)))
      return await stream.finalChatCompletion()
    }
    const { choices, usage } = wish.stream ? await streamed() : await completions.create(request)
    const [choice] = choices
    if (choice === undefined) throw new Error('The completion has no choice')
    const { message } = choice
    const calls = (message.tool_calls ?? []).flatMap((call) => (call.type === 'function' ? [call] : []))
    return {
      text: message.content ?? '',
      thoughts: wish.stream ? heard : thoughtsIn(message),
      calls: calls.map((call) => ({ name: call.function.name, args: parseJson(call.function.arguments) })),
      finish: choice.finish_reason,
      inputTokens: usage?.prompt_tokens,
      outputTokens: usage?.completion_tokens,
      refusal: message.refusal ?? '',
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens,
      answer: async (results) =>
        await turn(wish, [
          ...messages,
          message,
          ...paired(calls, results, ({ id }, content) => ({ role: 'tool' as const, tool_call_id: id, content })),
        ]),
      goOn: async (question) => await turn(wish, [...messages, message, { role: 'user', content: question }]),
    }
  }
  return {
    name: 'openai chat',
    form: 'chat',
    finishes: { stop: 'stop', calls: 'tool_calls', length: 'length', refusal: 'content_filter' },
    ask: async (wish) =>
      await turn(wish, [
        ...(wish.system === undefined ? [] : [{ role: 'system' as const, content: wish.system }]),
        {
          role: 'user',
          content: wish.image
            ? [
                { type: 'text', text: asked },
                { type: 'image_url', image_url: { url: imageUrl } },
              ]
            : asked,
        },
      ]),
    async structured(model) {
      const completion = await completions.parse({
        model,
        messages: [{ role: 'user', content: asked }],
        response_format: { type: 'json_schema', json_schema: { name: 'weather', schema: structure, strict: true } },
      })
      return completion.choices[0]?.message.parsed
    },
  }
}

/** A field that OpenAI itself does not have. */
function thoughtsIn(message: object | undefined): string {
  return (message !== undefined && 'reasoning_content' in message && asText(message.reasoning_content)) || ''
}

type ResponsesRequest = OpenAI.Responses.ResponseCreateParamsNonStreaming
type ResponsesInput = NonNullable<ResponsesRequest['input']>

function responsesRequest(wish: TurnWish): Omit<ResponsesRequest, 'input'> {
  return {
    model: wish.model,
    ...(wish.system !== undefined && { instructions: wish.system }),
    ...(wish.mustCall !== undefined && { tool_choice: { type: 'function' as const, name: wish.mustCall } }),
    ...(wish.tokensMax && { max_output_tokens: wish.tokensMax }),
    ...(wish.tools && {
      tools: toolNames.map((name) => ({ type: 'function' as const, name, parameters: toolSchema, strict: true })),
    }),
    ...(wish.thinks && {
      reasoning: { effort: 'medium' as const, summary: 'auto' as const },
      include: ['reasoning.encrypted_content' as const],
    }),
  }
}

async function responded(
  client: OpenAI,
  request: ResponsesRequest,
  streams: boolean,
): Promise<OpenAI.Responses.Response> {
  if (!streams) return await client.responses.create(request)
  const { stream: _stream, ...rest } = request
  return await client.responses.stream(rest).finalResponse()
}

function responsesTurn(
  response: OpenAI.Responses.Response,
  next: (more: OpenAI.Responses.ResponseInputItem[]) => Promise<Turn>,
): Turn {
  const calls = response.output.flatMap((item) => (item.type === 'function_call' ? [item] : []))
  const refusals = response.output.flatMap((item) =>
    item.type === 'message' ? item.content.flatMap((part) => (part.type === 'refusal' ? [part] : [])) : [],
  )
  const thoughts = response.output.flatMap((item) => (item.type === 'reasoning' ? item.summary : []))
  return {
    text: response.output_text,
    thoughts: thoughts.map(({ text }) => text).join(''),
    calls: calls.map((call) => ({ name: call.name, args: parseJson(call.arguments) })),
    finish: response.status,
    inputTokens: response.usage?.input_tokens,
    outputTokens: response.usage?.output_tokens,
    refusal: refusals.map(({ refusal }) => refusal).join(''),
    cachedTokens: response.usage?.input_tokens_details?.cached_tokens,
    goOn: async (question) => await next([{ role: 'user', content: question }]),
    answer: async (results) =>
      await next(
        paired(calls, results, ({ call_id }, output) => ({ type: 'function_call_output' as const, call_id, output })),
      ),
  }
}

function responsesClient(client: OpenAI): DialectClient {
  const turn = async (wish: TurnWish, input: OpenAI.Responses.ResponseInputItem[]): Promise<Turn> => {
    const response = await responded(client, { ...responsesRequest(wish), input, store: false }, wish.stream)
    // What was said goes back as it came, though the types of the SDK know items that cannot.
    const said = response.output as OpenAI.Responses.ResponseInputItem[]
    return responsesTurn(response, async (more) => await turn(wish, [...input, ...said, ...more]))
  }
  return {
    name: 'openai responses',
    form: 'responses',
    finishes: { stop: 'completed', calls: 'completed', length: 'incomplete', refusal: 'incomplete' },
    ask: async (wish) => await turn(wish, firstInput(wish)),
    structured: async (model) => await parsedBy(client, model),
  }
}

/** Leaves it to the other side to know what was said. */
function responsesByIdClient(client: OpenAI): DialectClient {
  const turn = async (wish: TurnWish, input: ResponsesInput, previous?: string): Promise<Turn> => {
    const request = {
      ...responsesRequest(wish),
      input,
      ...(previous !== undefined && { previous_response_id: previous }),
    }
    const response = await responded(client, request, wish.stream)
    return responsesTurn(response, async (more) => await turn(wish, more, response.id))
  }
  return {
    name: 'openai responses, by id',
    form: 'responses',
    finishes: { stop: 'completed', calls: 'completed', length: 'incomplete', refusal: 'incomplete' },
    repeats: false,
    ask: async (wish) => await turn(wish, wish.image ? firstInput(wish) : asked),
    structured: async (model) => await parsedBy(client, model),
  }
}

function firstInput(wish: TurnWish): OpenAI.Responses.ResponseInputItem[] {
  if (!wish.image) return [{ role: 'user', content: asked }]
  const content = [
    { type: 'input_text' as const, text: asked },
    { type: 'input_image' as const, image_url: imageUrl, detail: 'auto' as const },
  ]
  return [{ role: 'user', content }]
}

async function parsedBy(client: OpenAI, model: string): Promise<unknown> {
  const response = await client.responses.parse({
    model,
    input: asked,
    text: { format: { type: 'json_schema', name: 'weather', schema: structure, strict: true } },
  })
  return response.output_parsed
}

export function anthropicClient(url: string): DialectClient {
  const client = anthropicAt({ url })
  const turn = async (wish: TurnWish, messages: Anthropic.MessageParam[]): Promise<Turn> => {
    const request = {
      model: wish.model,
      max_tokens: wish.tokensMax ?? outputTokensMax,
      messages,
      ...(wish.system !== undefined && { system: wish.system }),
      ...(wish.tools && { tools: toolNames.map((name) => ({ name, input_schema: toolSchema })) }),
      ...(wish.mustCall !== undefined && { tool_choice: { type: 'tool' as const, name: wish.mustCall } }),
      ...(wish.thinks && { thinking: { type: 'enabled' as const, budget_tokens: thoughtTokensMax } }),
    }
    const { content, usage, stop_reason, stop_details } = wish.stream
      ? await client.messages.stream(request).finalMessage()
      : await client.messages.create(request)
    const calls = content.flatMap((block) => (block.type === 'tool_use' ? [block] : []))
    return {
      text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      thoughts: content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
      calls: calls.map(({ name, input }) => ({ name, args: input })),
      finish: stop_reason ?? undefined,
      inputTokens: usage.input_tokens,
      outputTokens: usage.output_tokens,
      refusal: stop_details?.type === 'refusal' ? (stop_details.explanation ?? '') : '',
      cachedTokens: usage.cache_read_input_tokens ?? undefined,
      goOn: async (question) =>
        await turn(wish, [...messages, { role: 'assistant', content }, { role: 'user', content: question }]),
      answer: async (results) =>
        await turn(wish, [
          ...messages,
          { role: 'assistant', content },
          {
            role: 'user',
            content: paired(calls, results, ({ id }, text) => ({
              type: 'tool_result' as const,
              tool_use_id: id,
              content: text,
            })),
          },
        ]),
    }
  }
  return {
    name: 'anthropic',
    form: 'messages',
    finishes: { stop: 'end_turn', calls: 'tool_use', length: 'max_tokens', refusal: 'refusal' },
    ask: async (wish) =>
      await turn(wish, [
        {
          role: 'user',
          content: wish.image
            ? [
                { type: 'text', text: asked },
                { type: 'image', source: { type: 'base64', media_type: image.type, data: image.base64 } },
              ]
            : asked,
        },
      ]),
    async structured(model) {
      const message = await client.messages.create({
        model,
        max_tokens: outputTokensMax,
        messages: [{ role: 'user', content: asked }],
        output_config: { format: { type: 'json_schema', schema: structure } },
      })
      return parseJson(message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''))
    },
  }
}
