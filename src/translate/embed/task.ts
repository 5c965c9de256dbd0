/** What a vector is for, in Google's words, whoever's words it came in; undefined where nobody knows it. */
export function taskOf(word: string): string | undefined {
  const task = word.toUpperCase()
  return googleTasks.has(task) ? task : others.get(word.toLowerCase())
}

const googleTasks: ReadonlySet<string> = new Set([
  'RETRIEVAL_QUERY',
  'RETRIEVAL_DOCUMENT',
  'SEMANTIC_SIMILARITY',
  'CLASSIFICATION',
  'CLUSTERING',
  'QUESTION_ANSWERING',
  'FACT_VERIFICATION',
  'CODE_RETRIEVAL_QUERY',
])

/** Cohere's words, Voyage's and Jina's. */
const others: ReadonlyMap<string, string> = new Map([
  ['search_query', 'RETRIEVAL_QUERY'],
  ['query', 'RETRIEVAL_QUERY'],
  ['retrieval.query', 'RETRIEVAL_QUERY'],
  ['search_document', 'RETRIEVAL_DOCUMENT'],
  ['document', 'RETRIEVAL_DOCUMENT'],
  ['passage', 'RETRIEVAL_DOCUMENT'],
  ['retrieval.passage', 'RETRIEVAL_DOCUMENT'],
  ['text-matching', 'SEMANTIC_SIMILARITY'],
  ['separation', 'CLUSTERING'],
])

/** `input_type` of Cohere, which must be told one. */
export function cohereTask(task: string | undefined): string {
  return cohereTasks.get(task ?? '') ?? 'search_document'
}

const cohereTasks: ReadonlyMap<string, string> = new Map([
  ['RETRIEVAL_QUERY', 'search_query'],
  ['QUESTION_ANSWERING', 'search_query'],
  ['FACT_VERIFICATION', 'search_query'],
  ['CODE_RETRIEVAL_QUERY', 'search_query'],
  ['CLASSIFICATION', 'classification'],
  ['CLUSTERING', 'clustering'],
  ['SEMANTIC_SIMILARITY', 'clustering'],
])

/** `embeddingPurpose` of Amazon Nova. */
export function novaPurpose(task: string | undefined): string {
  if (task === 'CLASSIFICATION' || task === 'CLUSTERING') return task
  return cohereTask(task) === 'search_query' ? 'TEXT_RETRIEVAL' : 'GENERIC_INDEX'
}
