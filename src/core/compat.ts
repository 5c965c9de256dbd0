/**
 * What becomes of the fields of a request on the way to another form: carried by other means, dropped, or not to be carried
 * at all. `strict` refuses what would be dropped; `lenient` drops what would be refused, where something is left then.
 */
export type CompatMode = 'warn' | 'strict' | 'lenient'

/** `compat` of the config, compiled. */
export interface CompatPolicy {
  readonly mode: CompatMode
  /** Among routes of one priority those that need no translation come first. */
  readonly prefersNative: boolean
  /** What becomes of system messages that stand among the others, where the backend takes none there. */
  readonly inlineSystem: 'user_tagged' | 'hoist'
  /** Results without a call, calls without a result and results in a wrong place are mended; else they are rejected. */
  readonly repairsHistory: boolean
  /** Cache breakpoints are set for Claude where the client's form has none. */
  readonly autoCache: boolean
  /** Who the user is, is told to other providers too. */
  readonly forwardsIdentity: boolean
  /** Where Chat clients find thoughts. */
  readonly chatReasoning: 'reasoning_content' | 'reasoning' | 'both' | 'off'
  /** Tools that a provider carries out itself are dropped, or a search of the web is mapped to the backend's own. */
  readonly hostedTools: 'drop' | 'map'
  /** Media by address are fetched for backends that take none; else they are rejected. */
  readonly fetchesMedia: boolean
  /** Several answers of a backend that gives one at a time are asked for one by one; else they are rejected. */
  readonly fansOutAnswers: boolean
  /** Vectors of Gemini that were asked for in fewer dimensions are brought to the length 1. */
  readonly normalizesVectors?: boolean | undefined
  /** Sources that have no place in the text are left out. */
  readonly dropsLoneSources?: boolean | undefined
  /** Where a client wants one call at a time and the backend cannot be told so, the others are left out of the answer. */
  readonly keepsOneCall?: boolean | undefined
  /** Responses clients are told thoughts only where they asked for a summary. */
  readonly hidesUnaskedThoughts?: boolean | undefined
  /** A reference to thoughts that nobody remembers is rejected; else it is dropped. */
  readonly rejectsMissingThoughts?: boolean | undefined
}
