import type { Plan } from '#core/plan.ts'
import type { Attempt, Exchange } from '#core/exchange.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { isRefusal } from '#core/refusal.ts'
import { resolveNamed } from '#route/resolve.ts'
import { stateKeysOf } from '#snapshot/compile.ts'
import { keepAlive } from '#wire/keep-alive.ts'
import { canary } from './behaviour.ts'
import type { Client } from './client.ts'
import { hear } from './speech.ts'
import type { Call, World } from './world.ts'

/** What holds after every run, whatever happened in it. Gives what does not, in words. */
export function brokenPromises(world: World, clients: readonly Client[]): string[] {
  const problems: string[] = []
  const settledById = Map.groupBy(world.settled, ({ id }) => id)
  const callsByClient = Map.groupBy(world.calls, ({ client }) => client)
  for (const client of clients) {
    const { number } = client.wish
    const say = (what: string): void => void problems.push(`client ${number}: ${what}`)
    const exchange = settledOnce(settledById.get(client.id ?? '') ?? [], client, say)
    if (exchange === undefined) continue
    new Story(world, client, exchange, callsByClient.get(number) ?? [], say).check()
  }
  checkRest(world, clients, problems)
  return problems
}

type Say = (what: string) => void

/** I1, I7: every request that was accepted is told once. */
function settledOnce(told: readonly Exchange[], { id, headers }: Client, say: Say): Exchange | undefined {
  if (told.length !== 1) say(`I1: its request ${id} was settled ${told.length} times`)
  const shown = headers?.get('x-request-id')
  if (shown !== undefined && shown !== id) say(`I7: its answer has the id ${shown}, not ${id}`)
  return told[0]
}

/** I5, I9, I11: what must be left when nobody wants anything any more. */
function checkRest(world: World, clients: readonly Client[], problems: string[]): void {
  const { gateway, transport, settled, snapshot } = world
  const expect = (what: string, isSo: boolean): void => void (isSo || problems.push(what))
  expect(`I1: ${clients.length} requests, ${settled.length} settled`, settled.length === clients.length)
  expect(`I5: ${gateway.live.size} exchanges are still live`, gateway.live.size === 0)
  expect(`I5: ${transport.open.size} upstream exchanges are left open`, transport.open.size === 0)
  problems.push(...world.mishaps)
  for (const { id, inFlight } of world.routes()) expect(`I5: ${id} still has ${inFlight} in flight`, inFlight === 0)
  const keys = stateKeysOf(snapshot)
  expect(`I11: ${gateway.breakers.size} routes are remembered, of ${keys.size}`, gateway.breakers.size <= keys.size)
  const { outliers } = gateway.breakers
  expect(`I11: outliers among ${outliers.size} routes, of ${keys.size}`, outliers.size <= keys.size)
  const hasTold = world.lines.some(({ fields }) =>
    Object.values(fields).some((field) => String(field).includes(canary)),
  )
  expect('I9: the log holds a secret', !hasTold)
  const bugs = world.lines.filter(({ event }) => event === 'internal_error')
  for (const { fields } of bugs)
    problems.push(`a failure of our own: ${String(fields['reason'])} ${String(fields['stack'])}`)
}

/** One request from its client's side, the gateway's account of it and what its upstreams saw. */
class Story {
  readonly #world: World
  readonly #client: Client
  readonly #exchange: Exchange
  readonly #calls: readonly Call[]
  readonly #say: Say
  readonly #plan: Plan | undefined

  constructor(world: World, client: Client, exchange: Exchange, calls: readonly Call[], say: Say) {
    this.#world = world
    this.#client = client
    this.#exchange = exchange
    this.#calls = calls
    this.#say = say
    const snapshot = world.snapshots[exchange.configVersion - 1]
    const plan = snapshot === undefined ? undefined : resolveNamed(snapshot, client.wish.alias)
    this.#plan = plan === undefined || isRefusal(plan) ? undefined : plan
  }

  check(): void {
    this.#checkAttempts()
    this.#checkSecrets()
    this.#checkLeaving()
    if (this.#plan === undefined) return
    this.#checkLimits(this.#plan)
    this.#checkStalling(this.#plan)
    this.#checkRequestsFault()
    this.#checkUntried(this.#plan)
    this.#checkLeftOut(this.#plan)
    this.#checkUnwell(this.#plan)
    this.#checkBytes(this.#plan)
  }

  get #stays(): boolean {
    return this.#client.wish.reads !== 'never' && this.#client.leftMs === undefined
  }

  /** A reset takes with it what a slow client had not read yet. */
  get #gotAll(): boolean {
    return this.#stays && (this.#client.wish.reads === 'all' || this.#client.ended === 'clean')
  }

  /** I8, and the account of the attempts is what the upstreams saw. */
  #checkAttempts(): void {
    const { attempts, configVersion } = this.#exchange
    const seen = this.#calls.map(({ host, model }) => `${host}/${model}`)
    const told = attempts.flatMap(({ backend, model, isRepeated }) =>
      isRepeated === true ? [`${backend}/${model}`, `${backend}/${model}`] : [`${backend}/${model}`],
    )
    if (seen.join() !== told.join()) this.#say(`its attempts are told as ${told.join()}, but were ${seen.join()}`)
    const strange = this.#calls.find(({ version }) => version !== configVersion)
    if (strange !== undefined) this.#say(`I8: it is of version ${configVersion}, but asked one of ${strange.version}`)
  }

  /** I3, I4. */
  #checkLimits(plan: Plan): void {
    const { attempts, firstByteMs } = this.#exchange
    // One turn of a rescue may ask the same route in two ways.
    const turns = attempts.filter(({ rescue }, at) => rescue !== 'prefill' || attempts[at - 1]?.rescue !== 'match')
    if (turns.length > plan.attemptsMax) this.#say(`I4: ${turns.length} attempts, ${plan.attemptsMax} are allowed`)
    for (const [at, { rescue, startedMs }] of attempts.entries()) {
      const isAfterContent = firstByteMs !== undefined && startedMs > firstByteMs
      if (isAfterContent && rescue === undefined) this.#say(`I3: attempt ${at + 1} was made after the first content`)
      if (rescue !== undefined && plan.streaming.rescue === 'off') this.#say('I3: a rescue, although it is off')
    }
    const perRoute = new Map<string, number>()
    for (const { backend, model, rescue } of attempts) {
      if (rescue !== undefined) continue
      const route = `${backend}/${model}`
      perRoute.set(route, (perRoute.get(route) ?? 0) + 1)
    }
    const places = candidatesOf(plan).map(({ id }) => id)
    for (const [route, count] of perRoute) {
      // A wait for resting routes starts from the first one again.
      if (plan.whenAllCooling !== 'refuse') continue
      const allowed = places.filter((place) => place === route).length * (1 + plan.retry.retriesMax)
      if (count > allowed) this.#say(`I4: ${route} was asked ${count} times, ${allowed} are allowed`)
    }
  }

  /** What two backends call the request's own fault is not asked of a third. */
  #checkRequestsFault(): void {
    const own = this.#exchange.attempts.map(({ failure, backend }) => ({
      backend,
      status: failure?.side === 'upstream' && !failure.cools ? failure.status : undefined,
    }))
    const second = own.findIndex(
      ({ status, backend }, at) =>
        requestBound.has(status ?? 0) &&
        own.slice(0, at).some((other) => other.status === status && other.backend !== backend),
    )
    if (second !== -1 && second < own.length - 1) this.#say('I4: two backends refused it alike, and a third was asked')
  }

  /** Nobody is told "no" while a route was not tried that might have said yes. */
  #checkUntried(plan: Plan): void {
    const { outcome, attempts, skips = [], refusal, startedMs, endedMs = 0 } = this.#exchange
    if (outcome !== 'failed' && outcome !== 'refused') return
    if (refusal?.code === 'shutting_down' || attempts.length >= plan.attemptsMax) return
    if (plan.deadlineMs > 0 && endedMs - startedMs >= plan.deadlineMs) return
    const isFinal = attempts.some(({ failure }) => failure?.tryNext === false)
    const statuses = attempts.map(({ failure, backend }) => ({
      status: failure?.status,
      cools: failure?.cools,
      backend,
    }))
    const isRequests = statuses.some(
      (one) =>
        requestBound.has(one.status ?? 0) &&
        statuses.some((other) => other.status === one.status && other.backend !== one.backend),
    )
    if (isFinal || isRequests) return
    // Its status was told already when an answer came that was not what had been promised.
    if (attempts.at(-1)?.failure === undefined && attempts.length > 0) return
    for (const { backend, model } of candidatesOf(plan)) {
      const isKnown = (one: { readonly backend: string; readonly model: string }): boolean =>
        one.backend === backend.name && one.model === model
      if (!attempts.some(isKnown) && !skips.some(isKnown)) {
        this.#say(`it failed (${refusal?.message}), and ${backend.name}/${model} was not even tried`)
      }
    }
  }

  /** C109: circuits and ejections never take all of several routes of an alias, unless the operator lets them. */
  #checkLeftOut({ tiers, breaker, outlier }: Plan): void {
    const { attempts, refusal, skips = [] } = this.#exchange
    if (refusal?.code !== 'no_backend_available' || attempts.length > 0 || breaker?.outPercentMax === 100) return
    if (!skips.every(({ reason }) => /circuit|siblings/.test(reason))) return
    const routes = Map.groupBy(
      tiers.flatMap(({ alias, candidates }) => candidates.map(({ stateKey }) => ({ alias, stateKey }))),
      ({ alias }) => alias,
    )
    for (const [alias, own] of routes) {
      const count = new Set(own.map(({ stateKey }) => stateKey)).size
      if (count > 1)
        this.#say(`C109: all ${count} routes of ${alias} are out: ${skips.map((skip) => skip.reason).join()}`)
      if (count === 1 && breaker === undefined) this.#say(`C109: the only route of ${alias} is ejected`)
    }
    if (outlier === undefined && breaker === undefined)
      this.#say('C109: routes are out, although nothing takes them out')
  }

  /** D37: who fails health checks is asked when nobody else can be, or never, as the operator says. */
  #checkUnwell({ failsOpen, tiers }: Plan): void {
    const { attempts, skips = [], refusal } = this.#exchange
    const checked = new Set(
      tiers.flatMap(({ candidates }) =>
        candidates.flatMap(({ backend: { name, health } }) => (health === undefined ? [] : [name])),
      ),
    )
    const isRefused = refusal?.code === 'no_backend_available' && attempts.length === 0
    if (failsOpen && isRefused && skips.some(({ reason }) => reason.includes('health checks'))) {
      this.#say('D37: it was refused, although a backend could be asked that only failed its checks')
    }
    if (failsOpen) return
    for (const [at, { backend, model, startedMs }] of attempts.entries()) {
      const before = attempts[at - 1]
      const isRetry = before?.backend === backend && before.model === model
      if (isRetry || !checked.has(backend) || !this.#world.health.isDownAt(backend, startedMs)) continue
      this.#say(`D37: ${backend} was asked at ${startedMs}, while its health checks failed`)
    }
  }

  /** I9. */
  #checkSecrets(): void {
    const { body, headers } = this.#client
    if (body.includes(canary)) this.#say('I9: its answer holds a secret')
    if (JSON.stringify([...(headers ?? [])]).includes(canary)) this.#say('I9: its headers hold a secret')
    const { refusal, brokenBy, attempts } = this.#exchange
    const words = [refusal?.message, brokenBy, ...attempts.map(({ failure, url }) => `${failure?.message} ${url}`)]
    if (words.join().includes(canary)) this.#say('I9: its record holds a secret')
  }

  /** Whoever leaves is not worked for any more. */
  #checkLeaving(): void {
    const { leftMs } = this.#client
    const { endedMs = Infinity, outcome } = this.#exchange
    if (leftMs === undefined || endedMs < leftMs) return
    const graceMs = this.#plan?.streaming.onDisconnect === 'finish' ? finishMsMax : cancelMsMax
    if (endedMs > leftMs + graceMs) this.#say(`F44: it left at ${leftMs}, and was settled at ${endedMs}`)
    for (const { visit, behaviour } of this.#calls) {
      if ((visit.endedMs ?? Infinity) > leftMs + graceMs) this.#say(`F44: it left, and ${behaviour.name} went on`)
      if (visit.sentMs > leftMs + cancelMsMax) this.#say('F44: it left, and somebody was asked')
    }
    const isOurs =
      outcome === 'client_closed' ||
      endedMs <= leftMs + 20 + this.#client.wish.leaving.gapMs ||
      this.#world.cutMs !== undefined
    if (!isOurs) this.#say(`F44: it left at ${leftMs} before ${endedMs}, but its outcome is ${outcome}`)
  }

  /** Whoever takes nothing is given up. */
  #checkStalling(plan: Plan): void {
    const { clientStallMs } = plan.streaming
    const { firstByteMs = Infinity, endedMs = Infinity } = this.#exchange
    if (this.#client.wish.reads !== 'never' || clientStallMs === 0) return
    if (endedMs > firstByteMs + clientStallMs + sayingMsMax) this.#say(`F46: it took nothing until ${endedMs}`)
  }

  #checkBytes(plan: Plan): void {
    const { wish, status } = this.#client
    const { outcome } = this.#exchange
    if (this.#stays && this.#client.ended === undefined) this.#say('its answer never ended')
    if (status === undefined || status !== 200) return this.#checkError()
    if (this.#exchange.status !== 200) this.#say(`it got a 200 that is told as ${this.#exchange.status}`)
    if (wish.form === undefined || !wish.isStream) return this.#checkWhole()
    if (this.#exchange.rescuedAtBytes === undefined) this.#checkStream(wish.form, plan)
    else this.#checkRescued(wish.form)
    if (outcome === 'complete' && this.#stays && this.#client.ended !== 'clean') {
      this.#say(`its answer is told as complete, but ended with ${this.#client.ended}`)
    }
  }

  #checkError(): void {
    const { status, body, ended } = this.#client
    const { outcome, refusal, status: told } = this.#exchange
    if (status === undefined) {
      if (outcome !== 'client_closed') this.#say(`it left before an answer, but its outcome is ${outcome}`)
      return
    }
    if (status !== told) this.#say(`its status is ${status}, and told as ${told}`)
    if (status < 400) this.#say(`it got the status ${status}`)
    if (outcome === 'complete') this.#say(`its status is ${status}, but its outcome is complete`)
    if (!this.#stays) return
    if (ended !== 'clean') this.#say(`its error answer with status ${status} ended with ${ended}`)
    if (refusal !== undefined && errorsIn(body) === 0) this.#say(`its refusal is no error object: ${body.toString()}`)
  }

  /** An answer that is no stream: all of one upstream's bytes, or an error. */
  #checkWhole(): void {
    const { body, ended } = this.#client
    const { outcome } = this.#exchange
    const bytes = body.subarray(body.length - body.toString('latin1').trimStart().length)
    const source = this.#source()
    const given = source === undefined ? Buffer.alloc(0) : Buffer.concat(source.visit.given)
    if (outcome === 'complete' && this.#stays) {
      if (!bytes.equals(given) || source?.visit.how !== 'end')
        this.#say('I2: its whole answer is not that of one upstream')
    } else if (outcome === 'failed' && this.#stays) {
      if (errorsIn(bytes) === 0 && ended === 'clean') this.#say(`it failed, but looks well: ${bytes.toString()}`)
    } else if (!given.subarray(0, bytes.length).equals(bytes)) {
      this.#say('I2: its answer is not the beginning of an upstream’s')
    }
  }

  /** The attempt whose bytes the client got, unless another one went on with them. */
  #source(): Call | undefined {
    const { attempts, firstByteMs } = this.#exchange
    const at = this.#sourceAt()
    const hasSpoken = firstByteMs !== undefined || attempts[at]?.failure === undefined
    return at === -1 || !hasSpoken ? undefined : this.#callOf(at, attempts)
  }

  #sourceAt(): number {
    return this.#exchange.attempts.findLastIndex(({ rescue }) => rescue === undefined)
  }

  #callOf(at: number, attempts: readonly Attempt[]): Call | undefined {
    const repeats = attempts.slice(0, at + 1).filter(({ isRepeated }) => isRepeated === true).length
    return this.#calls[at + repeats]
  }

  /** I2: whole events of exactly one upstream, signs of life between them, and an end that tells the truth. */
  #checkStream(form: StreamForm, plan: Plan): void {
    const { body, ended } = this.#client
    const { outcome, heartbeats, refusal } = this.#exchange
    const source = this.#source()
    const given = source === undefined ? Buffer.alloc(0) : givenBy(source, form, outcome === 'complete')
    const laid = lay(form, body, given)
    const passed = given.subarray(0, laid.at)
    const heard = hear(form, passed)
    const said = hear(form, laid.isInside ? laid.rest : Buffer.concat([passed, laid.rest]))
    const name = source?.behaviour.name
    if (this.#gotAll && laid.beats !== heartbeats) this.#say(`it got ${laid.beats} keep-alives, ${heartbeats} are told`)
    const isWell = ended === 'clean' && said.errors === 0
    const isWhole = isFinished(form, heard.finishes, passed)
    if (isWell && this.#stays && !isWhole) this.#say(`its stream (${name}) looks complete and is not: ${tailOf(body)}`)

    if (!this.#stays) {
      const next = given.subarray(laid.at)
      const isNext = next.subarray(0, laid.rest.length).equals(laid.rest) || said.errors > 0
      if (!isNext) this.#say(`I2: it left with ${tailOf(laid.rest)} (${name})`)
    }
    if (outcome === 'complete' && this.#stays) {
      if (laid.rest.length > 0) this.#say(`I2: behind its complete stream (${name}) stands ${tailOf(laid.rest)}`)
      if (!isWhole) this.#say(`its stream (${name}) is told as complete and is not: ${tailOf(body)}`)
      const half = laid.at > 0 && !laid.isAtEnd && source?.visit.how !== 'end'
      if (half) this.#say(`I2: its complete stream (${name}) ends inside an event: ${tailOf(body)}`)
    } else if (this.#stays) {
      if (isWell) this.#say(`its stream (${name}) ended as ${outcome}, but looks well: ${tailOf(body)}`)
      if (laid.rest.length > 0 && said.errors <= heard.errors)
        this.#say(`I2: at its end stands ${tailOf(laid.rest)} (${name})`)
      if (!laid.isInside && said.garbled > heard.garbled) this.#say(`I2: its end cannot be read: ${tailOf(body)}`)
      if (said.dones > heard.dones) this.#say('its broken stream has a [DONE]')
      if (refusal !== undefined && laid.at > 0) this.#say(`it was refused after it got content (${refusal.message})`)
    }
    if (plan.streaming.holds && laid.at > 0 && this.#stays && !isWhole) this.#say('a held stream came in part')
    const wholeBytes = wholeEventBytes(form, given)
    // An upstream's error event is kept back while a rescue is looked for, and a stop of the gateway takes its place.
    const isLost = this.#gotAll && this.#world.cutMs === undefined && laid.at < wholeBytes && !laid.isInside
    if (isLost) this.#say(`I2: it got ${laid.at} of ${wholeBytes} bytes (${name}), then ${tailOf(laid.rest)}`)
    this.#checkGood(source, plan)
  }

  /** What an upstream did well arrives. */
  #checkGood(source: Call | undefined, plan: Plan): void {
    const { outcome, brokenBy = '', attempts } = this.#exchange
    if (!this.#stays || this.#world.cutMs !== undefined) return
    if (source?.behaviour.isGood === true && outcome !== 'complete') {
      const { name } = source.behaviour
      const mayBeLate = slow.has(name) ? /_duration|timeout/ : /max_duration|timeout\.total|client_timeout/
      if (!mayBeLate.test(brokenBy)) this.#say(`a good answer (${name}) ended as ${outcome}: ${brokenBy}`)
    }
    for (const [at, { failure }] of attempts.entries()) {
      const call = this.#callOf(at, attempts)
      if (failure === undefined || call?.behaviour.isGood !== true || /_timeout$|client_closed/.test(failure.reason))
        continue
      // What another route goes on with has failed, and so has what does not go on with it.
      if (at >= this.#sourceAt() && this.#exchange.firstByteMs !== undefined) continue
      this.#say(`a good answer (${call.behaviour.name}) was taken for a failure: ${failure.message} (${plan.alias})`)
    }
  }

  /** The text goes on where it broke, as if one upstream had said it all. */
  #checkRescued(form: StreamForm): void {
    const { body, ended } = this.#client
    const { outcome, attempts } = this.#exchange
    const heard = hear(form, body)
    const texts = attempts.flatMap((attempt, at) => {
      const call = this.#callOf(at, attempts)
      return attempt.status === 200 && call !== undefined ? [call.prefix + textOf(form, call)] : []
    })
    const isTold = texts.some((text) =>
      outcome === 'complete' && this.#stays ? text === heard.text : text.startsWith(heard.text),
    )
    if (!isTold)
      this.#say(
        `rescue: its text "${heard.text.slice(0, 200)}" is none of ${JSON.stringify(texts.map((text) => text.slice(0, 200)))}`,
      )
    const names = this.#calls.map(({ behaviour }) => behaviour.name).join()
    if (heard.ids.size > 1) this.#say(`rescue: its stream has the ids ${[...heard.ids].join()}`)
    if (heard.roles > 1 || heard.finishes > 1 || heard.dones > 1)
      this.#say(`rescue: it began or ended twice (${names})`)
    if (heard.garbled > this.#calls.filter(({ behaviour }) => behaviour.name === 'garbage').length) {
      this.#say(`rescue: something in it cannot be read (${names}): ${tailOf(body)}`)
    }
    if (!this.#stays) return
    const isWell = ended === 'clean' && heard.errors === 0
    if (isWell !== (outcome === 'complete'))
      this.#say(`rescue: it looks ${isWell ? 'well' : 'broken'}, and is told as ${outcome}`)
    if (isWell && !isFinished(form, heard.finishes, body))
      this.#say(`rescue: it looks complete and is not: ${tailOf(body)}`)
  }
}

/** Statuses that are about a request, whoever gets it. */
const requestBound: ReadonlySet<number> = new Set([400, 413, 415, 422])

/** Good answers that a limit may cut. */
const slow: ReadonlySet<string> = new Set(['thinks', 'paced', 'halting'])

/** Milliseconds after which no upstream of a simulation has anything more to say. */
const sayingMsMax = 290_000

/** Limit: milliseconds within which an upstream is let go whose client left. */
const cancelMsMax = 200

/** Limit: milliseconds for which a stream is read on without its client, and its own silence on top. */
const finishMsMax = 60_000 + 1000

function candidatesOf(plan: Plan): Plan['tiers'][number]['candidates'][number][] {
  return plan.tiers.flatMap(({ candidates }) => candidates)
}

/** What came of an upstream's stream; the last event that lacks nothing but its line ends has them, where `mends`. */
function givenBy({ visit }: Call, form: StreamForm, mends: boolean): Buffer {
  const given = Buffer.concat(visit.given)
  const start = wholeEventBytes(form, given)
  const last = given.subarray(start).toString().trimEnd()
  if (!mends || visit.how === 'end' || form === 'gemini_array' || last === '') return given
  const { garbled, isSilent } = hear(form, Buffer.from(last))
  return garbled > 0 || isSilent ? given : Buffer.concat([given.subarray(0, start), mended(form, last)])
}

function mended(form: StreamForm, event: string): Buffer {
  return Buffer.from(event + (form === 'ndjson' ? '\n' : event.includes('\r') ? '\r\n\r\n' : '\n\n'))
}

/** All that an upstream meant to say. */
function textOf(form: StreamForm, { behaviour }: Call): string {
  const script = behaviour.script.kind === 'broken' ? behaviour.script.stale : behaviour.script
  if (script?.kind !== 'answer') return ''
  const bytes = Buffer.concat(script.moves.map((move) => move.bytes))
  return hear(form, bytes.subarray(0, wholeEventBytes(form, bytes))).text
}

function isFinished(form: StreamForm, finishes: number, bytes: Buffer): boolean {
  return finishes > 0 && (form !== 'gemini_array' || bytes.toString().trimEnd().endsWith(']'))
}

function errorsIn(bytes: Buffer): number {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null && 'error' in value ? 1 : 0
  } catch {
    return 0
  }
}

function tailOf(bytes: Buffer): string {
  return JSON.stringify(bytes.toString().slice(-300))
}

interface Laid {
  /** Bytes of the upstream that the client has. */
  readonly at: number
  readonly isAtEnd: boolean
  readonly beats: number
  /** The client has half of an event that was too large to wait for its end. */
  readonly isInside: boolean
  /** What the client got behind them. */
  readonly rest: Buffer
}

/** Lays a client's bytes over an upstream's, event by event, with keep-alives between events only. */
function lay(form: StreamForm, got: Buffer, given: Buffer): Laid {
  const beat = keepAlive(form)
  const ends = endsOfEvents(form, given)
  let at = 0
  let place = 0
  let beats = 0
  for (const end of [...ends, given.length]) {
    while (got.subarray(place, place + beat.length).equals(beat)) {
      beats += 1
      place += beat.length
    }
    const event = given.subarray(at, end)
    if (event.length === 0 || !got.subarray(place, place + event.length).equals(event)) break
    // Half of an event is nothing but the end; else it is the beginning of something that looks like it.
    if (!ends.includes(end) && place + event.length < got.length) break
    at = end
    place += event.length
  }
  while (got.subarray(place, place + beat.length).equals(beat)) {
    beats += 1
    place += beat.length
  }
  const next = given.subarray(at, ends.find((end) => end > at) ?? given.length)
  const shared = next.length > 65_536 ? sharedBytes(next, got.subarray(place)) : 0
  const isInside = shared > 65_536 / 2
  return {
    at,
    isAtEnd: at === 0 || ends.includes(at),
    beats,
    isInside,
    rest: got.subarray(place + (isInside ? shared : 0)),
  }
}

function sharedBytes(one: Buffer, other: Buffer): number {
  const most = Math.min(one.length, other.length)
  let at = 0
  while (at < most && one[at] === other[at]) at += 1
  return at
}

/** Offsets behind each whole event. */
export function endsOfEvents(form: StreamForm, bytes: Buffer): number[] {
  const text = bytes.toString('latin1')
  if (form === 'ndjson') return [...text.matchAll(/\n/g)].map(({ index }) => index + 1)
  if (form === 'gemini_array') return endsOfElements(text)
  return [...text.matchAll(/\r?\n\r?\n/g)].map(({ index, 0: found }) => index + found.length)
}

/** Behind each element, and behind the array's end. */
function endsOfElements(text: string): number[] {
  const ends: number[] = []
  let depth = 0
  for (const { 0: found, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (found === '{' || found === '[') depth += 1
    if (found === '}' || found === ']') depth -= 1
    if ((found === '}' && depth === 1) || (found === ']' && depth === 0)) ends.push(index + 1)
  }
  return ends
}

function wholeEventBytes(form: StreamForm, bytes: Buffer): number {
  return endsOfEvents(form, bytes).at(-1) ?? 0
}
