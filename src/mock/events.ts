/** One event of a streamed answer, framed and ready to be sent. */
export interface StreamEvent {
  readonly text: string | Uint8Array
  /** Carries a part of the answer; handshakes, pings and endings do not. */
  readonly isContent: boolean
}

/** A streamed answer before behaviours cut, slow or damage it. */
export interface EventStream {
  readonly contentType: string
  readonly events: Iterable<StreamEvent>
  /** An event that no client can parse, framed like the others. */
  readonly malformed: string | Uint8Array
  /** An error event that ends it early, after so many content frames. */
  readonly failure?: { readonly after: number; readonly event: StreamEvent }
}

export const sseType = 'text/event-stream; charset=utf-8'

/** Frames one server-sent event. */
export function sse(data: unknown, isContent = false, name?: string): StreamEvent {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return { text: name === undefined ? `data: ${text}\n\n` : `event: ${name}\ndata: ${text}\n\n`, isContent }
}
