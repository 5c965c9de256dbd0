import { CallsBack } from './calls-back.ts'
import type { EventSink } from './event-sink.ts'
import { Serial } from './serial.ts'
import { changesText, TextBack } from './text-back.ts'
import type { Return } from './way-back.ts'
import { Withholding } from './withhold.ts'

/** What is expected of a stream that may be ended before its time. */
export interface Expectation {
  /** As many choices as were asked for. */
  readonly choices: number
  readonly inputEstimate: number
}

/** What the events of a backend go through before they are the client's. */
export interface Passage {
  readonly first: EventSink
  /** Nothing more is wanted of the upstream. */
  readonly isOver: boolean
}

/** A passage with no step in it that nobody needs. `isSerial`: `last` wants one part after the other. */
export function passageTo(last: EventSink, way: Return, expected: Expectation, isSerial: boolean): Passage {
  const ordered = isSerial ? new Serial(last) : last
  if (!changesText(way)) return { first: callsTo(ordered, way), isOver: false }
  const text = new TextBack(ordered, way, expected.choices, expected.inputEstimate)
  const first = callsTo(text, way)
  return {
    first,
    get isOver() {
      return text.isOver
    },
  }
}

function callsTo(next: EventSink, way: Return): EventSink {
  const calls = new CallsBack(next, way)
  return way.withheld === undefined ? calls : new Withholding(calls, way.withheld)
}
