import type { Call } from '#core/call.ts'
import type { Candidate, TranslationTarget } from '#core/candidate.ts'
import type { CompatPolicy } from '#core/compat.ts'
import type { Failure } from '#core/failure.ts'
import type { Profile, ProfileOverrides } from '#core/profile.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { servesItself } from '#core/serving.ts'
import type { Form } from '#core/talk.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import type { Translation } from '#translate/asked.ts'
import type * as Carriers from '#translate/carrier.ts'
import type { FetchMedia } from '#translate/fetched-media.ts'
import type * as RandomId from '#translate/id-source.ts'
import { mayHoldThoughts, withoutForeignThoughts } from '#translate/foreign-thoughts.ts'
import { Notes, type Rejection } from '#translate/notes.ts'
import type * as Profiles from '#translate/profiles.ts'
import type * as Recalls from '#translate/recall.ts'
import type { Answered } from '#translate/recall.ts'
import type * as Repairs from '#translate/repair.ts'
import type { Codecs } from '#translate/registry.ts'
import type * as KeptResponses from '#translate/responses/kept-response.ts'
import type { AskedOfKept } from '#translate/responses/kept-response.ts'
import type * as Translate from '#translate/translate.ts'
import { findError } from '#wire/error-in-body.ts'
import { peekJson } from '#wire/peek.ts'
import { compatFor } from './compat-header.ts'

/** Whose request is translated, and what it may come to. */
export interface TranslatedFor {
  readonly requestId: string
  /** Who asks: nobody is told what another one's answers were. */
  readonly tenant: string
  readonly policy: CompatPolicy | undefined
  /** With the converters of the configuration; absent: it has none. */
  readonly codecs?: Codecs | undefined
}

/** Fetches what clients name by address; made when it is needed. */
export type MediaSource = () => Promise<{ forRequest(): FetchMedia }>

/** Puts calls to backends that do not know their form, and remembers what their answers leave for the next request. */
export class Translator {
  readonly #clock: Clock
  readonly #media: MediaSource | undefined
  readonly #profiles = new WeakMap<Candidate, Profile>()
  /** What one backend could not take by address, the next one cannot either, and it is there by then. */
  readonly #fetchers = new WeakMap<Call, FetchMedia>()
  /** How routes want to be asked, by state key, as their refusals taught. */
  readonly #learned = new Map<string, Learned>()
  /** Calls that were mended already, with the routes that they were mended for. */
  readonly #mended = new WeakMap<Call, Set<string>>()
  /** Calls whose thoughts a backend refused. */
  readonly #thoughtless = new WeakSet<Call>()
  #tools: Tools | undefined
  #loading: Promise<Tools> | undefined

  /** Without `media` files by address are for backends that fetch them. */
  constructor(clock: Clock, media?: MediaSource) {
    this.#clock = clock
    this.#media = media
  }

  /** Something was translated, so that an answer to it may be asked for again. */
  get keepsAnswers(): boolean {
    return this.#tools !== undefined
  }

  /** What is asked of an earlier answer; undefined: nothing of it is kept for this tenant. */
  kept(tenant: string, asked: AskedOfKept): JsonObject | Refusal | undefined {
    return this.#tools?.keptResponse(this.#tools.store, tenant, asked)
  }

  /** Undefined: the call goes out as it came. */
  translate(call: Call, candidate: Candidate, whose: TranslatedFor): Promise<Translation | Rejection> | undefined {
    const { talk } = call.endpoint
    if (candidate.translation?.carrier !== undefined || !servesItself(candidate, call.endpoint)) {
      return this.#translate(call, candidate, whose)
    }
    if (talk === undefined || talk.does === 'embed' || whose.policy === undefined || call.body === undefined) {
      return undefined
    }
    return mayHoldThoughts(talk.form, call.body) ? this.#clean(call, talk.form, call.body) : undefined
  }

  /** The conversation began at a backend of another form, and goes on at one that cannot open what it left there. */
  async #clean(call: Call, form: Form, body: Uint8Array): Promise<Translation> {
    const warnings = new Notes()
    const cleaned = withoutForeignThoughts(form, body)
    if (cleaned === undefined) return { call, answer: asItIs, warnings }
    warnings.drop('dropped:foreign_reasoning')
    const named = peekJson(cleaned)
    const modelAt = isRefusal(named) ? call.modelAt : named.modelAt
    return {
      call: { ...call, body: cleaned, modelAt },
      answer: (response) => {
        response.headers.append('x-llm-proxy-warnings', warnings.header() ?? '')
        return response
      },
      warnings,
    }
  }

  async #translate(
    call: Call,
    candidate: Candidate,
    { requestId, tenant, policy, codecs }: TranslatedFor,
  ): Promise<Translation | Rejection> {
    const { translation: target, backend, protocol, model } = candidate
    const { talk } = call.endpoint
    if (target === undefined || talk === undefined || policy === undefined) return unknown
    this.#loading ??= loadTools(this.#clock)
    const tools = (this.#tools = await this.#loading)
    const { translate, carrierOf, ids, store } = tools
    const asked = {
      call,
      talk,
      form: target.form,
      carrier: carrierOf(target.carrier),
      model,
      backend: backend.name,
      protocol,
      profile: this.#profileFor(call, tools, candidate, target),
      isRepaired: this.#wasMended(call, candidate.stateKey) || this.#learned.has(candidate.stateKey),
      policy: compatFor(policy, call.headers),
      requestId,
    }
    const means = {
      ids,
      clock: this.#clock,
      codecs,
      fetchMedia: policy.fetchesMedia ? this.#fetcherFor(call) : undefined,
      recall: store.of(tenant, talk.form),
      remember: (answered: Answered): void => {
        store.remember(tenant, answered)
      },
    }
    try {
      return await translate(asked, means)
    } catch (error) {
      // A fault of ours with this form; another route may have one of which it is not true.
      const reason = error instanceof Error ? error.message : String(error)
      return { kind: 'rejection', field: '', message: `its request cannot be written: ${reason}`, isFault: true }
    }
  }

  #fetcherFor(call: Call): FetchMedia | undefined {
    const media = this.#media
    if (media === undefined) return undefined
    let fetcher = this.#fetchers.get(call)
    if (fetcher === undefined) {
      let loading: Promise<FetchMedia> | undefined
      fetcher = async (url) => {
        loading ??= media().then((source) => source.forRequest())
        const fetchMedia = await loading
        return await fetchMedia(url)
      }
      this.#fetchers.set(call, fetcher)
    }
    return fetcher
  }

  /**
   * What the failure of a translated call teaches about its route: the name of the rule, where asking it again in another way
   * makes sense. Once for a call; for other calls it is known for an hour.
   */
  learn(call: Call, candidate: Candidate, failure: Failure): string | undefined {
    const { translation: target, stateKey } = candidate
    const tools = this.#tools
    if (tools === undefined || target === undefined || !teaches(failure) || this.#wasMended(call, stateKey))
      return undefined
    const said = findError(Buffer.from(failure.held?.body ?? []).toString())
    const repair = said && tools.repairFor(said.message, this.#profileFor(call, tools, candidate, target))
    if (repair === undefined) return undefined
    if (repair.isForOne === true) this.#thoughtless.add(call)
    else {
      const earlier = this.#learned.get(stateKey)?.own ?? {}
      if (this.#learned.size >= learnedMax) this.#learned.clear()
      this.#learned.set(stateKey, {
        own: tools.withRepair(earlier, repair),
        untilMs: this.#clock.monotonicMs() + learnedMs,
      })
    }
    this.#noteMended(call, stateKey)
    return repair.rule
  }

  #wasMended(call: Call, stateKey: string): boolean {
    return this.#mended.get(call)?.has(stateKey) === true
  }

  #noteMended(call: Call, stateKey: string): void {
    const keys = this.#mended.get(call)
    if (keys === undefined) this.#mended.set(call, new Set([stateKey]))
    else keys.add(stateKey)
  }

  /** Nothing of its provider's own is given to one that refused what this call brings back. */
  #profileFor(call: Call, tools: Tools, candidate: Candidate, target: TranslationTarget): Profile {
    const profile = this.#profileOf(tools, candidate, target)
    return this.#thoughtless.has(call) ? { ...profile, family: '' } : profile
  }

  /** It takes a look through many names, and candidates live as long as their configuration. */
  #profileOf({ profileOf }: Tools, candidate: Candidate, { form, own }: TranslationTarget): Profile {
    const { protocol, model, stateKey } = candidate
    const learned = this.#learned.get(stateKey)
    if (learned !== undefined && learned.untilMs > this.#clock.monotonicMs()) {
      // What the operator says stands above what a message seems to mean.
      const reasoning = { ...learned.own.reasoning, ...own.reasoning }
      return profileOf(form, protocol, model, { ...learned.own, ...own, reasoning })
    }
    if (learned !== undefined) this.#learned.delete(stateKey)
    let profile = this.#profiles.get(candidate)
    if (profile === undefined) {
      profile = profileOf(form, protocol, model, own)
      this.#profiles.set(candidate, profile)
    }
    return profile
  }
}

interface Learned {
  readonly own: ProfileOverrides
  readonly untilMs: number
}

/** Models change, and so do the servers in front of them. */
const learnedMs = 3_600_000

/** Limit: routes of which something was learned. */
const learnedMax = 10_000

/** A request that was refused for what it says, whole and in words. */
function teaches({ status, held, blamesCredential }: Failure): boolean {
  return held !== undefined && blamesCredential !== true && (status === 400 || status === 422)
}

function asItIs(response: IncomingResponse): IncomingResponse {
  return response
}

const unknown: Rejection = { kind: 'rejection', field: '', message: 'this path is known to no other API' }

interface Tools {
  readonly translate: typeof Translate.translate
  readonly carrierOf: typeof Carriers.carrierOf
  readonly profileOf: typeof Profiles.profileOf
  readonly repairFor: typeof Repairs.repairFor
  readonly withRepair: typeof Repairs.withRepair
  readonly ids: RandomId.RandomIds
  readonly store: Recalls.RecallStore
  readonly keptResponse: typeof KeptResponses.keptResponse
}

/** Most gateways translate nothing, and a start must not wait for what does. */
async function loadTools(clock: Clock): Promise<Tools> {
  const [translate, carriers, profiles, ids, recalls, repairs, kept] = await Promise.all([
    import('#translate/translate.ts'),
    import('#translate/carrier.ts'),
    import('#translate/profiles.ts'),
    import('#translate/id-source.ts'),
    import('#translate/recall.ts'),
    import('#translate/repair.ts'),
    import('#translate/responses/kept-response.ts'),
  ])
  return {
    translate: translate.translate,
    carrierOf: carriers.carrierOf,
    profileOf: profiles.profileOf,
    repairFor: repairs.repairFor,
    withRepair: repairs.withRepair,
    ids: new ids.RandomIds(),
    store: new recalls.RecallStore(clock),
    keptResponse: kept.keptResponse,
  }
}
