import type { SharedFact } from '#core/shared.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { BootOnly } from '#snapshot/diff.ts'
import { FactBag, factsMax } from './fact-bag.ts'
import { FactMemory } from './fact-memory.ts'
import { MetricsBook } from './metrics-book.ts'
import type { FromWorker, Ports, SeatFacts, ToWorker } from './worker-messages.ts'

/** A process that was started. */
export interface WorkerProcess {
  readonly pid: number
  send(message: ToWorker): void
  kill(signal: NodeJS.Signals): void
  /** How it ended: its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>
}

/** What the configuration says, as it was read at the start. */
export interface WorkersPlan {
  readonly count: number
  /** What all of them hold to. */
  readonly kept: BootOnly
  /** How long a stop may take; who serves says so anew after each reload. */
  readonly drainMs: number
  /** Ids whose owner is remembered. */
  readonly ownersMax: number
}

export interface WorkersPorts {
  readonly spawn: (seat: SeatFacts, heard: (message: FromWorker) => void) => WorkerProcess
  readonly clock: Clock
  readonly log: Log
}

/**
 * Several processes that serve one port. Starts them, starts another one where one ends, passes signals on, and carries
 * what one of them learned to the others; serves nothing itself.
 */
export class Workers {
  readonly #plan: WorkersPlan
  readonly #ports: WorkersPorts
  readonly #seats: Seat[]
  readonly #memory: FactMemory
  readonly #metrics: MetricsBook
  readonly #over = Promise.withResolvers<number>()
  #where: Ports | undefined
  #leader: Seat | undefined
  #hasStarted = false
  #orders = 0
  #drainMs: number
  /** The configuration that was taken last. */
  #source: string | undefined
  #cancelKill: (() => void) | undefined

  constructor(plan: WorkersPlan, ports: WorkersPorts) {
    this.#plan = plan
    this.#ports = ports
    this.#drainMs = plan.drainMs
    this.#memory = new FactMemory(ports.clock, plan.ownersMax)
    this.#seats = Array.from({ length: plan.count }, (_, index) => new Seat(index + 1))
    this.#metrics = new MetricsBook({
      clock: ports.clock,
      ask: (seat, round) => this.#seats[seat - 1]?.process?.send({ kind: 'metrics_asked', round }),
      answer: (seat, round, reading) => this.#seats[seat - 1]?.process?.send({ kind: 'metrics', round, reading }),
    })
  }

  /** Resolves with the exit code when all of them are gone. */
  async run(): Promise<number> {
    const [first] = this.#seats
    if (first !== undefined && !this.#isStopping) this.#start(first)
    try {
      return await this.#over.promise
    } finally {
      this.#cancelKill?.()
    }
  }

  /** A first order to stop lets them finish, a second one hurries them, a third one does not ask them any more. */
  signal(name: NodeJS.Signals): void {
    const isOrderToStop = name !== 'SIGHUP'
    if (isOrderToStop) this.#orders += 1
    for (const seat of this.#seats) {
      if (isOrderToStop) seat.cancelRestart?.()
      if (this.#orders > 2) seat.process?.kill('SIGKILL')
      else seat.process?.send({ kind: 'signal', name })
    }
    if (!isOrderToStop) return
    this.#cancelKill ??= this.#ports.clock.after(this.#drainMs + overdueMs, () => this.#killRest())
    this.#endWhenEmpty()
  }

  /** Whoever is frozen neither drains nor hurries. */
  #killRest(): void {
    for (const { number, process } of this.#seats) {
      if (process === undefined) continue
      this.#ports.log.write('warn', 'worker_killed', { worker: number, pid: process.pid })
      process.kill('SIGKILL')
    }
  }

  get #isStopping(): boolean {
    return this.#orders > 0
  }

  #start(seat: Seat): void {
    const { spawn, clock } = this.#ports
    const { number } = seat
    const { count: of, kept } = this.#plan
    const facts: SeatFacts = { number, of, isFirst: !this.#hasStarted, ports: this.#where, kept }
    const process = spawn(facts, (message) => {
      if (seat.process === process) this.#heard(seat, message)
    })
    seat.process = process
    seat.startedMs = clock.monotonicMs()
    void this.#awaitEnd(seat, process)
  }

  #heard(seat: Seat, message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        return this.#becameReady(seat, message)
      case 'leaving':
        seat.isReady = false
        return this.#appoint()
      case 'reload':
        for (const other of this.#seats) if (other !== seat) other.process?.send({ kind: 'signal', name: 'SIGHUP' })
        return
      case 'took':
        seat.isTaking = false
        return this.#pass(seat)
      case 'keeps':
        this.#source = message.source
        this.#drainMs = message.drainMs
        return
      case 'lacks':
        return seat.process?.send({ kind: 'source', source: this.#source })
      case 'metrics_wanted': {
        const others = this.#seats.filter((other) => other !== seat && other.process !== undefined && other.isReady)
        const numbers = others.map(({ number }) => number)
        return this.#metrics.wanted(seat.number, message.round, message.reading, numbers)
      }
      case 'metrics':
        return this.#metrics.told(seat.number, message.round, message.reading)
      case 'facts':
        for (const fact of message.facts) {
          this.#memory.add(fact)
          for (const other of this.#seats) if (other !== seat && other.isReady) other.bag.add(fact)
        }
        for (const other of this.#seats) this.#pass(other)
    }
  }

  #becameReady(seat: Seat, { ports, address }: Extract<FromWorker, { kind: 'ready' }>): void {
    const { log } = this.#ports
    seat.isReady = true
    this.#where ??= ports
    if (this.#isStopping) return
    log.write('info', 'worker_started', { worker: seat.number, of: this.#plan.count, pid: seat.process?.pid, address })
    if (!this.#hasStarted) {
      this.#hasStarted = true
      for (const other of this.#seats) if (other !== seat) this.#start(other)
    }
    seat.before = this.#memory.all()
    this.#pass(seat)
    this.#appoint()
  }

  /** One message at a time: what comes meanwhile waits in the bag, which has a limit. */
  #pass(seat: Seat): void {
    if (!seat.isReady || seat.isTaking) return
    const facts = seat.next()
    if (facts.length === 0) return
    seat.isTaking = true
    seat.process?.send({ kind: 'facts', facts })
  }

  /** One of them does for all what needs to be done once. */
  #appoint(): void {
    if (this.#leader?.isReady === true) return
    this.#leader = this.#seats.find(({ isReady }) => isReady)
    this.#leader?.process?.send({ kind: 'lead' })
  }

  async #awaitEnd(seat: Seat, process: WorkerProcess): Promise<void> {
    const how = await process.exited
    const { clock, log } = this.#ports
    const livedMs = clock.monotonicMs() - seat.startedMs
    seat.ended()
    this.#metrics.ended(seat.number)
    if (!this.#hasStarted) {
      // What is wrong was told by itself, and would be wrong again.
      this.#over.resolve(this.#isStopping ? 0 : typeof how === 'number' && how !== 0 ? how : 1)
      return
    }
    if (this.#isStopping) return this.#endWhenEmpty()
    this.#appoint()
    seat.restartMs =
      livedMs > settledMs ? restartMsMin : Math.min(Math.max(restartMsMin, seat.restartMs * 2), restartMsMax)
    const { number, restartMs } = seat
    // Somebody told that one alone to stop.
    log.write(how === 0 ? 'warn' : 'error', 'worker_ended', { worker: number, how: String(how), restartMs })
    seat.cancelRestart = clock.after(restartMs, () => this.#start(seat))
  }

  #endWhenEmpty(): void {
    if (this.#seats.every(({ process }) => process === undefined)) this.#over.resolve(0)
  }
}

/** Milliseconds before one that ended is started anew: the first pause, and the longest. */
const restartMsMin = 100
const restartMsMax = 10_000

/** How much longer than the drain a stop may take. */
const overdueMs = 3000

/** Who lived so long did not fail at its start. */
const settledMs = 60_000

/** The place of one worker; those who take it come and go. */
class Seat {
  readonly number: number
  readonly bag = new FactBag()
  /** What was learned before it came and it has not been told yet. */
  before: Generator<SharedFact> | undefined
  process: WorkerProcess | undefined
  startedMs = 0
  isReady = false
  isTaking = false
  restartMs = 0
  cancelRestart: (() => void) | undefined

  constructor(number: number) {
    this.number = number
  }

  /** What goes into one message. What was learned before is at least as new as what waits: it is looked up only now. */
  next(): readonly SharedFact[] {
    const facts = this.bag.take()
    while (this.before !== undefined && facts.length < factsMax) {
      const { done, value } = this.before.next()
      if (done === true) this.before = undefined
      else facts.push(value)
    }
    return facts
  }

  ended(): void {
    this.process = undefined
    this.isReady = false
    this.isTaking = false
    this.before = undefined
    this.bag.clear()
  }
}
