import { describe, expect, test } from 'bun:test'
import { isRefusal } from '#core/refusal.ts'
import type { BodySink, IncomingBody, Transport, TransportFailure } from '#ports/transport.ts'
import { resolveNamed } from '#route/resolve.ts'
import { behave } from './behaviour.ts'
import { Client, type Wish } from './client.ts'
import { Dice } from './dice.ts'
import { longestLimitMs, run } from './simulation.ts'
import { hear } from './speech.ts'
import { World, type OutsidePorts } from './world.ts'

/** How an outside call fails: as its port says that it may, or by an error that nobody expects of it. */
type Way = 'breaks' | 'throws'

/** Counts the calls to the outside, and makes one of them fail. */
class Saboteur {
  #calls = 0
  /** The call that failed. */
  struck: string | undefined
  readonly way: Way
  readonly #strikeAt: number

  constructor(way: Way, strikeAt: number) {
    this.way = way
    this.#strikeAt = strikeAt
  }

  /** Bodies and the log never throw. */
  get mayBreak(): boolean {
    return this.way === 'breaks'
  }

  /** True when this call is to break; throws when it is to throw. */
  strikes(what: string): boolean {
    this.#calls += 1
    if (this.#calls !== this.#strikeAt) return false
    this.struck = what
    if (this.way === 'throws') throw new Error(`${what} fell over`)
    return true
  }

  readonly outside = ({ transport, log }: OutsidePorts): OutsidePorts => ({
    transport: this.#through(transport),
    log: {
      keeps: (level) => log.keeps(level),
      write: (level, event, fields) => {
        // A line that cannot be written is lost, which is no failure that anybody is told.
        if (!this.mayBreak || !this.strikes(`log ${event}`)) log.write(level, event, fields)
      },
    },
  })

  #through(transport: Transport): Transport {
    return {
      send: async (request) => {
        if (this.strikes('send')) return broken('connect')
        const outcome = await transport.send(request)
        if (outcome.kind === 'transport_failure') return outcome
        return {
          ...outcome,
          body: outcome.body.whole === undefined ? new WatchedBody(outcome.body, this) : outcome.body,
        }
      },
    }
  }
}

class WatchedBody implements IncomingBody {
  readonly whole = undefined
  readonly #body: IncomingBody
  readonly #saboteur: Saboteur

  constructor(body: IncomingBody, saboteur: Saboteur) {
    this.#body = body
    this.#saboteur = saboteur
  }

  async read(): ReturnType<IncomingBody['read']> {
    if (!this.#saboteur.mayBreak || !this.#saboteur.strikes('read')) return await this.#body.read()
    this.#body.cancel()
    return broken('body')
  }

  flow(sink: BodySink): void {
    if (!this.#saboteur.mayBreak || !this.#saboteur.strikes('flow')) return this.#body.flow(sink)
    this.#body.cancel()
    sink.onBreak(broken('body'))
  }

  pause(): void {
    this.#body.pause()
  }

  resume(): void {
    this.#body.resume()
  }

  cancel(): void {
    this.#body.cancel()
  }
}

function broken(phase: 'connect' | 'body'): TransportFailure {
  return { kind: 'transport_failure', phase, cause: 'reset', message: 'it broke' }
}

const yaml = (more: string): string => `
backends:
  - { name: b0, url: "http://b0-v1/v1", protocol: any, prefill: plain }
  - { name: b1, url: "http://b1-v1/v1", protocol: any, prefill: plain }
models:
  m0:
    routes: [{ backend: b0, model: u0, priority: 1 }, { backend: b1, model: u0, priority: 2 }]
circuit_breaker: { failure_threshold: 1, open_timeout: 5s }
${more}`

const wish: Wish = {
  number: 1,
  form: 'chat',
  isStream: true,
  alias: 'm0',
  askMs: 0,
  reads: 'all',
  leavesAfterMs: undefined,
  leaving: { first: 'signal', gapMs: 0 },
  uploadMs: 0,
}

/** A request's whole life, by what its two upstreams do. */
const lives = [
  { name: 'a stream', first: 'good', second: 'good', more: '' },
  { name: 'an answer that is no stream', first: 'good', second: 'good', more: '', isStream: false },
  { name: 'a stream of another route', first: 'first_event_is_error', second: 'paced', more: '' },
  { name: 'an error answer', first: 'status', second: 'request_status', more: '' },
  { name: 'a stream after signs of life', first: 'thinks', second: 'good', more: 'streaming: { heartbeat: 100ms }' },
  { name: 'a stream that breaks', first: 'cut', second: 'good', more: '' },
  { name: 'a stream that is rescued', first: 'cut', second: 'good', more: 'streaming: { rescue: match_then_prefill }' },
  { name: 'a stream that is held', first: 'no_marker', second: 'good', more: 'streaming: { hold: true }' },
  { name: 'a stream that its client leaves', first: 'paced', second: 'good', more: '', leavesAfterMs: 1200 },
]

describe.each(lives)('F103: $name, and each of its outside calls fails once', ({ first, second, more, ...own }) => {
  test.each<Way>(['breaks', 'throws'])('an outside call that %s leaves nothing behind', async (way) => {
    for (let strikeAt = 1; ; strikeAt += 1) {
      expect(strikeAt).toBeLessThan(200)
      const saboteur = new Saboteur(way, strikeAt)
      const world = await World.open(1, {
        written: { yaml: yaml(more), aliases: ['m0'] },
        casting: (host, asked) => behave(host === 'b0' ? first : second, asked, new Dice(strikeAt)),
        outside: saboteur.outside,
      })
      const client = new Client(world, { ...wish, ...own })
      const problems = await run(world, [client])
      const { struck } = saboteur
      const at = `call ${strikeAt}, ${struck ?? 'none'}`
      expect([at, problems]).toEqual([at, []])
      expect([at, world.settled.length, world.gateway.live.size]).toEqual([at, 1, 0])
      expect([at, world.transport.open.size]).toEqual([at, 0])
      expect([at, isTrue(client)]).toEqual([at, true])
      expect([at, ...restsOf(world)]).not.toContain('probed')
      await world.clock.pass(longestLimitMs)
      expect([at, world.clock.pending]).toEqual([at, 0])
      if (struck === undefined) return
    }
  })
})

/** Why each route rests that does. */
function restsOf({ snapshot, gateway, clock }: World): (string | undefined)[] {
  const plan = resolveNamed(snapshot, 'm0')
  if (isRefusal(plan)) return []
  const candidates = plan.tiers.flatMap((tier) => tier.candidates)
  return candidates.map(({ stateKey }) => gateway.breakers.restOf(stateKey, clock.monotonicMs(), plan.breaker)?.why)
}

/** What looks like a whole answer is one. */
function isTrue({ ended, status, wish: { isStream }, body }: Client): boolean {
  if (ended !== 'clean' || status !== 200) return ended !== undefined
  if (!isStream) return body.toString().includes('finish_reason')
  const { finishes, errors } = hear('chat', body)
  return finishes === 1 || errors > 0
}
