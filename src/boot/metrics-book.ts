import type { Clock } from '#ports/clock.ts'
import type { Reading } from '#telemetry/metric.ts'
import { combined, lasting, readingOf } from '#telemetry/reading.ts'

export interface BookPorts {
  readonly clock: Clock
  /** Asks one of the processes what it counted. */
  ask(seat: number, round: number): void
  /** Tells one of them what all counted. */
  answer(seat: number, round: number, reading: Reading): void
}

interface Round {
  readonly asker: number
  /** As the asker calls it. */
  readonly askersRound: number
  readonly missing: Set<number>
  readonly cancel: () => void
}

/**
 * What several processes counted, as one. Who ended is counted on: numbers that only grow must never shrink, or whoever
 * reads them takes all of them for new. Who does not answer in time counts with what it told last.
 */
export class MetricsBook {
  readonly #ports: BookPorts
  readonly #last = new Map<number, Reading>()
  readonly #rounds = new Map<number, Round>()
  #gone: Reading = {}
  #count = 0

  constructor(ports: BookPorts) {
    this.#ports = ports
  }

  /** One of them wants to know what all of them counted, and tells its own. */
  wanted(asker: number, askersRound: number, own: unknown, others: readonly number[]): void {
    this.#keep(asker, own)
    if (others.length === 0 || this.#rounds.size >= roundsMax) {
      return this.#ports.answer(asker, askersRound, this.#whole())
    }
    this.#count += 1
    const number = this.#count
    const cancel = this.#ports.clock.after(answerMsMax, () => this.#close(number))
    this.#rounds.set(number, { asker, askersRound, missing: new Set(others), cancel })
    for (const other of others) this.#ports.ask(other, number)
  }

  /** One of them told what it counted; without a round it did so by itself. */
  told(seat: number, round: number | undefined, reading: unknown): void {
    this.#keep(seat, reading)
    const open = round === undefined ? undefined : this.#rounds.get(round)
    if (round === undefined || open === undefined) return
    open.missing.delete(seat)
    if (open.missing.size === 0) this.#close(round)
  }

  /** The process of this seat is gone; another one may take it. */
  ended(seat: number): void {
    const last = this.#last.get(seat)
    this.#last.delete(seat)
    if (last !== undefined) this.#gone = combined([this.#gone, lasting(last)])
    for (const [number, { missing }] of this.#rounds) {
      if (missing.delete(seat) && missing.size === 0) this.#close(number)
    }
  }

  #keep(seat: number, told: unknown): void {
    const reading = readingOf(told)
    if (reading !== undefined) this.#last.set(seat, reading)
  }

  #close(number: number): void {
    const round = this.#rounds.get(number)
    if (round === undefined) return
    this.#rounds.delete(number)
    round.cancel()
    this.#ports.answer(round.asker, round.askersRound, this.#whole())
  }

  #whole(): Reading {
    return combined([...this.#last.values(), this.#gone])
  }
}

/** Limit: milliseconds that are waited for a process. */
const answerMsMax = 500

/** Limit: questions at a time; beyond it they are answered by what was told last. */
const roundsMax = 16
