import { loadConfig } from '#config/load.ts'
import { formatProblem } from '#config/problem.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Exchange } from '#core/exchange.ts'
import { Credentials } from '#credential/credentials.ts'
import { isRefusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { Translator } from '#gateway/translator.ts'
import { Roster } from '#kit/roster.ts'
import { Limits } from '#limit/limits.ts'
import { seededRandom } from '#ports/random.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
import { resolveNamed } from '#route/resolve.ts'
import { Figures } from '#route/figures.ts'
import { createApp, type App } from '#server/app.ts'
import { compileSnapshot, planNamesOf, stateKeysOf } from '#snapshot/compile.ts'
import { Holder } from '#snapshot/holder.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { Breakers } from '#upstream/breaker.ts'
import { fakeSecretFiles } from '../support/config.ts'
import type { LogLine } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'
import { behave, breaks, failures, good, oddities, type Asked, type Behaviour } from './behaviour.ts'
import { writeConfig, type Written } from './config.ts'
import { Dice } from './dice.ts'
import { SimClock } from './sim-clock.ts'
import { SimHealth } from './sim-health.ts'
import { SimTransport, type Script, type Visit } from './sim-transport.ts'

/** One request at an upstream: what it was asked, how it behaved, what came of it. */
export interface Call {
  /** Number of the client's request. */
  readonly client: number
  readonly host: string
  readonly version: number
  readonly model: string
  readonly asked: Asked
  /** Text that the request already had the beginning of its answer with. */
  readonly prefix: string
  readonly behaviour: Behaviour
  readonly visit: Visit
}

/** What is not left to chance. */
export interface Setting {
  readonly written?: Written
  /** How each host behaves towards a client. */
  readonly casting?: ((host: string, asked: Asked, client: number) => Behaviour) | undefined
  /** Puts something between the gateway and the outside. */
  readonly outside?: ((ports: OutsidePorts) => OutsidePorts) | undefined
}

export type OutsidePorts = Pick<Gateway, 'transport' | 'log'>

/** Sees to it that what part of its weight a route is given never turns into its opposite. */
class WatchedFigures extends Figures {
  readonly #mishaps: Set<string>

  constructor(mishaps: Set<string>) {
    super()
    this.#mishaps = mishaps
  }

  override takeTurn(...turn: Parameters<Figures['takeTurn']>): void {
    const [, able, , easing] = turn
    for (const candidate of able) {
      const ease = easing?.easeOf(candidate) ?? 1
      if (!(ease > 0 && ease <= 1)) this.#mishaps.add(`I12: ${candidate.id} is given ${ease} of its weight`)
    }
    super.takeTurn(...turn)
  }
}

/** A gateway and everything around it, by one seed. */
export class World {
  readonly dice: Dice
  readonly clock = new SimClock()
  readonly calls: Call[] = []
  readonly settled: Exchange[] = []
  readonly lines: LogLine[] = []
  readonly snapshots: Snapshot[] = []
  readonly transport: SimTransport
  readonly health: SimHealth
  readonly gateway: Gateway
  readonly app: App
  aliases: readonly string[] = []
  /** Requests that the gateway accepted. */
  accepted = 0
  /** When the gateway was told to end what runs. */
  cutMs: number | undefined
  /** From now on every upstream is well. */
  isHealed = false
  readonly #holder: Holder
  /** How often each host fails, and in which ways. */
  readonly #moods = new Map<string, Mood>()
  readonly #hasOneVoice: boolean
  /** Answers are large: somebody has to wait for somebody. */
  readonly #isHeavy: boolean
  readonly #casting: Setting['casting']
  /** What went wrong on the way. */
  readonly mishaps = new Set<string>()
  /** For the story of a failing seed. */
  readonly story: string[] = []

  /** By chance, but for what is given. */
  static async open(seed: number, { written, casting, outside }: Setting = {}): Promise<World> {
    const dice = new Dice(seed)
    const { yaml, aliases } = written ?? writeConfig(dice, 1)
    const world = new World(dice, await snapshotOf(yaml, 1), casting, outside)
    world.tell(yaml)
    world.aliases = aliases
    return world
  }

  private constructor(
    dice: Dice,
    snapshot: Snapshot,
    casting: Setting['casting'],
    outside: Setting['outside'] = (ports) => ports,
  ) {
    this.dice = dice
    this.#casting = casting
    this.#hasOneVoice = dice.chance(0.7)
    this.#isHeavy = dice.chance(0.15)
    this.#holder = new Holder(snapshot)
    this.snapshots.push(snapshot)
    this.health = new SimHealth(dice.between(1, 1_000_000), () => this.clock.monotonicMs())
    this.transport = new SimTransport(this.clock, (request, visit) => this.#scriptFor(request, visit))
    const ports = outside({
      transport: this.transport,
      log: {
        write: (level, event, fields = {}) => void this.lines.push({ level, event, fields }),
        keeps: () => true,
      },
    })
    const wheel = new TimerWheel(this.clock)
    this.gateway = {
      current: () => this.#holder.current(),
      breakers: new Breakers(),
      credentials: new Credentials({ clock: this.clock, files: fakeSecretFiles(), ...ports }),
      health: this.health,
      figures: new WatchedFigures(this.mishaps),
      prefillRefusers: new Set(),
      translator: new Translator(this.clock),
      live: new Roster(),
      sinks: [{ settled: (exchange) => this.#settle(exchange) }],
      clock: this.clock,
      wheel,
      limits: new Limits({ clock: this.clock, wheel }),
      random: seededRandom(dice.between(1, 1_000_000)),
      ids: { requestId: () => idOf((this.accepted += 1)) },
      ...ports,
    }
    this.app = createApp(this.gateway, { version: 'test', isDraining: () => false })
  }

  get snapshot(): Snapshot {
    return this.#holder.current()
  }

  /** The operator writes another configuration. */
  async reload(): Promise<void> {
    const version = this.snapshot.version + 1
    const { yaml, aliases } = writeConfig(this.dice, version)
    const snapshot = await snapshotOf(yaml, version)
    this.tell(`reload\n${yaml}`)
    this.#holder.swap(snapshot)
    this.gateway.breakers.retain(stateKeysOf(snapshot))
    this.gateway.figures.retain(stateKeysOf(snapshot), planNamesOf(snapshot))
    this.snapshots.push(snapshot)
    this.aliases = aliases
  }

  /** The gateway stops: whatever still runs is ended. */
  cutAll(): void {
    this.tell('cut')
    this.cutMs = this.clock.monotonicMs()
    for (const exchange of this.gateway.live) exchange.cut?.cut()
  }

  tell(what: string): void {
    this.story.push(`${this.clock.monotonicMs().toFixed(0).padStart(8)} ${what}`)
  }

  /** Whoever answers says this; all the same, unless they differ from some word on. */
  wordsOf(host: string, client: number): string[] {
    const count = 3 + (client % 5)
    return Array.from({ length: count }, (_, at) => `${this.#hasOneVoice || at < 2 ? 'w' : host}${at} `)
  }

  #settle(exchange: Exchange): void {
    this.settled.push(exchange)
    this.clock.after(0, () => this.#seeProbes())
    this.tell(
      `settled ${exchange.id.slice(-3)} ${exchange.outcome} ${exchange.brokenBy ?? exchange.refusal?.message ?? ''}`,
    )
  }

  /** Whoever tries a route out gives it back; when nobody is on the road, nobody does. */
  #seeProbes(): void {
    if (this.gateway.live.size > 0) return
    const probed = this.routes().filter(({ why }) => why === 'probed')
    for (const { id } of probed) this.mishaps.add(`I5: the probe of ${id} was never given back`)
  }

  /** Every route of the configuration, and why it rests if it does. */
  routes(): RouteState[] {
    const { snapshot, gateway, clock } = this
    return this.aliases.flatMap((alias) => {
      const plan = resolveNamed(snapshot, alias)
      if (isRefusal(plan)) return []
      const candidates = plan.tiers.flatMap((tier) => tier.candidates)
      return candidates.map(({ id, stateKey }) => ({
        id,
        inFlight: gateway.figures.inFlightOf(stateKey),
        why: gateway.breakers.restOf(stateKey, clock.monotonicMs(), plan.breaker, plan.outlier)?.why,
      }))
    })
  }

  #scriptFor(request: OutgoingRequest, visit: Visit): Script {
    const [host = '', version = ''] = request.url.hostname.split('-v')
    const body = JSON.parse(sentBy(request).toString())
    const client = Number(body.client)
    const prefix = prefixIn(body)
    const text = this.wordsOf(host, client).join('')
    const words = (text.startsWith(prefix) ? text.slice(prefix.length) : ` and ${text}`).split(/(?<= )/).filter(Boolean)
    const number = this.calls.length + 1
    const asked: Asked = {
      form: formOf(request.url),
      isStream: body.stream !== false || request.url.pathname.includes(':stream'),
      words: words.length === 0 ? [' '] : words,
      id: `id-${number}`,
    }
    const behaviour = this.#behave(host, asked, client)
    const model = /\/models\/([^:]+)/.exec(request.url.pathname)?.[1] ?? String(body.model)
    this.calls.push({ client, host, version: Number(version), model, asked, prefix, behaviour, visit })
    this.tell(
      `call ${number} of client ${client} at ${host}/${model} v${version}: ${behaviour.name}${prefix === '' ? '' : ' (prefilled)'}`,
    )
    return behaviour.script
  }

  #behave(host: string, asked: Asked, client: number): Behaviour {
    if (this.isHealed) return { name: 'good', isGood: true, script: good(asked, this.dice) }
    if (this.#casting !== undefined) return this.#casting(host, asked, client)
    const mood = this.#moodOf(host)
    if (this.dice.chance(mood.share)) return behave(this.dice.pick(mood.failings), asked, this.dice)
    if (this.#isHeavy) return behave(this.dice.pick(['flood', 'flood', 'halting']), asked, this.dice)
    return behave(this.dice.chance(0.4) ? this.dice.pick(Object.keys(oddities)) : 'good', asked, this.dice)
  }

  #moodOf(host: string): Mood {
    const { dice } = this
    let mood = this.#moods.get(host)
    if (mood === undefined || dice.chance(0.05)) {
      const names = dice.chance(0.4) ? breaks : Object.keys(failures)
      const failings = Array.from({ length: dice.between(1, 8) }, () => dice.pick(names))
      mood = { share: dice.pick([0, 0.3, 0.6, 0.9, 1]), failings }
      this.#moods.set(host, mood)
    }
    return mood
  }
}

/** The id of the n-th request. */
export function idOf(number: number): string {
  return `req_${String(number).padStart(24, '0')}`
}

interface RouteState {
  readonly id: string
  readonly inFlight: number
  readonly why: string | undefined
}

interface Mood {
  readonly share: number
  readonly failings: readonly string[]
}

function formOf({ pathname, search }: URL): StreamForm | undefined {
  if (pathname.includes('/models/')) return search.includes('alt=sse') ? 'gemini_sse' : 'gemini_array'
  return formByEnd.find(([end]) => pathname.endsWith(end))?.[1]
}

const formByEnd: readonly (readonly [string, StreamForm])[] = [
  ['/chat/completions', 'chat'],
  ['/completions', 'completions'],
  ['/responses', 'responses'],
  ['/messages', 'messages'],
  ['/api/chat', 'ndjson'],
]

interface AskedBody {
  readonly prompt?: string
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly contents?: readonly { readonly role: string; readonly parts: readonly { readonly text: string }[] }[]
}

function prefixIn({ prompt, messages, contents }: AskedBody): string {
  if (prompt !== undefined) return prompt.slice('hi'.length)
  const message = messages?.at(-1)
  if (message?.role === 'assistant') return message.content
  const content = contents?.at(-1)
  return content?.role === 'model' ? content.parts.map((part) => part.text).join('') : ''
}

async function snapshotOf(yaml: string, version: number): Promise<Snapshot> {
  const files = { read: async () => await Promise.reject(new Error('no files here')) }
  const loaded = await loadConfig({ file: 'config.yaml', text: yaml, env: {}, files })
  const { config } = loaded
  if (config === undefined) throw new Error(`${yaml}\n${loaded.problems.map(formatProblem).join('\n')}`)
  const { snapshot, problems } = compileSnapshot(config, {
    version,
    digest: loaded.digest,
    file: 'config.yaml',
    offBackends: new Set(),
    secrets: [],
  })
  if (snapshot === undefined) throw new Error(`${yaml}\n${problems.map((problem) => problem.message).join('\n')}`)
  return snapshot
}
