import { afterAll, beforeAll, beforeEach } from 'bun:test'
import { readFileSync } from 'node:fs'
import { startGateway, type GatewayOptions, type RunningGateway } from './gateway.ts'
import { chatRequest, rawRequest, type ClientAnswer } from './raw-client.ts'

/** Backends of a gateway with workers, each by its own path, and what reached them. */
export interface WorkersLab {
  /** As `path backend proof`. */
  seen: string[]
  /** Backends that fail their health checks. */
  readonly unwell: Set<string>
  /** An entry of `backends`. */
  backend(name: string, more?: string): string
}

/** Opens it for the tests of a file. `bad` always fails, and so does whoever proves himself by `refused-key`. */
export function workersLab(): WorkersLab {
  let upstream: ReturnType<typeof Bun.serve>
  const lab: WorkersLab = {
    seen: [],
    unwell: new Set(),
    backend: (name, more = ', api_key: sk-upstream-0001') =>
      `{ name: ${name}, url: "http://127.0.0.1:${upstream.port}/${name}/v1"${more} }`,
  }
  beforeAll(() => {
    upstream = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request) {
        const [, backend = '', ...rest] = new URL(request.url).pathname.split('/')
        const proof = (request.headers.get('authorization') ?? '').replace('Bearer ', '')
        lab.seen.push(`${rest.at(-1) ?? ''} ${backend} ${proof}`.trim())
        if (rest.at(-1) === 'health') return new Response('', { status: lab.unwell.has(backend) ? 500 : 200 })
        await request.text()
        if (backend === 'bad') return Response.json({ error: { message: 'down' } }, { status: 500 })
        if (proof === 'refused-key') return Response.json({ error: { message: 'no' } }, { status: 401 })
        if (rest.includes('responses')) return answerTo(request, backend, rest.at(-1) ?? '')
        return Response.json({ id: backend, object: 'chat.completion', choices: [] })
      },
    })
  })
  beforeEach(() => {
    lab.seen = []
    lab.unwell.clear()
  })
  afterAll(async () => {
    await upstream.stop(true)
  })
  return lab
}

let responses = 0

/** Each backend has the responses that it gave, and no others. */
function answerTo({ method }: Request, backend: string, id: string): Response {
  if (method === 'POST') {
    responses += 1
    return Response.json({
      id: `resp_${backend}_${String(responses).padStart(6, '0')}`,
      object: 'response',
      output: [],
    })
  }
  return Response.json({ id }, { status: id.startsWith(`resp_${backend}_`) ? 200 : 404 })
}

/** Starts two workers and waits until both serve. */
export async function startTwo(yaml: string, options?: GatewayOptions): Promise<RunningGateway> {
  const gateway = await startGateway(`server: { workers: 2 }\n${yaml}`, options)
  await allServe(gateway, 2)
  return gateway
}

export async function allServe(gateway: RunningGateway, workers: number): Promise<void> {
  for (let number = 1; number <= workers; number += 1) await gateway.told(new RegExp(`Worker ${number} of`))
}

/** Process ids in the order in which they began to serve. */
export function pidsOf(gateway: RunningGateway): number[] {
  return Array.from(gateway.output().matchAll(/Worker \d of \d serves: pid=(\d+)/g), ([, pid]) => Number(pid))
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie that nobody has collected yet is no process any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** A chat over a connection of its own. */
export async function askOnce(
  { url }: RunningGateway,
  model = 'm',
  headers: Readonly<Record<string, string>> = {},
): Promise<ClientAnswer> {
  const request = chatRequest(model, { stream: false })
  return await rawRequest(url, { ...request, headers: { ...request.headers, ...headers } })
}

/** More connections than any worker could take alone. */
export const manyTimes = 40

/** A port that nobody has, and that the system gives nobody who asks for any: below the range that it takes these from. */
export function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    try {
      Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true)
      return port
    } catch {
      // Somebody has it.
      continue
    }
  }
}

function configOf(port: number, server: string): string {
  return `listen: "127.0.0.1:${port}"
server: ${server}
backends: [{ name: up, url: "mock://up" }]
models:
  quick: { routes: [{ backend: up, model: "ok" }] }
  short: { routes: [{ backend: up, model: "tokens=12+gap=50" }] }
`
}

/** A gateway of the built-in mock backend at a given port; `server` is the section of that name. */
export async function startAt(
  port: number,
  server = '{ reuse_port: true }',
  options?: GatewayOptions,
): Promise<RunningGateway> {
  return await startGateway(configOf(port, server), options)
}
