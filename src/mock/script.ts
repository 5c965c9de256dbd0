import type { Random } from '#ports/random.ts'
import type { Behaviour } from './behaviour.ts'
import type { EventStream } from './events.ts'

/** A body as a plan: what is written when, and how it ends. */
export interface Script {
  readonly frames: Iterable<Frame>
  readonly ending: Behaviour['ending']
}

/** One write. */
export interface Frame {
  /** Since the write before. */
  readonly waitMs: number
  readonly bytes: Uint8Array
}

/** A body that is written at once, or its first half when it must not arrive whole. */
export function scriptOfBody(bytes: Uint8Array, behaviour: Behaviour | undefined): Script {
  const ending = behaviour?.ending ?? 'complete'
  const sent = ending === 'complete' ? bytes : bytes.subarray(0, Math.floor(bytes.length / 2))
  return { frames: sent.length === 0 ? [] : [{ waitMs: 0, bytes: sent }], ending }
}

/** A stream at the pace, and with the damage, that the behaviour asks for. */
export function scriptOfStream(stream: EventStream, behaviour: Behaviour, random: Random): Script {
  return { frames: framesOf(stream, behaviour, random), ending: behaviour.ending }
}

/** A pause with the behaviour's share of chance. */
export function varied(ms: number, behaviour: Behaviour, random: Random): number {
  if (behaviour.jitter === 0 || ms === 0) return ms
  return ms * (1 + behaviour.jitter * (2 * random.unit() - 1))
}

function* framesOf(stream: EventStream, behaviour: Behaviour, random: Random): Iterable<Frame> {
  let contents = 0
  const { failure } = stream
  for (const event of stream.events) {
    if (failure !== undefined && contents >= failure.after) break
    const isPast = contents >= behaviour.endsAfter && (contents > 0 || event.isContent)
    if (behaviour.ending !== 'complete' && isPast) {
      if (behaviour.torn) yield { waitMs: 0, bytes: bytesOf(event.text.slice(0, event.text.length / 2)) }
      return
    }
    const pauseMs = contents === 0 ? behaviour.ttftMs : behaviour.gapMs
    yield { waitMs: event.isContent ? varied(pauseMs, behaviour, random) : 0, bytes: bytesOf(event.text) }
    if (!event.isContent) continue
    contents += 1
    if (contents === 1 && behaviour.malformed) yield { waitMs: 0, bytes: bytesOf(stream.malformed) }
  }
  if (failure !== undefined) yield { waitMs: 0, bytes: bytesOf(failure.event.text) }
}

const encoder = new TextEncoder()

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? encoder.encode(text) : text
}
