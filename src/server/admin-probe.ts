import type { Clock } from '#ports/clock.ts'

/**
 * An event stream whose pace is known: whoever gets its events together has something in between that collects streams.
 * Its headers are those of the streams of the road.
 */
export function probeStream(clock: Clock): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const gone = new AbortController()
  let sent = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent > 0) await clock.sleep(everyMs, gone.signal)
      if (gone.signal.aborted) return
      sent += 1
      controller.enqueue(encoder.encode(`data: {"event":${sent},"of":${eventsMax},"everyMs":${everyMs}}\n\n`))
      if (sent === eventsMax) controller.close()
    },
    cancel() {
      gone.abort()
    },
  })
}

export const probeHeaders: readonly (readonly [name: string, value: string])[] = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['x-accel-buffering', 'no'],
]

const eventsMax = 5
const everyMs = 200
