/** Who has what an id stands for, such as a response, a file or a batch: nobody else knows it. */
export interface Owner {
  /** The backend's name and its address: another one of this name has nothing of it. */
  readonly backend: string
  readonly address: string
  /** Name of the credential that it was made with, where the backend has several. */
  readonly credential: string | undefined
  /** Id of the caller that it was made for. Nobody else may ask for it. Undefined: nobody saw it being made. */
  readonly caller: string | undefined
}

/** What an id stands for, and so by which members of a body it is named. `other`: by none. */
export type OwnedKind = 'response' | 'conversation' | 'file' | 'vector_store' | 'container' | 'cache' | 'other'

/**
 * What of the things that backends keep clients may ask for by their paths. `off`: nothing. `own`: what they made here.
 * `all`: whatever an account has.
 */
export type ResourceAccess = 'off' | 'own' | 'all'

/** How many ids are remembered, and for how long. */
export interface OwnedIdsPolicy {
  /** 0 = none, and nothing is looked for. */
  readonly max: number
  /** Milliseconds, after each use. */
  readonly ttlMs: number
  readonly resources: ResourceAccess
}
