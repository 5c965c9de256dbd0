import type { Plan } from '#core/plan.ts'
import type { Secret } from '#core/secret.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import type { KeyRing } from '#identity/key-ring.ts'
import type { LoggingPolicy } from '#telemetry/policy.ts'
import type { Backend } from '#core/candidate.ts'
import type { AddressList } from '#kit/address-list.ts'
import type { Settings } from './settings.ts'

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
  readonly keys: KeyRing
  readonly modelsRequireAuth: boolean
  readonly admin: AdminPolicy
  /** By alias, switched-off aliases that live on through a fallback included. */
  readonly plans: ReadonlyMap<string, Plan>
  /** Aliases to show in model lists, sorted. */
  readonly aliases: readonly string[]
  /** Usable backends by name. */
  readonly backends: ReadonlyMap<string, Backend>
  /** Of usable backends that have several. */
  readonly credentials: readonly CompiledCredentials[]
  readonly bodyBytesMax: number
  /** Memory from which on large bodies are refused; undefined: a share of what there is, 0: never. */
  readonly memoryBytesMax: number | undefined
  readonly unknownModelStatus: number
  /** Peers whose X-Forwarded-For and X-Real-IP are believed. */
  readonly trustedProxies: AddressList
  /** `x-llm-proxy-*` headers on answers. */
  readonly debugHeaders: boolean
  readonly drainMs: number
  readonly logging: LoggingPolicy
  /** Every secret value of the configuration, for masking by value. */
  readonly secrets: readonly Secret[]
  /** What stands outside backends and models, for the account of a reload. */
  readonly settings: Settings
}

/** Who may look behind the scenes, and where. */
export interface AdminPolicy {
  /** Keys that open the admin pages; open to nobody when it holds none. */
  readonly keys: KeyRing
  /** Only programs of this machine may come: it is the clients' key that opens. */
  readonly isLocalOnly: boolean
  /** Boot-only. Below it the admin pages stand, without a slash at its end. */
  readonly path: string
  /** Boot-only. An address of its own; undefined: the pages stand beside the clients' paths. */
  readonly listen: ListenAddress | undefined
  /** How many settled requests are remembered; 0 when nobody may see them. */
  readonly keepRequests: number
}

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
