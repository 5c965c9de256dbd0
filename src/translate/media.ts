import type { MediaPart } from './common.ts'

/** `data:` URL → type and base64 without blanks; undefined where it is none, or not base64. An empty type is looked up. */
export function readDataUrl(url: string): { readonly mime: string; readonly base64: string } | undefined {
  if (url.slice(0, 'data:'.length).toLowerCase() !== 'data:') return undefined
  const comma = url.indexOf(',')
  // Limit: characters before the data; nobody's type is longer.
  if (comma < 0 || comma > 1000) return undefined
  const [declared = '', ...params] = url.slice('data:'.length, comma).split(';')
  if (params.at(-1)?.trim().toLowerCase() !== 'base64') return undefined
  const base64 = plainBase64(url.slice(comma + 1))
  return base64 === undefined ? undefined : { mime: mimeOf(base64, declared), base64 }
}

export function dataUrl(mime: string, base64: string): string {
  return `data:${mime};base64,${base64}`
}

/** Without blanks, escapes and the other alphabet; undefined where it is something else. */
function plainBase64(text: string): string | undefined {
  if (base64Only.test(text)) return text
  const plain = text
    .replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll(/\s+/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
  return base64Only.test(plain) ? plain : undefined
}

const base64Only = /^[A-Za-z0-9+/]+={0,2}$/

/** The type as the bytes tell it; empty where they do not. `declared`: kept where it says something; `image/jpg` is mended. */
export function mimeOf(base64: string, declared: string): string {
  const type = plainMime(declared)
  if (type !== '' && !type.endsWith('/octet-stream') && !type.includes('*')) return mended.get(type) ?? type
  const start = Buffer.from(base64.slice(0, 64), 'base64').toString('latin1')
  return magic.find(([pattern]) => pattern.test(start))?.[1] ?? ''
}

function plainMime(mime: string): string {
  return (mime.split(';')[0] ?? '').trim().toLowerCase()
}

const mended: ReadonlyMap<string, string> = new Map([
  ['image/jpg', 'image/jpeg'],
  ['image/pjpeg', 'image/jpeg'],
  ['image/x-png', 'image/png'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/vnd.wave', 'audio/wav'],
  ['application/x-pdf', 'application/pdf'],
])

/** How the bytes of a type begin, as Latin-1. */
const magic: readonly (readonly [start: RegExp, mime: string])[] = [
  [/^\u0089PNG\r\n/, 'image/png'],
  [/^\u00ff\u00d8\u00ff/, 'image/jpeg'],
  [/^GIF8[79]a/, 'image/gif'],
  [/^RIFF[^]{4}WEBP/, 'image/webp'],
  [/^RIFF[^]{4}WAVE/, 'audio/wav'],
  [/^RIFF[^]{4}AVI /, 'video/x-msvideo'],
  [/^BM[^]{4}\0\0\0\0/, 'image/bmp'],
  [/^(?:II\*\0|MM\0\*)/, 'image/tiff'],
  [/^[^]{4}ftyp(?:avif|avis)/, 'image/avif'],
  [/^[^]{4}ftyp(?:heic|heix|mif1|msf1)/, 'image/heic'],
  [/^[^]{4}ftyp(?:M4A |M4B )/, 'audio/mp4'],
  [/^[^]{4}ftypqt/, 'video/quicktime'],
  [/^[^]{4}ftyp/, 'video/mp4'],
  [/^[^]E\u00df\u00a3/, 'video/webm'],
  [/^\s*%PDF-/, 'application/pdf'],
  [/^(?:ID3|\u00ff[\u00fb\u00f3\u00f2\u00fa])/, 'audio/mpeg'],
  [/^fLaC/, 'audio/flac'],
  [/^OggS/, 'audio/ogg'],
  [/^\u00ff[\u00f1\u00f9]/, 'audio/aac'],
]

/** The text of a file that is plain text (text/*, JSON, …), however it is carried; undefined where it is none. */
export function textOfFile(part: MediaPart): string | undefined {
  const { source } = part
  if ('text' in source) return source.text
  if (part.medium !== 'file') return undefined
  const held =
    'base64' in source ? { base64: source.base64, mime: '' } : 'url' in source ? readDataUrl(source.url) : undefined
  if (held === undefined) return undefined
  const mime = plainMime(part.mime) || plainMime(held.mime)
  const isVague = mime === '' || mime.endsWith('/octet-stream')
  const extension = /\.([a-z0-9]+)$/i.exec(part.filename ?? '')?.[1]?.toLowerCase() ?? ''
  if (isVague ? !(textExtensions.has(extension) || (extension === '' && mime === '')) : !isTextType(mime))
    return undefined
  if (isVague && mimeOf(held.base64, '') !== '') return undefined
  const text = decoded(held.base64)
  // Without any name for it, only what looks like text is taken for it.
  return isVague && text !== undefined && controls.test(text) ? undefined : text
}

/** Control characters that no text has. */
const controls = /[^\P{Cc}\t\n\v\f\r]/u

function isTextType(mime: string): boolean {
  return mime.startsWith('text/') || textTypes.has(mime) || /^application\/[\w.-]+\+(?:json|xml|yaml)$/.test(mime)
}

const textTypes: ReadonlySet<string> = new Set(
  'json ld+json jsonl x-ndjson ndjson xml yaml x-yaml toml javascript x-javascript typescript ecmascript sql graphql x-sh x-python x-httpd-php x-latex x-tex csv'
    .split(' ')
    .map((name) => `application/${name}`),
)

const textExtensions: ReadonlySet<string> = new Set(
  'txt md markdown rst csv tsv json jsonl ndjson xml html htm css js mjs cjs jsx ts tsx py rb rs go java kt swift c h cc cpp hpp cs php sh bash zsh ps1 bat sql yaml yml toml ini cfg conf env log tex diff patch graphql proto lua pl r scala dart vue svelte'.split(
    ' ',
  ),
)

/** UTF-8 without its mark at the beginning; undefined where it is none. */
function decoded(base64: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'))
  } catch {
    return undefined
  }
}

/** A file as a part of text, with the header line `--- file: name ---`. */
export function inlined(part: MediaPart, text: string): string {
  const name = (part.filename ?? part.title ?? 'document').replaceAll(/\s+/g, ' ').trim()
  const title = part.filename !== undefined && part.title !== undefined ? `${part.title}\n` : ''
  const context = part.context === undefined ? '' : `${part.context}\n`
  return `--- file: ${name} ---\n${title}${context}${text}`
}

/** A URL that is a file's address; `gs://`, `files/…` and ids are not. */
export function isWebUrl(url: string): boolean {
  return /^https?:\/\//i.test(url)
}
