import type { Clock } from '#ports/clock.ts'
import { seededRandom, type Random } from '#ports/random.ts'
import { answerMock } from './answer.ts'
import { aborted, playBody, type MockEnd } from './play.ts'
import type { MockRequest } from './request.ts'

/** The outside world of a mock backend. Chance decides ids, fillers and jitter: one seed, one history. */
export interface MockPorts {
  readonly clock: Clock
  readonly random: Random
}

/** Where tests watch a mock backend. */
export interface MockOptions {
  /** Told of each request that reaches a mock backend; one whose connection is refused does not. */
  readonly onRequest?: (record: MockRecord) => void
  /** Told once per record, when its answer has ended. */
  readonly onEnded?: (record: MockRecord, how: MockEnd) => void
}

/** A request that reached a mock backend. */
export interface MockRecord extends MockRequest {
  /** Which mock backend it was. */
  readonly name: string
  /** The model's name as it arrived; empty when there was none. */
  readonly model: string
}

/** What became of a request: a head and a body that plays in time, or the reason why there is none. */
export type MockOutcome = MockHead | { readonly kind: 'refused' | 'aborted' | 'late' }

interface MockHead {
  readonly kind: 'head'
  readonly status: number
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array>
  /** The body comes in one piece and to its end, as `content-length` says. */
  readonly isWhole: boolean
}

/** One request to the mock backend of that name; `limitMs` is how long the other side waits for the head. */
export async function exchangeWith(
  name: string,
  asked: MockRequest,
  ports: MockPorts,
  options: MockOptions,
  limitMs: number,
  signal: AbortSignal,
): Promise<MockOutcome> {
  const { clock } = ports
  if (signal.aborted) return { kind: 'aborted' }
  const random = seededRandom(ports.random.unit() * 2 ** 32)
  const answer = answerMock(asked, { name, wallMs: clock.wallMs(), random })
  if (answer.kind === 'refused') return { kind: 'refused' }

  const record: MockRecord = { ...asked, name, model: answer.model }
  options.onRequest?.(record)
  const end = (how: MockEnd): void => options.onEnded?.(record, how)
  const delayMs = answer.kind === 'silent' ? Infinity : answer.delayMs
  await pause(clock, Math.min(delayMs, limitMs), signal)
  if (signal.aborted || answer.kind === 'silent' || delayMs >= limitMs) {
    end('aborted')
    return { kind: signal.aborted ? 'aborted' : 'late' }
  }
  const { status, headers, body } = answer
  const isWhole = body.ending === 'complete' && headers.has('content-length')
  return { kind: 'head', status, headers, body: playBody(body, clock, signal, end), isWhole }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms === Infinity) await aborted(signal)
  else if (ms > 0) await clock.sleep(ms, signal)
}
