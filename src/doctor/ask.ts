import { concat } from '#kit/bytes.ts'
import type { HeaderList } from '#kit/header-list.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingBody, OutgoingRequest, Transport, TransportClocks, TransportFailure } from '#ports/transport.ts'
import { textOf } from '#upstream/decode.ts'

export interface AskPorts {
  readonly clock: Clock
  readonly transport: Transport
}

/** An answer, read to its end. */
export interface Reply {
  readonly kind: 'reply'
  readonly status: number
  readonly headers: HeaderList
  /** Its compression undone. */
  readonly text: string
  /** When each piece of the body came, monotonic; one time only where all of it came with the head. */
  readonly pieceTimesMs: readonly number[]
  /** What broke the body, or undefined. */
  readonly brokenBy: string | undefined
  /** How far this machine's clock is ahead of the other's; undefined where the answer has no date. */
  readonly aheadMs: number | undefined
}

/** Limit: a step towards another machine may take this long, whatever the configuration allows. */
const stepMsMax = 5000

/** Limit: so may one whole question. */
const questionMsMax = 10_000

/** Limit: of a larger answer the beginning counts. */
const bodyBytesMax = 4 * 1024 * 1024

/** Asks once, within limits of its own; never rejects. */
export async function ask(
  { clock, transport }: AskPorts,
  request: Omit<OutgoingRequest, 'stop' | 'clocks'>,
): Promise<Reply | TransportFailure> {
  const stop = new Stop()
  const disarm = clock.after(questionMsMax, () => stop.ask())
  try {
    const askedMs = clock.wallMs()
    const response = await transport.send({ ...request, clocks: questionClocks, stop, fresh: true })
    if (response.kind === 'transport_failure') return stop.isAsked ? late : response
    const halfwayMs = (askedMs + clock.wallMs()) / 2
    const { status, headers } = response
    const { bytes, pieceTimesMs, brokenBy } = await readAll(response.body, clock)
    return {
      kind: 'reply',
      status,
      headers,
      text: textOf(bytes, headers),
      pieceTimesMs,
      brokenBy: stop.isAsked ? late.message : brokenBy,
      aheadMs: aheadOf(headers.get('date'), halfwayMs),
    }
  } finally {
    disarm()
  }
}

/** The limits of a way to another machine: those of the configuration, cut to what one is willing to wait for. */
export function stepClocks(
  own: Pick<TransportClocks, 'dnsMs' | 'connectMs' | 'tlsMs'> = questionClocks,
): Pick<TransportClocks, 'dnsMs' | 'connectMs' | 'tlsMs'> {
  return { dnsMs: cut(own.dnsMs), connectMs: cut(own.connectMs), tlsMs: cut(own.tlsMs) }
}

function cut(limitMs: number): number {
  return limitMs === 0 ? stepMsMax : Math.min(limitMs, stepMsMax)
}

const questionClocks: TransportClocks = {
  queueMs: stepMsMax,
  dnsMs: stepMsMax,
  connectMs: stepMsMax,
  tlsMs: stepMsMax,
  writeMs: stepMsMax,
  firstByteMs: 10_000,
  idleMs: 10_000,
}

const late: TransportFailure = {
  kind: 'transport_failure',
  phase: 'head',
  cause: 'timeout',
  message: `no whole answer within ${questionMsMax / 1000} s`,
}

interface Body {
  readonly bytes: Uint8Array
  readonly pieceTimesMs: readonly number[]
  readonly brokenBy: string | undefined
}

async function readAll(body: IncomingBody, clock: Clock): Promise<Body> {
  const { whole } = body
  if (whole !== undefined) return { bytes: whole, pieceTimesMs: [clock.monotonicMs()], brokenBy: undefined }
  const pieces: Uint8Array[] = []
  const pieceTimesMs: number[] = []
  const told = (brokenBy: string | undefined): Body => ({ bytes: concat(pieces), pieceTimesMs, brokenBy })
  let length = 0
  for (;;) {
    const step = await body.read()
    if (step === 'end') return told(undefined)
    if ('kind' in step) return told(step.message)
    pieces.push(step)
    pieceTimesMs.push(clock.monotonicMs())
    length += step.byteLength
    if (length <= bodyBytesMax) continue
    body.cancel()
    return told('it is longer than 4mb')
  }
}

/** A date of HTTP counts whole seconds, so on average it is half of one behind. */
function aheadOf(date: string | null, nowMs: number): number | undefined {
  const theirsMs = date === null ? NaN : Date.parse(date)
  return Number.isNaN(theirsMs) ? undefined : nowMs - (theirsMs + 500)
}
