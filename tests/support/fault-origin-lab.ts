import { expect } from 'bun:test'
import { eventually } from './eventually.ts'
import { faultOrigin, goodEvents, goodJson, type FaultOrigin, type Script } from './fault-origin.ts'
import { startGateway, type RunningGateway } from './gateway.ts'
import { chatRequest, rawRequest, type ClientAnswer } from './raw-client.ts'

/** A gateway in front of an upstream that fails by script and of one that does not. */
export interface FaultLab extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly origin: FaultOrigin
  /** The healthy second route. */
  readonly second: FaultOrigin
  /** Asks the alias `<fault>`, whose only route fails, or `<fault> 2nd`, which has the healthy route behind it. */
  ask(alias: string, extra?: Readonly<Record<string, unknown>>): Promise<Told>
  /** The lines of the log, oldest first. */
  lines(event?: string): readonly LogLine[]
}

/** What a client got, and what the gateway wrote about it. */
export interface Told {
  readonly answer: ClientAnswer
  readonly record: AccessRecord
  readonly tookMs: number
}

/** The account of one request, as the log has it. */
export interface AccessRecord {
  readonly event: string
  readonly request_id: string
  readonly status: number
  readonly attempts: number
  readonly backend?: string
  readonly code?: string
  readonly outcome?: string
  readonly reason?: string
  readonly bytes?: number
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string }

/** What fails: what an upstream does with a request, or a place where there is no proper upstream at all. */
export type Fault = Script | FaultyPlace

export interface FaultyPlace {
  readonly url: string
  /** More keys of its backend, as `tls: { verify: false }`. */
  readonly keys?: string
}

/** Starts all three. A fault is one line of the table: its name, and what the upstream does. */
export async function faultLab(faults: Readonly<Record<string, Fault>>, settings = ''): Promise<FaultLab> {
  const scripts = Object.entries(faults).flatMap(([name, fault]) => ('url' in fault ? [] : [[name, fault] as const]))
  const origin = await faultOrigin(Object.fromEntries(scripts))
  const second = await faultOrigin({})
  const backends: string[] = []
  const aliases: string[] = []
  for (const [name, fault] of Object.entries(faults)) {
    const isPlace = 'url' in fault
    const backend = isPlace ? `place-${backends.length}` : 'bad'
    if (isPlace)
      backends.push(
        `  - { name: ${backend}, url: "${fault.url}", protocol: any, api_key: ${canary}${fault.keys === undefined ? '' : `, ${fault.keys}`} }`,
      )
    // Two models of one fault: what one alias makes rest, the other one still has.
    const routeOf = (model: string): string => `{ backend: ${backend}, model: ${JSON.stringify(model)}, priority: 1 }`
    aliases.push(
      `  ${JSON.stringify(name)}: { routes: [${routeOf(name)}] }`,
      `  ${JSON.stringify(`${name} 2nd`)}: { routes: [${routeOf(`${name} 2nd`)}, { backend: good, model: ${JSON.stringify(name)}, priority: 2 }] }`,
    )
  }
  const gateway = await startGateway(`
logging: { format: json }
backends:
  - { name: bad, url: "${origin.url.origin}", protocol: any, api_key: ${canary} }
  - { name: good, url: "${second.url.origin}", protocol: any }
${backends.join('\n')}
models:
${aliases.join('\n')}
${settings}
`)
  return {
    gateway,
    origin,
    second,
    async ask(alias, extra) {
      const startedMs = performance.now()
      const answer = await rawRequest(gateway.url, chatRequest(alias, { stream: false, ...extra }))
      const tookMs = performance.now() - startedMs
      return { answer, tookMs, record: await recordOf(gateway, answer.headers.get('x-request-id') ?? '') }
    },
    lines: (event) => logLines(gateway).filter((line) => event === undefined || line.event === event),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await origin[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
    },
  }
}

/** The key of the failing backends; it must never be seen anywhere but there. */
export const canary = 'sk-canary-5bd1e7a2c94f'

/** A fault before any content, and what has to come of it. */
export interface EarlyFault {
  /** `F12: garbage instead of HTTP`. */
  readonly name: string
  readonly fault: Fault
  /** What the client gets where there is no other route. */
  readonly status: number
  readonly code: string
  /** The word for it in the log. */
  readonly says: RegExp
  /** Requests that the upstream gets of one attempt; 1 where nothing else is said. */
  readonly asked?: number
  /** False where the route is not to blame, and goes on being asked. */
  readonly cools?: boolean
  readonly stream?: boolean
  /** True where the answer came to its end, so that its connection may be used again. */
  readonly isWhole?: boolean
}

/**
 * The whole sentence of a row: the healthy route answers and nothing of the fault is seen, without it the client gets
 * the right error, each is told once, the upstream was asked once and its connection is closed, and it rests from then
 * on.
 */
export async function proveEarlyFault(lab: FaultLab, row: EarlyFault): Promise<void> {
  const { name, fault, status, code, says, asked = 1, cools = true, stream = false, isWhole = false } = row
  const rescued = await lab.ask(`${name} 2nd`, { stream })
  expect(rescued.answer).toMatchObject({ status: 200, isWhole: true, text: stream ? goodEvents : goodJson })
  expect(rescued.record).toMatchObject({ event: 'request_finished', status: 200, attempts: 2, backend: 'good' })
  expect(lab.second.asked(name)).toHaveLength(1)
  expect(String(failureOf(lab, rescued)['reason'])).toMatch(says)

  const alone = await lab.ask(name, { stream })
  expect([alone.answer.status, alone.answer.isWhole]).toEqual([status, true])
  expect(alone.answer.headers.get('content-type')).toStartWith('application/json')
  expect(JSON.parse(alone.answer.text)).toMatchObject({ error: { message: expect.any(String), code } })
  expect(alone.record).toMatchObject({ event: 'request_failed', status, attempts: 1 })
  expect(String(failureOf(lab, alone)['reason'])).toMatch(says)

  const again = await lab.ask(name, { stream })
  if (cools) {
    expect([again.answer.status, again.record.code, again.record.attempts]).toEqual([503, 'no_backend_available', 0])
    expect(Number(again.answer.headers.get('retry-after'))).toBeWithin(1, 31)
  } else expect([again.answer.status, again.record.attempts]).toEqual([status, 1])
  if ('url' in fault) return
  const aloneAsked = lab.origin.asked(name)
  expect([aloneAsked.length, lab.origin.asked(`${name} 2nd`).length]).toEqual([cools ? asked : 2 * asked, asked])
  for (const peer of isWhole ? [] : aloneAsked) await within(peer.gone, 'the end of the upstream connection')
}

function failureOf(lab: FaultLab, { record }: Told): LogLine {
  const failures = lab.lines('attempt_failed').filter((line) => line['request_id'] === record.request_id)
  expect(failures).toHaveLength(1)
  return failures[0] ?? { event: '' }
}

/** What has to follow soon; the machine may be busy. */
export async function within<T>(promise: Promise<T>, what: string, ms = 2000): Promise<T> {
  const late = Bun.sleep(ms).then(() => {
    throw new Error(`It took longer than ${ms} ms: ${what}`)
  })
  return await Promise.race([promise, late])
}

/** How the end of a request is told, whatever it was. */
const endings = new Set(['request_finished', 'request_failed', 'request_refused', 'client_closed', 'stream_broken'])

/** Everything that was written about how requests ended. */
export function recordsOf(gateway: RunningGateway): readonly AccessRecord[] {
  return logLines(gateway).filter((line): line is LogLine & AccessRecord => endings.has(line.event))
}

/** The one record of a request; fails when there is another. */
export async function recordOf(gateway: RunningGateway, requestId: string): Promise<AccessRecord> {
  const find = (): readonly AccessRecord[] => recordsOf(gateway).filter((record) => record.request_id === requestId)
  const record = await eventually(
    () => find()[0],
    () => `no record of "${requestId}" in\n${gateway.output()}`,
  )
  expect(find()).toHaveLength(1)
  return record
}

/** Every request that came in left exactly one record, nothing went wrong inside, and no line holds a backend's key. */
export async function expectGoodAccounts(gateway: RunningGateway): Promise<void> {
  const received = logLines(gateway).flatMap((line) => (line.event === 'request_received' ? [line['request_id']] : []))
  await eventually(
    () => new Set(recordsOf(gateway).map((record) => record.request_id)).size >= received.length,
    () => gateway.output(),
  )
  const told = recordsOf(gateway).map((record) => record.request_id)
  expect(new Set(told).size).toBe(told.length)
  expect(received.filter((id) => !told.includes(String(id)))).toEqual([])
  expect(gateway.output()).not.toContain(canary)
  expect(gateway.output()).not.toMatch(/"event":"(?:internal_error|unhandled_error)"|RangeError|panic|Welcome to Bun/)
}

function logLines(gateway: RunningGateway): readonly LogLine[] {
  // The last line may still be on its way.
  const lines = gateway.output().split('\n').slice(0, -1)
  return lines.filter((line) => line.startsWith('{"time"')).map((line) => JSON.parse(line) as LogLine)
}
