import type { CommonEvent } from './common.ts'

/** A step on the way of a stream's events: what it makes of them it hands to the next one. */
export interface EventSink {
  take(event: CommonEvent): void
}
