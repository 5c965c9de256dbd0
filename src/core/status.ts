/**
 * How a route or a backend is doing. `unknown`: it is to be checked and was not yet, or nobody uses it; it may be asked.
 * From `cooling` on it is passed over, as long as there is somebody else.
 */
export type Condition =
  | 'healthy'
  | 'unknown'
  | 'circuit_half_open'
  | 'cooling'
  | 'no_credential'
  | 'ejected'
  | 'circuit_open'
  | 'unhealthy'

/** What the status page shows to those who may look behind the scenes. Times of day are ISO 8601 in UTC. */
export interface Status {
  readonly version: string
  /** When this was told, by the clock of the gateway. */
  readonly at: string
  readonly startedAt: string
  /** In which times are to be shown to those who chose no zone: an IANA name; undefined: in that of the viewer. */
  readonly zone?: string | undefined
  readonly isDraining: boolean
  /** Who tells it, where several processes serve together: what it counts is its own. */
  readonly worker?: WorkerPlace | undefined
  /** Requests on the road. */
  readonly inFlight: number
  readonly config: ConfigStatus
  /** In the order of the file, as all lists. */
  readonly aliases: readonly AliasStatus[]
  readonly services: readonly ServiceStatus[]
  /** Routes of whatever nothing else takes; empty when such requests are refused. */
  readonly passthrough: readonly RouteStatus[]
  readonly backends: readonly BackendStatus[]
  /** Of backends that have several. */
  readonly credentials: readonly CredentialStatus[]
}

export interface WorkerPlace {
  /** From 1. */
  readonly number: number
  readonly of: number
}

/** What serves, and what would like to. */
export interface ConfigStatus {
  readonly version: number
  /** Undefined when it came from the environment. */
  readonly file: string | undefined
  readonly loadedAt: string
  readonly warnings: readonly string[]
  /** Keys whose new values wait for a restart. */
  readonly restartKeys: readonly string[]
  /** A later content that could not be used; undefined once it was mended. */
  readonly refused: { readonly at: string; readonly problems: readonly string[] } | undefined
}

export interface AliasStatus {
  readonly alias: string
  /** Stands in the lists of models. */
  readonly isListed: boolean
  readonly routes: readonly RouteStatus[]
}

export interface ServiceStatus {
  readonly service: string
  readonly models: readonly { readonly model: string; readonly routes: readonly RouteStatus[] }[]
}

/** One way to an answer. */
export interface RouteStatus {
  readonly backend: string
  /** What people call it: the backend's name, unless the entry of a service gives another. */
  readonly name: string
  /** The name that the backend knows. */
  readonly model: string
  /** Whose route it is: the asked alias or one of its fallbacks. */
  readonly alias: string
  readonly level: 'l1' | 'l2'
  readonly priority: number
  readonly weight: number
  readonly state: Condition
  /** Milliseconds for which it is passed over; 0: it may be asked now. */
  readonly restsForMs: number
  readonly traffic: Traffic
}

/** What requests of clients taught. */
export interface Traffic {
  readonly inFlight: number
  /** Attempts that ended since the start, and how many of them failed by the doing of the route. */
  readonly attempts: number
  readonly failures: number
  /** Moving average of milliseconds until an answer began; undefined while none did. */
  readonly latencyMs: number | undefined
  /** The same of streams, until their first content. */
  readonly firstContentMs: number | undefined
  readonly lastError: LastError | undefined
}

/** The last failure; it stays when all is well again. */
export interface LastError {
  readonly at: string
  /** One word for programs, as in the stories of requests. */
  readonly reason: string
  readonly status: number | undefined
  /** For people, without secrets and addresses. */
  readonly message: string
}

export interface BackendStatus {
  readonly backend: string
  /** Without what may be a credential. */
  readonly url: string
  readonly hasKey: boolean
  readonly state: Condition
  readonly restsForMs: number
  /** Routes that lead to it. */
  readonly routes: number
  readonly traffic: Traffic
  /** Undefined where nobody checks it. */
  readonly check: CheckStatus | undefined
}

/** What the health checks of one backend have found. */
export interface CheckStatus {
  readonly state: 'healthy' | 'unhealthy' | 'unknown'
  /** Of the last one that ended; undefined before the first. */
  readonly at: string | undefined
  readonly latencyMs: number | undefined
  /** Why the last one failed; undefined when it did not. */
  readonly fault: string | undefined
  readonly nextInMs: number
}

export interface CredentialStatus {
  readonly backend: string
  readonly name: string
  readonly weight: number
  readonly state: 'ready' | 'resting'
  readonly restsForMs: number
  readonly turns: number
  /** In a row. */
  readonly setbacks: number
  readonly reason: string | undefined
}
