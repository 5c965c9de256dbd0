import { seededRandom } from '#ports/random.ts'

/** One kind of traffic, the same bytes for every target and every run. */
export interface Workload {
  readonly id: string
  readonly title: string
  readonly loop:
    | { readonly kind: 'closed'; readonly connections: number }
    | { readonly kind: 'open'; readonly perSecond: number }
  readonly bodyBytes: number
  /** What the CPU time is divided by. */
  readonly unit: 'request' | 'event'
  /** Seconds until the number of open answers is steady; the warm-up is never shorter. */
  readonly steadyAfterS: number
  /** How the targets reach the mock upstream. */
  readonly upstream: 'plain' | 'tls'
  /** Milliseconds that the mock upstream lets a JSON answer wait. */
  readonly delayMs: number
}

/** What the mock upstream does; see native/mock.c. */
export const upstreamBehaviour = { firstEventMs: 100, gapMs: 20, events: 100, replyBytes: 1200 } as const

const plainWorkloads: readonly Workload[] = [
  {
    id: 'W1-c32',
    title: 'JSON 1.7 KB to 1.2 KB, closed loop, 32 connections',
    loop: { kind: 'closed', connections: 32 },
    bodyBytes: 1700,
    unit: 'request',
    steadyAfterS: 0,
    upstream: 'plain',
    delayMs: 0,
  },
  {
    id: 'W1-c256',
    title: 'JSON 1.7 KB to 1.2 KB, closed loop, 256 connections',
    loop: { kind: 'closed', connections: 256 },
    bodyBytes: 1700,
    unit: 'request',
    steadyAfterS: 0,
    upstream: 'plain',
    delayMs: 0,
  },
  {
    id: 'W4-25',
    title: 'SSE 100 events, one per 20 ms, first after 100 ms, 25 new streams per second',
    loop: { kind: 'open', perSecond: 25 },
    bodyBytes: 1700,
    unit: 'event',
    steadyAfterS: 2.5,
    upstream: 'plain',
    delayMs: 0,
  },
  {
    id: 'W4-200',
    title: 'SSE 100 events, one per 20 ms, first after 100 ms, 200 new streams per second',
    loop: { kind: 'open', perSecond: 200 },
    bodyBytes: 1700,
    unit: 'event',
    steadyAfterS: 2.5,
    upstream: 'plain',
    delayMs: 0,
  },
  {
    id: 'W8',
    title: 'JSON 256 KB prompt to 1.2 KB, closed loop, 16 connections',
    loop: { kind: 'closed', connections: 16 },
    bodyBytes: 262_144,
    unit: 'request',
    steadyAfterS: 0,
    upstream: 'plain',
    delayMs: 0,
  },
  {
    id: 'W12-1000',
    title: 'JSON answered after 1 s, 1,000 new requests per second, 1,000 in flight',
    loop: { kind: 'open', perSecond: 1000 },
    bodyBytes: 1700,
    unit: 'request',
    steadyAfterS: 2.5,
    upstream: 'plain',
    delayMs: 1000,
  },
  {
    id: 'W12-5000',
    title: 'JSON answered after 1 s, 5,000 new requests per second, 5,000 in flight',
    loop: { kind: 'open', perSecond: 5000 },
    bodyBytes: 1700,
    unit: 'request',
    steadyAfterS: 2.5,
    upstream: 'plain',
    delayMs: 1000,
  },
]

/** Those that are run once more against an upstream that speaks TLS. */
const alsoOverTls: ReadonlySet<string> = new Set(['W1-c32', 'W1-c256', 'W4-200', 'W8'])

export const workloads: readonly Workload[] = [
  ...plainWorkloads,
  ...plainWorkloads.filter(({ id }) => alsoOverTls.has(id)).map(overTls),
]

function overTls(workload: Workload): Workload {
  return { ...workload, id: `${workload.id}-tls`, title: `${workload.title}, TLS upstream`, upstream: 'tls' }
}

/** Names and keys that the requests, the gateway's config and the parity check agree on. */
export const names = {
  alias: 'bench/model-large',
  upstreamModel: 'upstream-model',
  clientKey: 'sk-bench-client-0123456789abcdef',
  backendKey: 'sk-bench-backend-0123456789abcdef',
} as const

/** The body of a chat completion request of exactly the wanted size. */
export function chatBody(workload: Workload): string {
  const head = `{"model":"${names.alias}",${workload.unit === 'event' ? '"stream":true,' : ''}"temperature":0.7,"max_tokens":1024,"messages":[{"role":"system","content":"You are a careful engineer."}`
  const tail = ']}'
  let body = head
  const text = prose(workload.bodyBytes)
  const messageBytes = workload.bodyBytes < 10_000 ? 700 : 16_000
  for (let at = 0, turn = 0; ; turn += 1) {
    const open = `,{"role":"${turn % 2 === 0 ? 'user' : 'assistant'}","content":"`
    const close = '"}'
    const room = workload.bodyBytes - body.length - open.length - close.length - tail.length
    if (room < 1) return body + ' '.repeat(workload.bodyBytes - body.length - tail.length) + tail
    // An escape must not be cut in two.
    const part = text.slice(at, at + Math.min(room, messageBytes)).replace(/\\$/, '')
    at += part.length
    body += open + part + close
  }
}

/** Headers by which a request tells the mock upstream how to answer. */
export function behaviourHeaders({ delayMs }: Workload): Readonly<Record<string, string>> {
  return delayMs === 0 ? {} : { 'X-Bench-Delay-Ms': `${delayMs}` }
}

/** The whole request as the load generator sends it, with the headers that client libraries send. */
export function rawRequest(workload: Workload): string {
  const body = chatBody(workload)
  const headers = [
    'POST /v1/chat/completions HTTP/1.1',
    'Host: 127.0.0.1',
    'Accept: application/json',
    'Accept-Encoding: identity',
    'Content-Type: application/json',
    `Authorization: Bearer ${names.clientKey}`,
    'User-Agent: bench/1.0',
    'X-Client-Lang: js',
    'X-Client-Runtime: node',
    'X-Client-Retry-Count: 0',
    ...Object.entries(behaviourHeaders(workload)).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
  ]
  return `${headers.join('\r\n')}\r\n\r\n${body}`
}

/** ASCII text with escaped quotes and line ends about as often as code in a prompt has them. */
function prose(length: number): string {
  const words = [
    'the',
    'stream',
    'returns',
    'a',
    'value',
    'when',
    'each',
    'request',
    'is',
    'done',
    'and',
    'const',
    'await',
    'if',
  ]
  const random = seededRandom(length)
  const parts: string[] = []
  for (let bytes = 0; bytes < length;) {
    const word = words[Math.floor(random.unit() * words.length)] ?? ''
    const chance = random.unit()
    const part = chance < 0.04 ? '\\n' : chance < 0.08 ? `\\"${word}\\" ` : `${word} `
    parts.push(part)
    bytes += part.length
  }
  return parts.join('')
}
