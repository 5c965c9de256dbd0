import type { CachePolicy } from '#cache/compile.ts'
import type { OwnedIdsPolicy } from '#core/owner.ts'
import type { Plan } from '#core/plan.ts'
import type { Secret } from '#core/secret.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import type { NamedIdentity } from '#identity/compile.ts'
import type { Guards } from '#guard/compile.ts'
import type { Hooks } from '#hook/hook.ts'
import type { RepeatPolicy } from '#idempotency/compile.ts'
import type { KeyRing } from '#identity/key-ring.ts'
import type { LoggingPolicy } from '#telemetry/policy.ts'
import type { Homes } from '#route/homes.ts'
import type { ServiceTable } from '#route/service-path.ts'
import type { RequestFilter } from '#core/filter.ts'
import type { Rules } from '#core/rules.ts'
import type { Backend } from '#core/candidate.ts'
import type { AddressList } from '#kit/address-list.ts'
import type { ListenTls } from './listen-tls.ts'
import type { BudgetPolicy } from '#limit/budget-compile.ts'
import type { LimitPolicy } from '#limit/policy.ts'
import type { Settings } from './settings.ts'
import type { UsagePolicy } from '#usage/compile.ts'
import type { Converters } from '#translate/converter/converters.ts'

/** What the operator wrote, resolved and compiled. Immutable; swapped whole. */
export interface Snapshot {
  /** 1 for the first, one more with each swap. */
  readonly version: number
  /** SHA-256 of the source text and of every file it names. */
  readonly digest: string
  /** Undefined when the configuration came from the environment. */
  readonly file: string | undefined
  /** Boot-only: a reload that changes it keeps the old value and says so. */
  readonly listen: ListenAddress
  /** The address that was asked for, when for want of a client key only loopback is served instead. */
  readonly listenAsked: string | undefined
  readonly sharing: PortSharing
  /** How clients are spoken to on ports; undefined: without encryption. Whether there is any holds from the start on. */
  readonly tls?: ListenTls | undefined
  /** Seconds that a connection of a client may be idle between two requests; holds from the start on. */
  readonly idleSeconds: number
  readonly keys: KeyRing
  /** Keys and providers of `auth`, for the account of a reload. */
  readonly identities: readonly NamedIdentity[]
  readonly modelsRequireAuth: boolean
  readonly admin: AdminPolicy
  /** By alias, switched-off aliases that live on through a fallback included. */
  readonly plans: ReadonlyMap<string, Plan>
  /** What `/{service}/{model}/…` leads to. */
  readonly services: ServiceTable<Plan>
  /** Takes every request that nothing else takes; undefined: such requests are refused. */
  readonly passthrough: Plan | undefined
  /** Requests of programs that use us as their proxy (`curl -x`); undefined: we are none. */
  readonly forwarding: ForwardPolicy | undefined
  /** Could a page of the net have this `Host` for its own? Undefined: nobody need ask. */
  readonly isStrangeName: ((host: string) => boolean) | undefined
  /** Which web pages may ask; undefined: none, and preflight requests are no special case. */
  readonly cors: CorsPolicy | undefined
  /** What clients may ask for; undefined: nothing of it is looked at. */
  readonly guards?: Guards | undefined
  /** What is remembered of requests that may come again; undefined: nothing. */
  readonly idempotency?: RepeatPolicy | undefined
  /** What is taken out of requests; undefined: nothing. */
  readonly filters: readonly RequestFilter[] | undefined
  /** What is added to requests and changed of answers; undefined: nothing. */
  readonly rules: Rules | undefined
  /** Steps of the operator's own; undefined: there are none. */
  readonly hooks?: Hooks | undefined
  readonly healthPages: HealthPages
  /** Aliases to show in model lists, sorted. */
  readonly aliases: readonly string[]
  /** For requests that name no model, but something that a backend has. */
  readonly homes: Homes
  readonly ownedIds: OwnedIdsPolicy
  /** How much may be asked for, and by how many at a time; undefined: there are no limits. */
  readonly limits?: LimitPolicy | undefined
  /** What may be spent; undefined: any amount. */
  readonly budgets?: readonly BudgetPolicy[] | undefined
  /** Usable backends by name. */
  readonly backends: ReadonlyMap<string, Backend>
  /** Who asks those that speak no known form; undefined: nobody has to. */
  readonly converters?: Converters | undefined
  /** Of usable backends that have several. */
  readonly credentials: readonly CompiledCredentials[]
  readonly bodyBytesMax: number
  /** Of a body that is sent on while it comes; 0 = no limit. */
  readonly uploadBytesMax: number
  /** Memory from which on large bodies are refused; undefined: a share of what there is, 0: never. */
  readonly memoryBytesMax: number | undefined
  readonly unknownModelStatus: number
  /** Peers whose X-Forwarded-For and X-Real-IP are believed. */
  readonly trustedProxies: AddressList
  /** `x-llm-proxy-*` headers on answers. */
  readonly debugHeaders: boolean
  readonly drainMs: number
  /** Answers are given again; undefined: none is. */
  readonly cache?: CachePolicy | undefined
  /** What requests take is counted; undefined: it is not. */
  readonly usage?: UsagePolicy | undefined
  readonly logging: LoggingPolicy
  /** What is counted is shown there; undefined: nothing is counted. */
  readonly metrics?: MetricsPolicy | undefined
  /** Boot-only. An address of their own for these figures; undefined: they stand beside the clients' paths. */
  readonly metricsListen?: ListenAddress | undefined
  /** Every secret value of the configuration, for masking by value. */
  readonly secrets: readonly Secret[]
  /** What stands outside backends and models, for the account of a reload. */
  readonly settings: Settings
}

/** Where figures are shown, and to whom. */
export interface MetricsPolicy {
  readonly path: string
  /** Under the names of older proxies as well. */
  readonly hasSeedNames: boolean
  readonly requiresKey: boolean
}

/** Who may listen on the port of `listen`. Holds from the start on, until a restart. */
export interface PortSharing {
  /** Processes that nobody here started may. */
  readonly withOthers: boolean
  /** Processes that serve it together. */
  readonly workers: number | 'auto'
}

/** For whom we are a proxy. */
export interface ForwardPolicy {
  /** Who is meant by an address that begins so; undefined for hosts that no backend of `passthrough` has. */
  wayTo(host: string, path: string): ForwardWay | undefined
  /** All that it may give. */
  readonly plans: readonly Plan[]
  /** Names under which we ourselves are reached, with a port or for any, in lower case. */
  readonly ownHosts: ReadonlySet<string>
}

/** Backends of one host. */
export interface ForwardWay {
  readonly plan: Plan
  /** What their addresses have in front of every path, and the request has too; empty: nothing. */
  readonly base: string
}

/** Which web pages may read our answers. */
export interface CorsPolicy {
  /** Value of `access-control-allow-origin` for a page of this origin; undefined: it may not. */
  allowedOrigin(origin: string): string | undefined
  readonly allowsCredentials: boolean
  /** As written in the headers of an answer to a preflight request; `undefined`: what the page asks for. */
  readonly methods: string | undefined
  readonly headers: string | undefined
  readonly exposed: string
  readonly maxAgeSeconds: number
}

/** Where probes look, and what they see. */
export interface HealthPages {
  readonly byPath: ReadonlyMap<string, 'liveness' | 'readiness' | 'verbose'>
  readonly showUpstream: boolean
  readonly showCache: boolean
  readonly showRateLimit: boolean
}

/** Who may look at pages behind the scenes. */
export interface AdminDoor {
  /** Keys that open them; open to nobody when it holds none. */
  readonly keys: KeyRing
  /** Only programs of this machine may come: it is the clients' key that opens. */
  readonly isLocalOnly: boolean
}

/** Who may look behind the scenes, and where. */
export interface AdminPolicy extends AdminDoor {
  /** To the pages about the configuration at `/api/config/…`. */
  readonly configDoor: AdminDoor
  /** Boot-only. Below it the admin pages stand, without a slash at its end. */
  readonly path: string
  /** Boot-only. An address of its own; undefined: the pages stand beside the clients' paths. */
  readonly listen: ListenAddress | undefined
  /** Browsers get the status page at `/`. */
  readonly hasPage: boolean
  /** How many settled requests are remembered; 0 when nobody may see them. */
  readonly keepRequests: number
}

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
