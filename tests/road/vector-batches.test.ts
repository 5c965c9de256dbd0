import { beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
import { openRoad, type Road, type Upstream } from '../support/road.ts'
import { whenDone } from '../support/scripted.ts'
import { sentBy } from '../support/upstream.ts'

/* §14.2: more inputs than a model takes at once are asked for in several requests, and all of them are one attempt. */

const vendors = {
  gemini: { backend: 'url: "http://a", protocol: gemini', model: 'gemini-embedding-001', max: 100 },
  cohere: { backend: 'url: "http://a/v2", protocol: cohere', model: 'embed-v4.0', max: 96 },
  titan: { backend: 'url: "http://a", protocol: bedrock', model: 'amazon.titan-embed-text-v2:0', max: 1 },
  vertex: {
    backend: 'url: "http://a/v1/projects/p/locations/l", protocol: vertex',
    model: 'text-embedding-005',
    max: 250,
  },
} as const

type Vendor = keyof typeof vendors

async function roadOn(vendor: Vendor, upstream: Upstream = answered): Promise<Road> {
  const { backend, model } = vendors[vendor]
  return await openRoad(
    `backends: [{ name: a, ${backend} }, { name: b, url: "http://b", protocol: gemini }]
models: { m: { routes: [{ backend: a, model: "${model}", priority: 1 }, { backend: b, model: gemini-embedding-001, priority: 2 }] } }`,
    upstream,
  )
}

async function embed(road: Road, input: readonly string[], extra: JsonObject = {}): Promise<Response> {
  return await road.fetch('/v1/embeddings', { method: 'POST', body: JSON.stringify({ model: 'm', input, ...extra }) })
}

/** Inputs that tell their place, and so do the vectors that are made of them. */
function inputs(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `t${at}`)
}

function vectorFor(text: string): number[] {
  return [Number(text.slice(1)), 0.5]
}

function textsOf(request: OutgoingRequest): string[] {
  const body = asObject(JSON.parse(sentBy(request).toString())) ?? {}
  const only = asText(body['inputText'])
  if (only !== undefined) return [only]
  if (body['texts'] !== undefined) return asList(body['texts']).map(String)
  if (body['instances'] !== undefined)
    return asList(body['instances']).map((each) => String(asObject(each)?.['content']))
  return asList(body['requests']).map((each) => {
    const parts = asList(asObject(asObject(each)?.['content'])?.['parts'])
    return String(asObject(parts[0])?.['text'])
  })
}

/** As each of them answers; two tokens for each text, where it counts. */
const answered: Upstream = (request) => {
  const { pathname } = request.url
  const texts = textsOf(request)
  const vectors = texts.map(vectorFor)
  if (pathname.endsWith('/invoke')) return Response.json({ embedding: vectors[0], inputTextTokenCount: 2 })
  if (pathname.endsWith('/embed')) {
    return Response.json({ embeddings: { float: vectors }, meta: { billed_units: { input_tokens: 2 * texts.length } } })
  }
  if (pathname.endsWith(':predict')) {
    const predictions = vectors.map((values) => ({ embeddings: { values, statistics: { token_count: 2 } } }))
    return Response.json({ predictions })
  }
  return Response.json({ embeddings: vectors.map((values) => ({ values })) })
}

interface Vectors {
  readonly data: readonly { readonly index: number; readonly embedding: unknown }[]
  readonly usage: { readonly prompt_tokens: number }
}

// What is loaded with the first requests takes real time, and that of these tests is not.
beforeAll(async () => {
  await embed(await roadOn('titan'), inputs(2))
})

describe('§14.2: a batch beyond the limit of a model', () => {
  test.each([
    { vendor: 'gemini', count: 250, sizes: [100, 100, 50] },
    { vendor: 'cohere', count: 97, sizes: [96, 1] },
    { vendor: 'titan', count: 6, sizes: [1, 1, 1, 1, 1, 1] },
    { vendor: 'vertex', count: 500, sizes: [250, 250] },
    { vendor: 'gemini', count: 100, sizes: [100] },
  ] as const)('$count inputs go to $vendor in $sizes', async ({ vendor, count, sizes }) => {
    const road = await roadOn(vendor)
    const { data, usage } = (await (await embed(road, inputs(count), { dimensions: 2 })).json()) as Vectors
    expect(data).toEqual(
      inputs(count).map((text, index) => ({ object: 'embedding', index, embedding: vectorFor(text) })),
    )
    expect(road.sent.map((request) => textsOf(request).length)).toEqual([...sizes])
    expect(usage.prompt_tokens).toBeGreaterThanOrEqual(vendor === 'gemini' ? 1 : 2 * count)
    const parts = sizes.length === 1 ? undefined : sizes.length
    expect(road.settled[0]?.attempts).toMatchObject([{ backend: 'a', status: 200 }])
    expect(road.settled[0]?.attempts[0]?.translation?.parts).toBe(parts)
  })

  test('base64 and the size of the vectors are for all of them', async () => {
    const road = await roadOn('titan')
    const asked = { encoding_format: 'base64', dimensions: 2 }
    const { data } = (await (await embed(road, inputs(3), asked)).json()) as Vectors
    expect(data.map(({ embedding }) => Buffer.from(String(embedding), 'base64').readFloatLE(0))).toEqual([0, 1, 2])
    expect(road.sent.map((request) => asObject(JSON.parse(sentBy(request).toString()))?.['dimensions'])).toEqual([
      2, 2, 2,
    ])
  })

  test('clients of Gemini and of Ollama get theirs in their words', async () => {
    const road = await roadOn('titan')
    const requests = inputs(2).map((text) => ({ content: { parts: [{ text }] } }))
    const path = '/v1beta/models/m:batchEmbedContents'
    const gemini = await road.fetch(path, { method: 'POST', body: JSON.stringify({ requests }) })
    expect(await gemini.json()).toMatchObject({ embeddings: [{ values: [0, 0.5] }, { values: [1, 0.5] }] })
    const ollama = await road.fetch('/api/embed', {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: inputs(2) }),
    })
    expect(await ollama.json()).toMatchObject({
      embeddings: [
        [0, 0.5],
        [1, 0.5],
      ],
      prompt_eval_count: 4,
    })
  })

  test('its own form is never split, whatever its size', async () => {
    const road = await openRoad(
      `backends: [{ name: o, url: "http://o/v1" }]
models: { m: { routes: [{ backend: o, model: e }] } }`,
      () => Response.json({ data: [] }),
    )
    await (await embed(road, inputs(5000))).text()
    expect(road.sent).toHaveLength(1)
  })

  test('2048 requests are the most that one may become', async () => {
    const road = await roadOn('titan')
    expect((await embed(road, inputs(2048))).status).toBe(200)
    expect(road.sent).toHaveLength(2048)
  })

  test('one that fails is the failure of all, and the next route is asked for all', async () => {
    const road = await roadOn('cohere', async (request, context) =>
      request.url.hostname === 'a' && textsOf(request).includes('t100')
        ? Response.json({ message: 'slow down' }, { status: 429, headers: { 'retry-after': '3' } })
        : await answered(request, context),
    )
    const { data } = (await (await embed(road, inputs(120))).json()) as Vectors
    expect(data.map(({ embedding }) => embedding)).toEqual(inputs(120).map(vectorFor))
    expect(road.settled[0]?.attempts).toMatchObject([
      { backend: 'a', failure: { status: 429, retryAfterMs: 3000 } },
      { backend: 'b', status: 200 },
    ])
  })

  test.each([
    { why: 'has too few vectors', odd: { embeddings: { float: [[1, 2]] } } },
    { why: 'has none', odd: { id: 'x' } },
    { why: 'is a list', odd: [] },
  ])('one whose answer $why is a failure, too', async ({ odd }) => {
    const road = await roadOn('cohere', async (request, context) =>
      request.url.hostname === 'a' && textsOf(request).includes('t0')
        ? Response.json(odd)
        : await answered(request, context),
    )
    const { data } = (await (await embed(road, inputs(120))).json()) as Vectors
    expect(data).toHaveLength(120)
    expect(road.settled[0]?.attempts.map(({ backend }) => backend)).toEqual(['a', 'b'])
  })

  test('whatever the size, and in whatever order they come: vectors stand where their inputs stood, or the batch fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Vendor>('titan', 'cohere'),
        fc.integer({ min: 2, max: 40 }),
        fc.array(fc.nat({ max: 90 }), { minLength: 1, maxLength: 8 }),
        fc.option(fc.nat({ max: 39 }), { freq: 3 }),
        async (vendor, size, pauses, failing) => {
          const { max } = vendors[vendor]
          const count = vendor === 'titan' ? size : size * 10
          const calls = Math.ceil(count / max)
          const fails = failing === null ? undefined : failing % calls
          let running = 0
          let most = 0
          const road = await roadOn(vendor, async (request, context) => {
            if (request.url.hostname === 'b') return Response.json({ error: { message: 'no' } }, { status: 503 })
            const at = Math.floor(Number(textsOf(request)[0]?.slice(1)) / max)
            most = Math.max(most, (running += 1))
            await context.clock.sleep(pauses[at % pauses.length] ?? 0)
            running -= 1
            return at === fails
              ? Response.json({ message: 'odd one' }, { status: 422 })
              : await answered(request, context)
          })
          const { value: response } = await whenDone(road.clock, embed(road, inputs(count)), 60_000, 10)
          expect(most).toBeLessThanOrEqual(4)
          if (fails !== undefined) return expect(response.status).toBeGreaterThanOrEqual(400)
          const { data } = (await response.json()) as Vectors
          expect(data.map(({ embedding }) => embedding)).toEqual(inputs(count).map(vectorFor))
        },
      ),
      { numRuns: 40 },
    )
  })
})
