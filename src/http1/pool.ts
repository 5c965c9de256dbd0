import type { Clock } from '#ports/clock.ts'
import type { Link, TransportFailure } from '#ports/transport.ts'
import { Stop } from '#kit/stop.ts'
import { Connection, type Home } from './connection.ts'
import { dial, type DialRequest } from './dial.ts'
import type { Resolver } from './dns.ts'
import type { Exchange } from './exchange.ts'
import { isFailure } from './dial-errors.ts'
import { transportFailure } from './failure.ts'
import type { Turn } from './turn.ts'
import { Deadline, type TimerWheel } from '#ports/timer-wheel.ts'

export type DialClocks = DialRequest['clocks']

/** What all pools share. */
export interface PoolPorts {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly turn: Turn
  readonly resolver: Resolver
}

/** Figures of a pool for metrics; the counters only grow. */
export interface PoolGauges {
  readonly origin: string
  readonly open: number
  readonly idle: number
  readonly waiting: number
  /** Connections opened since the start. */
  readonly opened: number
  /** Requests carried since the start, and how many of them by a connection that had served before. */
  readonly carried: number
  readonly reused: number
}

/**
 * An exchange that has no connection yet. As connections go to whoever waits longest, one that is being opened may end
 * up with another exchange than the one it was meant for; what counts is that there is one on its way for each.
 */
interface Waiting {
  /** Set while a connection is being opened for it. */
  stopDialing: Stop | undefined
  readonly deadline: Deadline | undefined
}

/** The connections to one origin under one identity. */
export class Pool implements Home {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly turn: Turn
  readonly #ports: PoolPorts
  readonly #url: URL
  /** The latest one; of equal identity with those before, but its limits may differ. */
  #link: Link
  /** Most recently used last: those that are not needed grow old and go. */
  readonly #idle: Connection[] = []
  /** In the order of arrival. */
  readonly #waiting = new Map<Exchange, Waiting>()
  /** Connections that stand. */
  #standing = 0
  /** Connections that are being opened for an exchange; those for nobody are `#warming`. */
  #dialing = 0
  #warming = 0
  #opened = 0
  #carried = 0
  #reused = 0

  constructor(ports: PoolPorts, url: URL, link: Link) {
    this.clock = ports.clock
    this.wheel = ports.wheel
    this.turn = ports.turn
    this.#ports = ports
    this.#url = url
    this.#link = link
  }

  /** It holds nothing, and nobody wants anything of it. */
  get isEmpty(): boolean {
    return this.#opening === 0 && this.#waiting.size === 0
  }

  get idleMs(): number {
    return this.#link.pool.idleMs
  }

  gauges(): PoolGauges {
    return {
      origin: this.#url.origin,
      open: this.#opening,
      idle: this.#idle.length,
      waiting: this.#waiting.size,
      opened: this.#opened,
      carried: this.#carried,
      reused: this.#reused,
    }
  }

  /** Gives the exchange a connection: an idle one, a new one, or the first that becomes free. */
  take(exchange: Exchange): void {
    const { link, fresh } = exchange.request
    this.#link = link
    if (fresh !== true) {
      for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
        if (this.#isFit(idle)) return this.#hand(idle, exchange)
        idle.close()
      }
    }
    const isOneOnItsWay = this.#dialing > this.#waiting.size
    if (!isOneOnItsWay && this.#mayOpen(fresh === true)) return this.#dialFor(exchange)
    const { waitingMax } = link.pool
    if (!isOneOnItsWay && this.#waiting.size >= waitingMax) {
      const message = `all ${link.pool.connectionsMax} connections are in use and ${waitingMax} requests wait already`
      return exchange.onBroken(transportFailure('queue', 'full', message))
    }
    this.#queue(exchange)
  }

  /** Opens connections before they are needed, up to the number that the link wants. */
  async warm(link: Link, clocks: DialClocks): Promise<void> {
    this.#link = link
    const missing = link.pool.prewarm - this.#opening
    const dials: Promise<void>[] = []
    for (let opened = 0; opened < missing && this.#mayOpen(false); opened += 1) dials.push(this.#warmOne(link, clocks))
    await Promise.all(dials)
  }

  /** Closes what is idle. */
  closeIdle(): void {
    for (const idle of this.#idle.splice(0)) idle.close()
  }

  released(connection: Connection): void {
    if (!this.#isFit(connection)) return connection.close()
    // Hardly ever does anybody wait, and to walk through nobody costs an iterator.
    if (this.#waiting.size > 0 && this.#passOn(connection)) return
    if (this.#idle.length >= this.#link.pool.idleMax) {
      // The oldest one has been of no use for the longest time.
      const oldest = this.#idle.shift()
      if (oldest === undefined) return connection.close()
      oldest.close()
    }
    this.#idle.push(connection)
    connection.rest()
  }

  closed(connection: Connection): void {
    this.#standing -= 1
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    this.#serveNext()
  }

  #isFit(connection: Connection): boolean {
    const { ageMs } = this.#link.pool
    return connection.isOpen && (ageMs === 0 || this.clock.monotonicMs() - connection.openedMs < ageMs)
  }

  /** `makesRoom`: an idle connection may be given up for it. */
  #mayOpen(makesRoom: boolean): boolean {
    const { connectionsMax } = this.#link.pool
    if (connectionsMax === 0 || this.#opening < connectionsMax) return true
    if (!makesRoom) return false
    // Its place may go to someone who has been waiting for it.
    this.#idle.shift()?.close()
    return this.#opening < connectionsMax
  }

  /** Connections that stand, or will soon. */
  get #opening(): number {
    return this.#standing + this.#dialing + this.#warming
  }

  #hand(connection: Connection, exchange: Exchange): void {
    const waited = this.#waiting.get(exchange)
    if (waited !== undefined) {
      this.#waiting.delete(exchange)
      if (waited.deadline !== undefined) this.wheel.disarm(waited.deadline)
    }
    this.#carried += 1
    if (connection.served > 0) this.#reused += 1
    connection.carry(exchange)
  }

  /** To whoever waits longest; true when nothing is left to be done with it. */
  #passOn(connection: Connection): boolean {
    for (const [exchange, { stopDialing }] of this.#waiting) {
      if (exchange.request.fresh !== true || connection.served === 0) {
        this.#hand(connection, exchange)
        return true
      }
      // It waits for a connection that nobody has used, and the place of this one is all that it can get.
      if (stopDialing === undefined) {
        connection.close()
        return true
      }
    }
    return false
  }

  #queue(exchange: Exchange): void {
    const { queueMs } = exchange.request.clocks
    const deadline = new Deadline({
      onDue: () => {
        this.#waiting.delete(exchange)
        exchange.onBroken(transportFailure('queue', 'timeout', `no connection became free within ${queueMs} ms`))
      },
    })
    this.wheel.arm(deadline, queueMs)
    this.#wait(exchange, { stopDialing: undefined, deadline })
  }

  #wait(exchange: Exchange, waiting: Waiting): void {
    this.#waiting.set(exchange, waiting)
    exchange.onLeave = () => {
      this.#waiting.delete(exchange)
      if (waiting.deadline !== undefined) this.wheel.disarm(waiting.deadline)
      waiting.stopDialing?.ask()
      return waiting.stopDialing === undefined ? 'queue' : 'connect'
    }
  }

  /** Whoever waits longest and has no connection on the way gets one, if there may be another. */
  #serveNext(): void {
    for (const [exchange, waiting] of this.#waiting) {
      if (waiting.stopDialing !== undefined) continue
      if (this.#dialing < this.#waiting.size && this.#mayOpen(false)) {
        if (waiting.deadline !== undefined) this.wheel.disarm(waiting.deadline)
        this.#dialFor(exchange)
      }
      return
    }
  }

  #dialFor(exchange: Exchange): void {
    const stop = new Stop()
    this.#wait(exchange, { stopDialing: stop, deadline: undefined })
    void this.#dialNow(exchange, stop)
  }

  /** A new connection goes to the exchange it was opened for, unless that found another one meanwhile. */
  async #dialNow(exchange: Exchange, stop: Stop): Promise<void> {
    const { link, clocks } = exchange.request
    this.#dialing += 1
    const connection = await this.#dial(link, clocks, stop)
    this.#dialing -= 1
    if (isFailure(connection)) {
      if (this.#waiting.delete(exchange)) exchange.onBroken(connection)
      return this.#serveNext()
    }
    this.#stands()
    if (this.#waiting.has(exchange)) this.#hand(connection, exchange)
    else this.released(connection)
  }

  async #warmOne(link: Link, clocks: DialClocks): Promise<void> {
    this.#warming += 1
    const connection = await this.#dial(link, clocks, new Stop())
    this.#warming -= 1
    if (isFailure(connection)) return this.#serveNext()
    this.#stands()
    this.released(connection)
  }

  async #dial(link: Link, clocks: DialClocks, stop: Stop): Promise<Connection | TransportFailure> {
    const connection = new Connection(this)
    const socket = await dial({ url: this.#url, link, clocks, stop }, this.#ports, connection)
    if (isFailure(socket)) return socket
    connection.opened(socket)
    return connection
  }

  #stands(): void {
    this.#standing += 1
    this.#opened += 1
  }
}
