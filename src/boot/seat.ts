import type { SharedFact } from '#core/shared.ts'
import type { WorkerPlace } from '#core/status.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Reading } from '#telemetry/metric.ts'
import {
  messageVersion,
  seatVariable,
  isToWorker,
  type FromWorker,
  type Ports,
  type SeatFacts,
  type ToWorker,
  type Versioned,
} from './worker-messages.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Undefined for a process that nobody of ours started, whatever its environment says. */
export function takeSeat(env: Environment): Seat | undefined {
  const text = env[seatVariable]
  if (text === undefined || process.send === undefined) return undefined
  const facts = factsOf(text)
  return facts === undefined ? undefined : new Seat(facts)
}

function factsOf(text: string): SeatFacts | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- who started us wrote it
    const facts = JSON.parse(text) as Partial<SeatFacts> | null
    const isWhole = typeof facts?.number === 'number' && typeof facts.of === 'number'
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rest came with it
    return isWhole ? (facts as SeatFacts) : undefined
  } catch {
    return undefined
  }
}

/** One process among several that serve a port, as it sees itself. */
export class Seat {
  readonly facts: SeatFacts
  /** All of them stop. */
  areAllStopping = false
  #onFacts: ((facts: readonly SharedFact[]) => void) | undefined
  #onLead: (() => void) | undefined
  #leads = false
  #onSource: ((source: string | undefined) => void) | undefined
  #countsOwn: (() => Promise<Reading>) | undefined
  readonly #asked = new Map<number, (reading: Reading) => void>()
  #rounds = 0
  readonly #signals = new Signals()

  constructor(facts: SeatFacts) {
    this.facts = facts
    process.on('message', (message) => {
      if (isToWorker(message)) this.#take(message)
    })
    // Whoever started it is gone, and nobody would ever stop it.
    process.on('disconnect', () => {
      this.areAllStopping = true
      this.#signals.came('SIGTERM', 'loss')
    })
  }

  get place(): WorkerPlace {
    return { number: this.facts.number, of: this.facts.of }
  }

  /** A log for what all of them do at the same time: one of them tells it. */
  once(log: Log): Log {
    return {
      keeps: (level) => log.keeps(level),
      write: (level, event, fields) => {
        if (this.#leads) log.write(level, event, fields)
      },
    }
  }

  /** Is told what the others learn, from {@link ready} on. */
  onFacts(callback: (facts: readonly SharedFact[]) => void): void {
    this.#onFacts = callback
  }

  /** It listens. */
  ready(ports: Ports, address: string): void {
    this.#send({ kind: 'ready', ports, address })
  }

  /** A person asked it for a reload; the others are to do the same. */
  reloads(): void {
    this.#send({ kind: 'reload' })
  }

  /** It serves with this configuration. */
  keeps(source: string, drainMs: number): void {
    this.#send({ kind: 'keeps', source, drainMs })
  }

  /** What the others serve with; undefined: nobody tells. */
  async lastGood(clock: Clock): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    this.#onSource = resolve
    this.#send({ kind: 'lacks' })
    const enough = new AbortController()
    const waited = clock.sleep(sourceMsMax, enough.signal)
    try {
      return await Promise.race([promise, waited.then(() => undefined)])
    } finally {
      enough.abort()
    }
  }

  /** It takes nothing new; somebody else checks for all. */
  leaving(): void {
    this.#send({ kind: 'leaving' })
  }

  /** Calls back when it is to check for all, at once if it is so already. */
  onLead(callback: () => void): void {
    this.#onLead = callback
    if (this.#leads) callback()
  }

  /** Tells what this process counted, whenever somebody asks any of them. */
  onMetricsAsked(own: () => Promise<Reading>): void {
    this.#countsOwn = own
  }

  /** What all of them counted; its own, when nobody tells. */
  async metricsOfAll(own: Reading, clock: Clock): Promise<Reading> {
    const { promise, resolve } = Promise.withResolvers<Reading>()
    this.#rounds += 1
    const round = this.#rounds
    this.#asked.set(round, resolve)
    const enough = new AbortController()
    const waited = clock.sleep(metricsMsMax, enough.signal)
    this.#send({ kind: 'metrics_wanted', round, reading: own })
    try {
      return await Promise.race([promise, waited.then(() => own)])
    } finally {
      enough.abort()
      this.#asked.delete(round)
    }
  }

  /** What it counted must outlive it. */
  lastMetrics(reading: Reading): void {
    this.#send({ kind: 'metrics', reading })
  }

  readonly tell = (facts: readonly SharedFact[]): void => this.#send({ kind: 'facts', facts })

  /** In place of the process's own signals: an order that reaches it twice, from a terminal say and from its starter, is one. */
  signalsOver(own: { readonly onSignal: OnSignal }): OnSignal {
    return (signals, handler) => {
      const stopHearing = this.#signals.hear(signals, handler)
      const stopListening = own.onSignal(signals, (name) => this.#signals.came(name, 'system'))
      return () => {
        stopHearing()
        stopListening()
      }
    }
  }

  #take(message: ToWorker): void {
    switch (message.kind) {
      case 'facts':
        this.#onFacts?.(message.facts)
        return this.#send({ kind: 'took' })
      case 'source':
        return this.#onSource?.(message.source)
      case 'metrics_asked':
        return void this.#tellMetrics(message.round)
      case 'metrics':
        return this.#asked.get(message.round)?.(message.reading)
      case 'lead':
        this.#leads = true
        return this.#onLead?.()
      case 'signal':
        if (message.name !== 'SIGHUP') this.areAllStopping = true
        return this.#signals.came(message.name, 'message')
    }
  }

  async #tellMetrics(round: number): Promise<void> {
    const reading = await this.#countsOwn?.()
    if (reading !== undefined) this.#send({ kind: 'metrics', round, reading })
  }

  #send(message: FromWorker): void {
    if (!process.connected) return
    const versioned: Versioned<FromWorker> = { ...message, version: messageVersion }
    process.send?.(versioned)
  }
}

type OnSignal = (signals: readonly NodeJS.Signals[], handler: (signal: NodeJS.Signals) => void) => () => void

/** Limit: milliseconds until whoever started it has answered. */
const sourceMsMax = 5000

/** Limit: milliseconds until it has told what all of them counted. */
const metricsMsMax = 2000

type Way = 'system' | 'message' | 'loss'

/** Counts orders by the way they come. */
class Signals {
  readonly #heard: { readonly signals: readonly NodeJS.Signals[]; readonly handler: (name: NodeJS.Signals) => void }[] =
    []
  readonly #counts: Record<Way, number> = { system: 0, message: 0, loss: 0 }
  #told = 0

  hear(signals: readonly NodeJS.Signals[], handler: (name: NodeJS.Signals) => void): () => void {
    const entry = { signals, handler }
    this.#heard.push(entry)
    return () => void this.#heard.splice(this.#heard.indexOf(entry), 1)
  }

  came(name: NodeJS.Signals, way: Way): void {
    if (name !== 'SIGHUP') {
      this.#counts[way] += 1
      if (this.#counts[way] <= this.#told) return
      this.#told = this.#counts[way]
    }
    for (const { signals, handler } of this.#heard) if (signals.includes(name)) handler(name)
  }
}
