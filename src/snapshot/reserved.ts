/** First segments of paths at which clients and probes ask for other things. */
export const clientSegments: ReadonlySet<string> = new Set([
  'v1',
  'v1beta',
  'v1alpha',
  'models',
  'chat',
  'completions',
  'responses',
  'embeddings',
  'health',
  'healthz',
  'livez',
  'ready',
  'readyz',
  'metrics',
])

/** Those of our own pages, there already or to come. */
const ownSegments: ReadonlySet<string> = new Set(['api', 'admin', 'usage', 'dashboard', 'static'])

/** Nothing stands there today, and services of these names are in use. */
const keptSegments: ReadonlySet<string> = new Set(['openai', 'anthropic'])

/** May a service have this name? `kept`: it works, but may have to move one day. */
export function reservationOf(name: string): 'taken' | 'kept' | undefined {
  if (clientSegments.has(name) || ownSegments.has(name)) return 'taken'
  return keptSegments.has(name) ? 'kept' : undefined
}
