import { encode } from '#kit/bytes.ts'
import type { MediaPart } from '#translate/common.ts'
import { inlined, mimeOf, textOfFile } from '#translate/media.ts'
import type { Block } from './cache-points.ts'
import { documentFormat, formatOf } from './media-formats.ts'
import type { RequestWriting } from './request-writing.ts'

/** Writes media as blocks; documents of one request must have different names. */
export class MediaBlocks {
  readonly #writing: RequestWriting
  readonly #names = new Set<string>()
  /** The last number behind each name. */
  readonly #counts = new Map<string, number>()

  constructor(writing: RequestWriting) {
    this.#writing = writing
  }

  /** Undefined: it cannot be carried, and the request is rejected. */
  block(part: MediaPart, field: string): Block | undefined {
    const { medium } = part
    if (medium === 'file') return this.#document(part, field)
    if (!this.#takes(part, field)) return undefined
    if (medium === 'image' && part.detail !== undefined && part.detail !== 'auto') {
      this.#writing.notes.drop('dropped:image_detail', field)
    }
    const mime = 'base64' in part.source ? mimeOf(part.source.base64, part.mime) : part.mime
    const format = formatOf(medium, mime) ?? formatOfName(part, medium)
    if (format === undefined) return this.#reject(field, `${medium} of type "${mime}" is not supported`)
    const source = this.#sourceOf(part, field)
    return source && { [medium]: { format, source } }
  }

  #document(part: MediaPart, field: string): Block | undefined {
    const base64 = 'base64' in part.source ? part.source.base64 : undefined
    const format = documentFormat(base64 === undefined ? part.mime : mimeOf(base64, part.mime), part.filename)
    const text = format === undefined || 'text' in part.source ? textOfFile(part) : undefined
    if (format === undefined && text === undefined) {
      return this.#reject(field, `a document of type "${part.mime}" is not supported`)
    }
    // Those who take no documents read their text.
    if (!this.#writing.target.profile.media.has('file')) {
      const plain = text ?? textOfFile(part)
      return plain === undefined ? this.#reject(field, 'file input is not supported') : { text: inlined(part, plain) }
    }
    const source = text === undefined ? this.#sourceOf(part, field) : { bytes: base64Of(text) }
    if (source === undefined) return undefined
    return {
      document: {
        format: format ?? 'txt',
        name: this.#nameOf(part),
        source,
        ...(part.context !== undefined && part.context !== '' && { context: part.context }),
        ...(part.citations === true && { citations: { enabled: true } }),
      },
    }
  }

  #sourceOf(part: MediaPart, field: string): Block | undefined {
    const { source } = part
    if ('base64' in source) return { bytes: source.base64 }
    if ('text' in source) return { bytes: base64Of(source.text) }
    const address = 'url' in source ? source.url : source.file.id
    if (/^s3:\/\//i.test(address)) return { s3Location: { uri: address } }
    return 'url' in source
      ? this.#reject(field, `${part.medium} input by address is not supported`)
      : this.#reject(field, 'a file that another provider keeps cannot be read')
  }

  #takes({ medium }: MediaPart, field: string): boolean {
    if (this.#writing.target.profile.media.has(medium)) return true
    this.#reject(field, `${medium} input is not supported`)
    return false
  }

  #reject(field: string, message: string): undefined {
    this.#writing.notes.reject(field, message)
  }

  /** Letters, digits, single blanks, hyphens and brackets; told apart by a number. */
  #nameOf({ title, filename }: MediaPart): string {
    const base = documentName(title ?? filename?.replace(/\.[A-Za-z0-9]{1,5}$/, '') ?? '')
    let name = base
    let count = this.#counts.get(base) ?? 1
    while (this.#names.has(name)) name = `${base}-${(count += 1)}`
    this.#counts.set(base, count)
    this.#names.add(name)
    return name
  }
}

function documentName(written: string): string {
  const plain = written
    .replaceAll(/[^A-Za-z0-9\s()[\]-]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, nameLengthMax)
    .trim()
  return plain === '' ? 'document' : plain
}

/** Limit: characters of a document's name; the number behind it may be longer than that. */
const nameLengthMax = 190

/** Of what is kept elsewhere, only the name may say what it is. */
function formatOfName(part: MediaPart, medium: 'image' | 'audio' | 'video'): string | undefined {
  const { source } = part
  const address = 'url' in source ? source.url : 'file' in source ? source.file.id : (part.filename ?? '')
  const ending = /\.([A-Za-z0-9]+)(?:[?#].*)?$/.exec(address)?.[1]?.toLowerCase()
  return ending === undefined ? undefined : formatOf(medium, `${medium}/${ending === 'jpg' ? 'jpeg' : ending}`)
}

function base64Of(text: string): string {
  return Buffer.from(encode(text)).toString('base64')
}
