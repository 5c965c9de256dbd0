import type { Link } from '#ports/transport.ts'
import type { Dialect, Protocol } from './dialect.ts'
import type { CredentialSet } from './credential.ts'
import type { HealthPolicy } from './health.ts'
import type { ProfileOverrides } from './profile.ts'
import type { Secret } from './secret.ts'
import type { Form } from './talk.ts'

/** One configured way to reach a provider, compiled. */
export interface Backend {
  readonly name: string
  readonly url: URL
  readonly apiKey: Secret | undefined
  /** Several, used in turn, in place of the key. */
  readonly credentials?: CredentialSet | undefined
  readonly authMode: AuthMode
  /** Added to every request, replacing the client's of the same name. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Its key and the credentials among its headers: what an answer must never bring to a client. */
  readonly secrets: readonly Secret[]
  readonly timeouts: Timeouts
  /** `api-version` of Azure; unused elsewhere. */
  readonly apiVersion: string
  readonly link: Link
  readonly forwardClientIp: boolean
  /** How its health is asked for; undefined: never, and it counts as well. */
  readonly health?: HealthPolicy | undefined
  /** WebSockets may be opened: nobody forbade it, and its link is one that can. */
  readonly websocket: boolean
}

/** Header that carries the backend key; `dialect` = as the protocol's own clients send it. */
export type AuthMode = 'dialect' | 'authorization' | 'x-api-key' | 'api-key' | 'x-goog-api-key' | 'none'

/** Milliseconds, 0 = no limit. */
export interface Timeouts {
  /** Waiting for a connection, where their number is limited. */
  readonly queueMs: number
  readonly dnsMs: number
  readonly connectMs: number
  readonly tlsMs: number
  readonly writeMs: number
  /** From the request's end to the first byte of the answer. */
  readonly firstByteMs: number
  /** Between two chunks of an answer. */
  readonly idleMs: number
  /** Whole attempt, body included. */
  readonly totalMs: number
}

/** A route compiled for use. */
export interface Candidate {
  /** `backend/model`, for people. */
  readonly id: string
  /** Identity of what traffic teaches about it: the pair (backend, upstream model), without collisions. */
  readonly stateKey: string
  readonly backend: Backend
  /** The name that the backend knows. */
  readonly model: string
  /** The request goes out with the name that the client wrote, if it wrote one: `model` is only what we call the route. */
  readonly keepsModel?: boolean | undefined
  readonly protocol: Protocol
  /** What its backend speaks: requests of these go out as they came. */
  readonly dialects: ReadonlySet<Dialect>
  /** Of the forms of these dialects, those that it knows; undefined: all. */
  readonly apis?: ReadonlySet<Form> | undefined
  /** How it is asked for everything else; undefined: it is not. */
  readonly translation?: TranslationTarget | undefined
  /** Positive; 0 means only when nothing else of the tier is left. */
  readonly weight: number
  readonly streamClocks: StreamClocks
  /** How it is asked to go on with a text that it did not begin; undefined where it would not. */
  readonly prefill: PrefillStyle | undefined
  /** What its tokens cost, where the operator said so. */
  readonly price?: Price | undefined
  /** Who it is in its service, or in `passthrough`; undefined for routes of aliases. */
  readonly entry?: PoolEntry | undefined
}

/** The form in which a backend is asked for what it does not speak. */
export interface TranslationTarget {
  readonly form: Form
  /** What a cloud puts around the form: a key of `translate/carrier.ts`. */
  readonly carrier?: string | undefined
  /** What the operator says of its models. */
  readonly own: ProfileOverrides
  /** Forms that the same backend speaks at another address, by another candidate. */
  readonly spoken?: ReadonlySet<Form> | undefined
}

/** One of several backends that answer for the same thing. */
export interface PoolEntry {
  /** Tells it from the others. */
  readonly id: string
  /** What people call it. */
  readonly name: string
}

/** For a million tokens, in whatever money the operator counts. */
export interface Price {
  readonly input: number
  readonly output: number
}

/** Time limits that only streams have, in milliseconds, 0 = no limit. */
export interface StreamClocks {
  /** From the start of the attempt to the first content. */
  readonly firstContentMs: number
  /** Between two pieces after the first content. */
  readonly idleMs: number
  /** The whole answer, from its first content on. */
  readonly durationMs: number
}

/**
 * How the text so far is put into the request. `plain`: as the last message, of the assistant. `prefix`: the same, marked
 * `"prefix": true`. `continue`: the same, with `continue_final_message` beside the messages.
 */
export type PrefillStyle = 'plain' | 'prefix' | 'continue'
