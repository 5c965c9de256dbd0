import type { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import { seededRandom, type Random } from '#ports/random.ts'
import type { IncomingBody } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { answerMock } from './answer.ts'
import { PlayedBody, type MockEnd } from './play.ts'
import type { MockRequest } from './request.ts'
import type { Script } from './script.ts'

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
  readonly body: IncomingBody
}

/** One request to the mock backend of that name; `limitMs` is how long the other side waits for the head. */
export async function exchangeWith(
  name: string,
  asked: MockRequest,
  ports: MockPorts,
  options: MockOptions,
  limitMs: number,
  stop: Stop,
): Promise<MockOutcome> {
  const { clock } = ports
  if (stop.isAsked) return { kind: 'aborted' }
  const random = seededRandom(ports.random.unit() * 2 ** 32)
  const answer = answerMock(asked, { name, wallMs: clock.wallMs(), random })
  if (answer.kind === 'refused') return { kind: 'refused' }

  const record: MockRecord = { ...asked, name, model: answer.model }
  options.onRequest?.(record)
  const end = (how: MockEnd): void => options.onEnded?.(record, how)
  const delayMs = answer.kind === 'silent' ? Infinity : answer.delayMs
  await pause(clock, Math.min(delayMs, limitMs), stop)
  if (stop.isAsked || answer.kind === 'silent' || delayMs >= limitMs) {
    end('aborted')
    return { kind: stop.isAsked ? 'aborted' : 'late' }
  }
  const { status, headers, body } = answer
  const whole = headers.has('content-length') ? wholeOf(body) : undefined
  if (whole === undefined) return { kind: 'head', status, headers, body: new PlayedBody(body, clock, stop, end) }
  end('complete')
  return { kind: 'head', status, headers, body: new WholeBody(whole) }
}

/** All of a body that is written at once and to its end. */
function wholeOf({ frames, ending }: Script): Uint8Array | undefined {
  if (ending !== 'complete') return undefined
  const [first, ...others] = frames
  if (first === undefined) return new Uint8Array()
  return others.length === 0 && first.waitMs === 0 ? first.bytes : undefined
}

/** Waits so long, or until it is asked to stop. */
async function pause(clock: Clock, ms: number, stop: Stop): Promise<void> {
  if (ms === 0) return
  await new Promise<void>((resolve) => {
    const disarm = ms === Infinity ? undefined : clock.after(ms, () => (stop.forget(listener), resolve()))
    const listener = { onStop: (): void => (disarm?.(), resolve()) }
    stop.tell(listener)
  })
}
