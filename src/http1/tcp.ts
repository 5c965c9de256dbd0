import { connect, type Socket as NodeSocket } from 'node:net'
import type { Clock } from '#ports/clock.ts'
import { codeOf, connectFailure } from './dial-errors.ts'
import type { Address, Resolver } from './dns.ts'
import type { Step } from './phase.ts'
import { nobody, plainHandlers, type PlatformSocket } from './socket.ts'

/** Connects to a unix socket. */
export function connectUnix(path: string): Step<PlatformSocket> {
  return (settle) => {
    const attempt = new Attempt(
      { path },
      (socket) => settle(socket),
      (code) => settle(connectFailure(code)),
    )
    return () => attempt.destroy()
  }
}

export interface TcpTarget {
  readonly host: string
  readonly port: number
  readonly addresses: readonly Address[]
}

/**
 * Connects to the first address that answers. The next one is tried as soon as one fails, or is silent for a moment;
 * whoever comes too late is closed (RFC 8305, without its sorting by history).
 */
export function connectTcp(target: TcpTarget, clock: Clock, resolver: Resolver): Step<PlatformSocket> {
  return (settle) => {
    const race = new Race(target, clock, resolver, settle)
    race.next()
    return () => race.end()
  }
}

/** Milliseconds after which a silent address gets a rival. */
const patienceMs = 250

/** Milliseconds of silence after which the system asks the other side whether it is still there. */
const probeMs = 30_000

class Race {
  readonly #target: TcpTarget
  readonly #clock: Clock
  readonly #resolver: Resolver
  readonly #settle: Parameters<Step<PlatformSocket>>[0]
  readonly #running = new Map<Address, Attempt>()
  readonly #waiting: Address[]
  /** The address that the resolver holds for the best, and so the one whose failure is told. */
  #firstCode: string | undefined
  #disarm: (() => void) | undefined
  #isOver = false

  constructor(target: TcpTarget, clock: Clock, resolver: Resolver, settle: Parameters<Step<PlatformSocket>>[0]) {
    this.#target = target
    this.#clock = clock
    this.#resolver = resolver
    this.#settle = settle
    this.#waiting = byTurns(target.addresses)
  }

  next(): void {
    const address = this.#waiting.shift()
    if (address === undefined) return
    const attempt = new Attempt(
      { host: address.address, port: this.#target.port },
      (socket) => this.#won(address, socket),
      (code) => this.#lost(address, code),
    )
    this.#running.set(address, attempt)
    if (this.#waiting.length > 0) this.#disarm = this.#clock.after(patienceMs, () => this.next())
  }

  end(): void {
    this.#isOver = true
    this.#disarm?.()
    for (const attempt of this.#running.values()) attempt.destroy()
    this.#running.clear()
  }

  #won(address: Address, socket: PlatformSocket): void {
    this.#running.delete(address)
    if (this.#isOver) return socket.terminate()
    // Those that began before and did not answer would only cost the next connection the same time.
    for (const silent of this.#running.keys()) {
      if (this.#rank(silent) < this.#rank(address)) this.#resolver.demote(this.#target.host, silent.address)
    }
    this.end()
    this.#settle(socket)
  }

  #lost(address: Address, code: string): void {
    this.#running.delete(address)
    if (this.#isOver) return
    this.#firstCode ??= code
    this.#disarm?.()
    if (this.#waiting.length > 0) {
      this.#resolver.demote(this.#target.host, address.address)
      return this.next()
    }
    if (this.#running.size > 0) return
    this.end()
    this.#resolver.forget(this.#target.host)
    this.#settle(connectFailure(this.#firstCode))
  }

  #rank(address: Address): number {
    return this.#target.addresses.indexOf(address)
  }
}

/** One connection on its way. */
class Attempt {
  readonly #node: NodeSocket
  #isDestroyed = false

  /** Either `onOpen` or `onFail` is called once, later, unless it is destroyed before. */
  constructor(
    where: { readonly path: string } | { readonly host: string; readonly port: number },
    onOpen: (socket: PlatformSocket) => void,
    onFail: (code: string) => void,
  ) {
    const node = 'path' in where ? connect({ path: where.path }) : connect({ host: where.host, port: where.port })
    this.#node = node
    node.on('error', (error) => {
      if (!this.#isDestroyed) onFail(codeOf(error))
    })
    // In the event itself the platform is not yet done with its own socket.
    node.once('connect', () => {
      queueMicrotask(() => {
        if (this.#isDestroyed) return
        const socket = takeOver(node)
        if (socket === undefined) return onFail('')
        if ('port' in where) {
          socket.setNoDelay(true)
          socket.setKeepAlive(true, probeMs)
        }
        onOpen(socket)
      })
    })
  }

  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.#node.destroy()
  }
}

/**
 * `Bun.connect` has no way to call off a connection that nobody answers: it would stand for two minutes, until the system
 * gives up. `node:net` has one, so it makes the connection, and then its socket is taken from it: all that costs time
 * later on goes past its streams.
 */
function takeOver(node: NodeSocket): PlatformSocket | undefined {
  const socket: unknown = Reflect.get(node, '_handle')
  if (!isPlatformSocket(socket)) {
    node.destroy()
    return undefined
  }
  Reflect.set(node, '_handle', null)
  node.removeAllListeners()
  socket.data = nobody
  socket.reload({ socket: plainHandlers })
  return socket
}

function isPlatformSocket(value: unknown): value is PlatformSocket {
  return typeof value === 'object' && value !== null && 'reload' in value && 'upgradeTLS' in value && 'data' in value
}

/** The families by turns, beginning with that of the first address, each in its given order. */
function byTurns(addresses: readonly Address[]): Address[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family)
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family)
  const turns: Address[] = []
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    turns.push(...first.slice(at, at + 1), ...second.slice(at, at + 1))
  }
  return turns
}
