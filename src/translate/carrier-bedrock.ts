import { asNumber, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { cutStream } from '#wire/aws-events.ts'
import type { CarriedEvent, Carrier } from './carrier.ts'
import { claudeBetas } from './carrier-betas.ts'
import type { BackendRequest, HeaderLook } from './codec.ts'
import { errorWithin, errorWordsFor, wordsOf } from './errors.ts'

/** Claude at Bedrock: Anthropic's own body, but for what the path says, within frames of AWS. */
export const bedrockInvoke: Carrier = {
  framing: 'aws',
  request(request, model, client, notes) {
    const isCount = request.path.endsWith('/count_tokens')
    const { stream } = request
    const inner = claudeBody(request, client, notes)
    const verb = isCount ? 'count-tokens' : stream ? 'invoke-with-response-stream' : 'invoke'
    return {
      ...request,
      path: `/model/${encodeURIComponent(model)}/${verb}`,
      query: '',
      body: isCount ? countBody(inner) : inner,
      headers: [
        ...request.headers.filter(([name]) => !name.startsWith('anthropic-') && name !== 'accept'),
        ['accept', stream && !isCount ? 'application/vnd.amazon.eventstream' : 'application/json'],
        ...bedrockHeaders(client),
      ],
    }
  },
  event(name, data) {
    if (name === 'exception') return exceptionAsError(data)
    if (name !== 'chunk') return undefined
    const bytes = asText(asObject(parseJson(data))?.['bytes'])
    return bytes === undefined ? undefined : ownEvent(Buffer.from(bytes, 'base64').toString('utf8'))
  },
  body(body) {
    const counted = body['inputTokens']
    return typeof counted === 'number' ? { input_tokens: counted } : withoutMetrics(body)
  },
}

/** Converse, where guardrails and latency are told in the body. */
export const bedrockConverse: Carrier = {
  framing: 'aws',
  request(request, _model, client) {
    const { body } = request
    const guardrail = client.get('x-amzn-bedrock-guardrailidentifier')
    const version = client.get('x-amzn-bedrock-guardrailversion')
    const latency = client.get('x-amzn-bedrock-performanceconfig-latency')
    if (guardrail === null && latency === null) return request
    const trace = client.get('x-amzn-bedrock-trace')?.toLowerCase()
    const guardrailConfig = {
      guardrailIdentifier: guardrail,
      guardrailVersion: version ?? 'DRAFT',
      ...(trace !== undefined && { trace }),
    }
    return {
      ...request,
      body: {
        ...body,
        ...(guardrail !== null && { guardrailConfig }),
        ...(latency !== null && { performanceConfig: { latency } }),
      },
    }
  },
}

/** Headers of a client that are meant for Bedrock itself. */
function bedrockHeaders(client: HeaderLook): readonly (readonly [string, string])[] {
  return forwarded.flatMap((name) => {
    const value = client.get(name)
    return value === null ? [] : [[name, value] as const]
  })
}

const forwarded: readonly string[] = [
  'x-amzn-bedrock-guardrailidentifier',
  'x-amzn-bedrock-guardrailversion',
  'x-amzn-bedrock-trace',
  'x-amzn-bedrock-performanceconfig-latency',
  'x-amzn-bedrock-service-tier',
]

function claudeBody(request: BackendRequest, client: HeaderLook, notes: Parameters<Carrier['request']>[3]): JsonObject {
  const { model: _model, stream: _stream, anthropic_version: own, anthropic_beta: asked, ...rest } = request.body
  const betas = claudeBetas('bedrock', request.headers, client, asked, notes)
  return {
    anthropic_version: asText(own) ?? 'bedrock-2023-05-31',
    ...(betas.length > 0 && { anthropic_beta: betas }),
    ...rest,
  }
}

/** It counts what would be invoked, which must be told how much it may write. */
function countBody(inner: JsonObject): JsonObject {
  const thinks = asNumber(asObject(inner['thinking'])?.['budget_tokens']) ?? 0
  const body = JSON.stringify({ max_tokens: thinks + 1, ...inner })
  return { input: { invokeModel: { body: Buffer.from(body).toString('base64') } } }
}

/** Anthropic's events say their name in the data. */
function ownEvent(json: string): CarriedEvent | undefined {
  const event = asObject(parseJson(json))
  if (event === undefined) return undefined
  const name = asText(event['type']) ?? ''
  // Written anew only where there is something to leave out.
  return { name, data: metrics in event ? JSON.stringify(withoutMetrics(event)) : json }
}

const metrics = 'amazon-bedrock-invocationMetrics'

function withoutMetrics(value: JsonObject): JsonObject {
  const { [metrics]: _metrics, ...rest } = value
  return rest
}

/** As Anthropic itself would tell it; a stream that was cut tells by its missing end. */
function exceptionAsError(data: string): CarriedEvent | undefined {
  const told = asObject(parseJson(data)) ?? {}
  if (told['__type'] === cutStream) return undefined
  const { kind, message } = errorWithin(wordsOf(told) ?? { message: '' })
  return {
    name: 'error',
    data: JSON.stringify({ type: 'error', error: { type: errorWordsFor(kind).anthropicType, message } }),
  }
}
