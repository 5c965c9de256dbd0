import type { Endpoint } from '#core/endpoint.ts'
import type { Permission } from '#core/permission.ts'
import type { Form } from '#core/talk.ts'
import { readResourcePath } from '#wire/resource-path.ts'
import { talkOfPath } from '#wire/talk.ts'

/**
 * The kind of a request, which its caller must be allowed. Whatever nobody here knows is `other`, so that a path that is
 * new some day is closed to those who were given a list.
 */
export function permissionOf({ dialect, talk }: Pick<Endpoint, 'dialect' | 'talk'>, path: string): Permission {
  if (dialect === 'raw') return 'services'
  const plain = plainPath(path)
  const asked = talk ?? talkOfPath(path) ?? talkOfPath(plain)
  if (asked === undefined) return ofPath(plain)
  if (asked.form === 'ollama' && plain === '/api/generate') return 'completions'
  return asked.does === 'embed' ? 'embeddings' : (byForm.get(asked.form) ?? 'other')
}

const byForm: ReadonlyMap<Form, Permission> = new Map<Form, Permission>([
  ['chat', 'chat'],
  ['gemini', 'chat'],
  ['ollama', 'chat'],
  ['completions', 'completions'],
  ['responses', 'responses'],
  ['messages', 'messages'],
])

/** As the most lenient server behind us could read it: another spelling must not be another kind. */
function plainPath(path: string): string {
  let plain = path
  // Limit: times that somebody decodes what was encoded more than once.
  for (let left = 3; left > 0 && plain.includes('%'); left -= 1) {
    try {
      plain = decodeURIComponent(plain)
    } catch {
      break
    }
  }
  return plain
    .toLowerCase()
    .replaceAll(/;[^/]*/g, '')
    .replaceAll(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '')
}

function ofPath(path: string): Permission {
  const [, name = '', next = ''] =
    /^(?:\/(?:upload|download))?(?:\/v1(?:beta|alpha)?)?\/([^/]*)(?:\/([^/]*))?/.exec(path) ?? []
  if (name === 'chat' || name === 'responses' || name === 'messages') return name
  if (name === 'conversations') return 'responses'
  if (name === 'api') return next === 'show' ? 'models' : 'other'
  const named = byName.get(name)
  if (named !== undefined) return named
  return readResourcePath(path) === undefined ? 'other' : 'files'
}

const byName: ReadonlyMap<string, Permission> = new Map([
  ['completions', 'completions'],
  ['embeddings', 'embeddings'],
  ['images', 'images'],
  ['audio', 'audio'],
  ['moderations', 'moderations'],
  ['rerank', 'rerank'],
  ['files', 'files'],
  ['uploads', 'files'],
  ['batches', 'files'],
])
