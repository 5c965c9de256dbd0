import type { RunningTarget } from './targets.ts'
import { behaviourHeaders, chatBody, names, upstreamBehaviour, type Workload } from './workloads.ts'

/** What one request through a target brought back and what the mock upstream says arrived. */
interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** Lengths of the answers, which every measured answer must have. */
export interface Expected {
  readonly bodyBytesById: ReadonlyMap<string, number>
}

/**
 * Sends each kind of request once through every target, before anything is timed: a target that answers something else
 * than the mock upstream, or that forgets what a gateway must do, is not comparable. Throws with all the differences.
 */
export async function checkParity(
  running: readonly RunningTarget[],
  workloads: readonly Workload[],
  upstreamPort: number,
): Promise<Expected> {
  const bodyBytesById = new Map<string, number>()
  const faults: string[] = []
  for (const workload of workloads) {
    const body = chatBody(workload)
    const headers = behaviourHeaders(workload)
    const wanted = await ask(upstreamPort, body, names.clientKey, headers)
    bodyBytesById.set(workload.id, Buffer.byteLength(wanted.body))
    for (const { target, port } of running.filter(({ upstream }) => upstream === workload.upstream)) {
      const seen = await ask(port, body, names.clientKey, headers)
      const found = compare(workload, wanted, seen, body, target.isGateway)
      faults.push(...found.map((fault) => `${target.name}, ${workload.id}: ${fault}`))
    }
  }
  for (const { target, port } of running.filter((one) => one.target.checksKeys)) {
    const [workload] = workloads
    if (workload === undefined) continue
    const { status } = await ask(port, chatBody(workload), 'sk-wrong', {})
    if (status !== 401) faults.push(`${target.name}: a wrong key is answered with ${status}, wanted 401`)
  }
  await checkLogs(running, faults)
  if (faults.length > 0) throw new Error(`Cannot compare the targets: they do not do the same\n${faults.join('\n')}`)
  return { bodyBytesById }
}

function compare(workload: Workload, wanted: Seen, seen: Seen, body: string, isGateway: boolean): string[] {
  const model = isGateway ? names.upstreamModel : names.alias
  const key = isGateway ? names.backendKey : names.clientKey
  const checks: (readonly [what: string, is: string | number | null, wanted: string | number | null])[] = [
    ['status', seen.status, 200],
    ['body', unstamped(seen.body) === unstamped(wanted.body) ? 'equal' : seen.body.slice(0, 200), 'equal'],
    ['model at the upstream', seen.headers.get('x-mock-model'), model],
    // The mock spells it backwards: a gateway lets no header pass that holds a backend key.
    [
      'key at the upstream',
      seen.headers.get('x-mock-key'),
      Buffer.from(Buffer.from(`Bearer ${key}`).toReversed()).toString(),
    ],
    [
      'body bytes at the upstream',
      seen.headers.get('x-mock-body-bytes'),
      `${body.length - names.alias.length + model.length}`,
    ],
    ...[...wanted.headers.keys()]
      .filter(mustPass)
      .map((name) => [name, seen.headers.get(name), wanted.headers.get(name)] as const),
  ]
  if (workload.unit === 'event') checks.push(['events', countEvents(seen.body), upstreamBehaviour.events])
  return checks.filter(([, is, want]) => is !== want).map(([what, is, want]) => `${what} is "${is}", wanted "${want}"`)
}

/** Framing belongs to each hop; the request id may be the gateway's own. */
function mustPass(header: string): boolean {
  return !/^(?:connection|keep-alive|transfer-encoding|content-length|date|x-request-id|x-mock-.*)$/.test(header)
}

/** The access log is written in the background; it has two seconds to appear. */
async function checkLogs(running: readonly RunningTarget[], faults: string[]): Promise<void> {
  const logging = running.filter(({ target }) => target.logs)
  for (let left = 20; left > 0 && logging.some((one) => one.logBytes() === 0); left -= 1) await Bun.sleep(100)
  faults.push(
    ...logging.filter((one) => one.logBytes() === 0).map(({ target }) => `${target.name}: no access log was written`),
  )
}

async function ask(port: number, body: string, key: string, headers: Readonly<Record<string, string>>): Promise<Seen> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-bench-echo': '1' },
    body,
    signal: AbortSignal.timeout(15_000),
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

/** The events carry the time at which they were written; everything else is the same each time. */
function unstamped(body: string): string {
  return body.replace(/"t":[ \d]{16}/g, '"t":')
}

function countEvents(body: string): number {
  return body.split('\n\n').filter((event) => event.startsWith('data: {')).length
}
