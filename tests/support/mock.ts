import { Stop } from '#kit/stop.ts'
import type { MockRecord } from '#mock/exchange.ts'
import type { MockEnd } from '#mock/play.ts'
import { startMockServer, type MockServer } from '#mock/server.ts'
import { mockTransport } from '#mock/transport.ts'
import { systemClock, type Clock } from '#ports/clock.ts'
import { seededRandom } from '#ports/random.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
import { linkWith, patient } from './outgoing.ts'

/** What reached a mock backend and how each answer ended, in the order of the events. */
export interface MockDiary {
  readonly requests: MockRecord[]
  readonly ends: MockEnd[]
}

/** A mock backend inside the test's process that writes a diary. */
export function watchedMock(clock: Clock, seed = 1): { readonly transport: Transport; readonly diary: MockDiary } {
  const diary: MockDiary = { requests: [], ends: [] }
  return { transport: mockTransport({ clock, random: seededRandom(seed) }, writingTo(diary)), diary }
}

/** A mock backend on a free port of the loopback, with the real clock. */
export function servedMock(seed = 1): MockServer & AsyncDisposable & { readonly diary: MockDiary } {
  const diary: MockDiary = { requests: [], ends: [] }
  const ports = { clock: systemClock, random: seededRandom(seed) }
  const server = startMockServer({ host: '127.0.0.1', port: 0 }, ports, writingTo(diary))
  return { ...server, diary, [Symbol.asyncDispose]: async () => await server.stop() }
}

export interface MockCall {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly firstByteMs?: number
  readonly stop?: Stop
}

/** A request to `mock://unit`; the path is Chat Completions unless given. */
export function mockRequest(body: unknown, call: MockCall = {}): OutgoingRequest {
  return {
    method: call.method ?? 'POST',
    url: new URL(`mock://unit${call.path ?? '/v1/chat/completions'}`),
    headers: Object.entries({ 'content-type': 'application/json', ...call.headers }),
    body: body === undefined ? undefined : [new TextEncoder().encode(JSON.stringify(body))],
    clocks: { ...patient, firstByteMs: call.firstByteMs ?? 0 },
    link: linkWith(),
    stop: call.stop ?? new Stop(),
  }
}

/** The response, or an error that shows the failure. */
export function responded(outcome: IncomingResponse | TransportFailure): IncomingResponse {
  if (outcome.kind === 'response') return outcome
  throw new Error(`The mock backend did not respond: ${outcome.phase} ${outcome.cause}`)
}

function writingTo(diary: MockDiary): {
  onRequest: (record: MockRecord) => void
  onEnded: (record: MockRecord, how: MockEnd) => void
} {
  return {
    onRequest: (record) => void diary.requests.push(record),
    onEnded: (_record, how) => void diary.ends.push(how),
  }
}
