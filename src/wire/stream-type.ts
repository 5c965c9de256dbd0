/** The type of a body, without parameters and in small letters. */
export function mediaTypeOf(contentType: string): string {
  // Most answers say just this.
  if (contentType === 'application/json') return contentType
  const end = contentType.indexOf(';')
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

export const eventStream = 'text/event-stream'

/** Streams of lines, each of them JSON. */
export const lineStreams: ReadonlySet<string> = new Set([
  'application/jsonl',
  'application/jsonlines',
  'application/ndjson',
  'application/x-jsonl',
  'application/x-jsonlines',
  'application/x-ndjson',
])

/** Comes in pieces that somebody waits for, whatever is in them. */
export function isStreamType(mediaType: string): boolean {
  return mediaType === eventStream || lineStreams.has(mediaType)
}
