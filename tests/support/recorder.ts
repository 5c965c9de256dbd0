/** A request as it came. */
export interface Recorded {
  readonly method: string
  /** Path and query, byte by byte. */
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A server that remembers everything that it was asked, and answers with it. */
export interface Recorder {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly seen: Recorded[]
  /** Answers in its place, where it gives something. */
  answer: ((request: Recorded) => Response | undefined) | undefined
  stop(): Promise<void>
}

/** Starts one on loopback. Requests for `/health` are answered with 200 and not remembered. */
export function startRecorder(): Recorder {
  const seen: Recorded[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const target = request.url.slice(request.url.indexOf('/', 'http://'.length))
      if (target === '/health') return new Response('ok')
      const { method, headers } = request
      const recorded = { method, target, headers: Object.fromEntries(headers), body: await request.text() }
      seen.push(recorded)
      return recorder.answer?.(recorded) ?? Response.json(recorded)
    },
  })
  const recorder: Recorder = {
    url: `http://127.0.0.1:${server.port}`,
    seen,
    answer: undefined,
    stop: async () => await server.stop(true),
  }
  return recorder
}
