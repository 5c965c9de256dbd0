import { Debts } from '#core/debts.ts'
import type { Attempt, Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import { HeaderList } from '#kit/header-list.ts'

/** A settled exchange that went well, unless said otherwise. */
export function settledExchange(changes: Partial<Exchange> = {}): Exchange {
  return {
    id: 'req_abc123',
    startedMs: 1000,
    startedWallMs: Date.UTC(2026, 0, 13, 9, 41, 0),
    method: 'POST',
    path: '/v1/chat/completions',
    place: -1,
    client: { address: '127.0.0.1', peer: '127.0.0.1' },
    debts: new Debts(),
    dialect: 'openai',
    caller: 'default',
    alias: 'opus',
    stream: false,
    seed: 1,
    configVersion: 1,
    attempts: [attemptOf()],
    skips: undefined,
    status: 200,
    refusal: undefined,
    outcome: 'complete',
    brokenBy: undefined,
    firstByteMs: 1150.4,
    endedMs: 2234.2,
    bytesOut: 512,
    chunksOut: 4,
    heartbeats: 0,
    rescuedAtBytes: undefined,
    seen: undefined,
    ...changes,
  }
}

/** An attempt that answered, unless said otherwise. */
export function attemptOf(changes: Partial<Attempt> = {}): Attempt {
  return {
    backend: 'provider-a',
    model: 'claude-opus-4-5',
    alias: 'opus',
    level: 'l1',
    url: 'https://api.provider-a.com/v1/chat/completions',
    startedMs: 1000,
    durationMs: 150.4,
    status: 200,
    failure: undefined,
    sent: undefined,
    received: undefined,
    ...changes,
  }
}

/** An upstream that answered with an error. */
export function statusFailure(status: number, body = ''): Failure {
  return {
    kind: 'failure',
    side: 'upstream',
    reason: 'status',
    status,
    tryNext: true,
    retrySame: false,
    cools: true,
    message: `it answered with status ${status}`,
    held: {
      status,
      headers: new HeaderList([['content-type', 'application/json']]),
      body: new TextEncoder().encode(body),
    },
  }
}

/** Text as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
