import type { Gateway } from '#gateway/gateway.ts'
import type { Clock } from '#ports/clock.ts'
import type { SharedPort } from '#ports/port-sharing.ts'
import type { Farewell, Listener } from '#server/listen.ts'
import { leavingHeader } from '#server/listen.ts'

/** How long nobody may have asked for anything before we go. */
const quietMs = 300

/** How often it is made sure that new connections still go elsewhere: whoever leaves before us gives them to all again. */
const askEveryMs = 100

/** How often it looks. */
const lookEveryMs = 20

/** Limit: places that are tried. */
const placesMax = 64

export interface HandOverParts {
  readonly clock: Clock
  readonly live: Gateway['live']
  readonly listener: Pick<Listener, 'bow'>
  readonly port: SharedPort
  /** How long we stay in any case. */
  readonly stayMs: number
  /** Who takes a new connection to the port? */
  readonly ask: () => Promise<'leaving' | 'other' | 'nobody'>
}

/**
 * Leaves a shared port to those who stay. New connections go to another process from now on; those that are here are
 * served on, each answer the last one of its connection, until nobody asks any more. Closing the port first would reset
 * connections that wait to be accepted and idle ones whose next request is on its way. Resolves with false when there is
 * nobody to leave it to.
 */
export async function handOver(parts: HandOverParts, forMs: number, hurry: AbortSignal): Promise<boolean> {
  const { clock, live, listener, port, stayMs, ask } = parts
  if (port.listeners < 2) return false
  const startedMs = clock.monotonicMs()
  const farewell = listener.bow()
  const isOver = (): boolean => hurry.aborted || clock.monotonicMs() - startedMs >= forMs
  if (!(await steerAway(parts, isOver))) return false
  const quiet = new Quiet(farewell, startedMs)
  const isUnused = (): boolean => live.size === 0 && quiet.lastsFor(clock.monotonicMs()) >= quietMs
  let askedMs = clock.monotonicMs()
  while (!isOver()) {
    await clock.sleep(lookEveryMs, hurry)
    const nowMs = clock.monotonicMs()
    const mayLeave = nowMs - startedMs >= stayMs && isUnused()
    if (!mayLeave && nowMs - askedMs < askEveryMs) continue
    askedMs = nowMs
    if ((await ask()) === 'leaving') {
      if (!(await steerAway(parts, isOver))) break
    } else if (mayLeave && isUnused()) break
  }
  port.leave()
  return true
}

/** Nobody knows at which place the own socket stands, so those places count where someone else answers. */
async function steerAway({ port, ask }: HandOverParts, isOver: () => boolean): Promise<boolean> {
  const others: number[] = []
  for (let place = 0; place < Math.min(port.listeners, placesMax) && !isOver(); place += 1) {
    if (!port.steerTo([place])) return false
    if ((await ask()) === 'other') others.push(place)
  }
  if (others.length > 0 && port.steerTo(others)) return true
  port.steerToAll()
  return false
}

class Quiet {
  readonly #farewell: Farewell
  #requests: number
  #sinceMs: number

  constructor(farewell: Farewell, nowMs: number) {
    this.#farewell = farewell
    this.#requests = farewell.requests
    this.#sinceMs = nowMs
  }

  lastsFor(nowMs: number): number {
    if (this.#farewell.requests !== this.#requests) {
      this.#requests = this.#farewell.requests
      this.#sinceMs = nowMs
    }
    return nowMs - this.#sinceMs
  }
}

/** Asks by a new connection to the port, over the loopback where it is served there. */
export async function askPort(
  host: string | undefined,
  port: number,
  clock: Clock,
  isEncrypted = false,
): Promise<'leaving' | 'other' | 'nobody'> {
  const timeUp = new AbortController()
  const answer = Promise.withResolvers<string>()
  let said = ''
  const socket = await Bun.connect({
    hostname: host === undefined || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host,
    port,
    // Whoever answers is one of us; who that is, no certificate tells.
    ...(isEncrypted ? { tls: { rejectUnauthorized: false } } : {}),
    socket: {
      open: (open) =>
        void open.write(`GET /healthz HTTP/1.1\r\nhost: localhost\r\n${leavingHeader}: ?\r\nconnection: close\r\n\r\n`),
      data(_open, bytes) {
        said += bytes.toString('latin1')
        if (said.includes('\r\n\r\n')) answer.resolve(said)
      },
      close: () => answer.resolve(said),
      error: () => answer.resolve(said),
    },
  }).catch(() => undefined)
  if (socket === undefined) return 'nobody'
  const told = await Promise.race([answer.promise, clock.sleep(askMsMax, timeUp.signal)])
  timeUp.abort()
  socket.terminate()
  if (told === undefined || !told.startsWith('HTTP/')) return 'nobody'
  return told.toLowerCase().includes(leavingHeader) ? 'leaving' : 'other'
}

/** Limit: milliseconds for one answer. */
const askMsMax = 1000
