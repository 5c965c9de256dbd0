import type { Dialect } from '#core/dialect.ts'
import type { OwnedKind } from '#core/owner.ts'

/** A path at which no model is asked, but something that a provider keeps: a file, a batch, a former response. */
export interface ResourcePath {
  /** As the path alone tells; several of them have `/v1/files`. */
  readonly dialect: Dialect
  readonly kind: OwnedKind
  /** `files`, `messages/batches` and so on. */
  readonly collection: string
  /** What is made there is known by the id that the answer gives. The others are of a whole account. */
  readonly isOwnable: boolean
  /** The segments behind the name of the collection, decoded. */
  readonly rest: readonly string[]
  /** Bodies may be files of any size, and are none of our business. */
  readonly isUpload: boolean
  /** Bytes of files go up or down there. */
  readonly isTransfer: boolean
}

/** Undefined for all other paths: those of an account, its keys and its bills are not for clients. */
export function readResourcePath(path: string): ResourcePath | undefined {
  const [head, transfer, version = '', name = ''] = collectionPath.exec(path) ?? []
  if (head === undefined) return undefined
  const isGemini = version === 'v1beta' || version === 'v1alpha'
  const dialect = isGemini ? 'gemini' : name === 'messages/batches' ? 'anthropic' : 'openai'
  const kind = collections[dialect].get(name)
  if (kind === undefined || (transfer !== undefined && !isGemini)) return undefined
  // Some clients are configured with a base URL that has no version.
  if (version === '' && !unversioned.has(name)) return undefined
  const rest = segmentsOf(path.slice(head.length))
  if (rest === undefined) return undefined
  // Models are asked there.
  if (rest.length === 0 && (name === 'responses' || name === 'chat/completions')) return undefined
  if (name === 'responses' && rest.length === 1 && modelVerbs.has(rest[0] ?? '')) return undefined
  const isUpload = transfer === 'upload' || (name !== 'vector_stores' && uploadPath.test(path))
  const isOwnable = dialect === 'gemini' ? kind !== 'other' : ownable.has(name)
  return { dialect, kind, collection: name, isOwnable, rest, isUpload, isTransfer: transfer !== undefined }
}

/** The ids of a path: behind the name of a collection, and behind those of the collections in it. */
export function idsOfPath({ rest }: Pick<ResourcePath, 'rest'>): readonly string[] {
  // Google's have a verb behind a colon.
  return rest.filter((_, index) => index % 2 === 0).map((segment) => segment.replace(/:[^:]*$/, ''))
}

/**
 * Of an account itself, its people, keys and bills, or a path that servers read in two ways, and so could take for one of
 * those: no client gets there, whatever its method and body.
 */
export function isClosedPath(path: string): boolean {
  if (!/^\/v1(?:\/|$)/i.test(path)) return false
  const names: string[] = []
  for (const segment of path.split('/')) {
    let plain = decoded(segment)
    if (plain === undefined || /[/\\]/.test(plain)) return true
    // Limit: times that somebody decodes what was encoded more than once.
    for (let left = 3; left > 0 && plain.includes('%'); left -= 1) plain = decoded(plain) ?? plain
    for (const part of plain.split(/[/\\]/)) {
      // Some servers cut parameters off.
      const [name = ''] = part.split(';')
      if (name === '.' || name === '..') return true
      if (name !== '') names.push(name.toLowerCase())
    }
  }
  const [, first = '', second] = names
  return ofAccount.has(first) || (first === 'fine_tuning' && second === 'checkpoints')
}

const ofAccount: ReadonlySet<string> = new Set(['organization', 'organizations', 'usage', 'dashboard'])

/** Models are asked there too. */
const modelVerbs: ReadonlySet<string> = new Set(['compact', 'input_tokens'])

const ownable: ReadonlySet<string> = new Set([
  'batches',
  'containers',
  'conversations',
  'files',
  'messages/batches',
  'responses',
  'uploads',
  'vector_stores',
  'videos',
])

/** Undefined where a server could read the path in two ways, and so leave the collection. */
function segmentsOf(path: string): readonly string[] | undefined {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    const plain = decoded(segment)
    if (plain === undefined || plain === '.' || plain === '..' || /[/\\]/.test(plain)) return undefined
    if (plain !== '') segments.push(plain)
  }
  return segments
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

const collectionPath =
  /^(?:\/(upload|download))?(?:\/(v1|v1beta|v1alpha))?\/(chat\/completions|messages\/batches|fine_tuning\/jobs|[A-Za-z_]+)(?=\/|$)/

const collections: Readonly<Record<'openai' | 'anthropic' | 'gemini', ReadonlyMap<string, OwnedKind>>> = {
  openai: new Map<string, OwnedKind>([
    ['assistants', 'other'],
    ['batches', 'other'],
    ['chat/completions', 'other'],
    ['containers', 'container'],
    ['conversations', 'conversation'],
    ['evals', 'other'],
    ['files', 'file'],
    ['fine_tuning/jobs', 'other'],
    ['responses', 'response'],
    ['skills', 'other'],
    ['threads', 'other'],
    ['uploads', 'other'],
    ['vector_stores', 'vector_store'],
    ['videos', 'other'],
  ]),
  anthropic: new Map<string, OwnedKind>([['messages/batches', 'other']]),
  gemini: new Map<string, OwnedKind>([
    ['batches', 'other'],
    ['cachedContents', 'cache'],
    ['fileSearchStores', 'other'],
    ['files', 'file'],
  ]),
}

/** Does the word name a collection, or what is done with things? Then it is nobody's id. */
export function isNameInPath(word: string): boolean {
  return words.has(word.toLowerCase())
}

const words: ReadonlySet<string> = new Set(
  [
    ...Object.values(collections).flatMap((names) => Array.from(names.keys(), (name) => name.split('/'))),
    ['completions', 'embeddings', 'models', 'messages', 'generations', 'edits', 'variations', 'speech', 'rerank'],
    ['transcriptions', 'translations', 'moderations', 'count_tokens', 'input_items', 'input_tokens', 'compact'],
    ['cancel', 'complete', 'content', 'parts', 'results', 'search', 'items', 'file_batches', 'checkpoints', 'runs'],
    ['events', 'steps', 'pause', 'resume', 'versions', 'output_items', 'remix'],
  ]
    .flat()
    .map((word) => word.toLowerCase()),
)

const unversioned: ReadonlySet<string> = new Set(['batches', 'chat/completions', 'conversations', 'files', 'responses'])

/** Files, and what is made of them. */
const uploadPath = /\/(?:files|parts|skills|versions)\/?$/
