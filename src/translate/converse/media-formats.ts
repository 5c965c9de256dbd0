import type { MediaPart } from '#translate/common.ts'

/** What Converse calls a type of media, by type as the rest of the world calls it. */
const formatByMime: Readonly<Record<Exclude<MediaPart['medium'], 'file'>, ReadonlyMap<string, string>>> = {
  image: new Map([
    ['image/png', 'png'],
    ['image/jpeg', 'jpeg'],
    ['image/jpg', 'jpeg'],
    ['image/gif', 'gif'],
    ['image/webp', 'webp'],
  ]),
  audio: new Map([
    ['audio/mpeg', 'mp3'],
    ['audio/mp3', 'mp3'],
    ['audio/wav', 'wav'],
    ['audio/x-wav', 'wav'],
    ['audio/wave', 'wav'],
    ['audio/flac', 'flac'],
    ['audio/x-flac', 'flac'],
    ['audio/ogg', 'ogg'],
    ['audio/opus', 'opus'],
    ['audio/aac', 'aac'],
    ['audio/x-aac', 'x-aac'],
    ['audio/mp4', 'mp4'],
    ['audio/m4a', 'm4a'],
    ['audio/x-m4a', 'm4a'],
    ['audio/webm', 'webm'],
    ['audio/x-matroska', 'mka'],
    ['audio/pcm', 'pcm'],
    ['audio/l16', 'pcm'],
  ]),
  video: new Map([
    ['video/mp4', 'mp4'],
    ['video/quicktime', 'mov'],
    ['video/x-matroska', 'mkv'],
    ['video/webm', 'webm'],
    ['video/x-flv', 'flv'],
    ['video/mpeg', 'mpeg'],
    ['video/x-ms-wmv', 'wmv'],
    ['video/3gpp', 'three_gp'],
  ]),
}

const documentByMime: ReadonlyMap<string, string> = new Map([
  ['application/pdf', 'pdf'],
  ['text/csv', 'csv'],
  ['application/csv', 'csv'],
  ['application/msword', 'doc'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/vnd.ms-excel', 'xls'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
  ['text/html', 'html'],
  ['text/plain', 'txt'],
  ['text/markdown', 'md'],
  ['text/x-markdown', 'md'],
])

/** Where the type says nothing, the name of the file may. */
const documentByEnding: ReadonlyMap<string, string> = new Map(
  ['pdf', 'csv', 'doc', 'docx', 'xls', 'xlsx', 'html', 'txt', 'md'].map((ending) => [ending, ending]),
)

/** Undefined: Converse takes none of these. */
export function formatOf(medium: 'image' | 'audio' | 'video', mime: string): string | undefined {
  return formatByMime[medium].get(bare(mime))
}

/** Of a document, by its type or else by its name. */
export function documentFormat(mime: string, filename: string | undefined): string | undefined {
  const ending = /\.([A-Za-z]+)$/.exec(filename ?? '')?.[1]?.toLowerCase() ?? ''
  return documentByMime.get(bare(mime)) ?? (isVague(mime) ? documentByEnding.get(ending) : undefined)
}

export function mimeOfFormat(medium: 'image' | 'audio' | 'video', format: string): string {
  for (const [mime, known] of formatByMime[medium]) if (known === format) return mime
  return `${medium}/${format}`
}

function isVague(mime: string): boolean {
  return mime === '' || bare(mime) === 'application/octet-stream'
}

/** Without parameters such as `;charset=utf-8`. */
function bare(mime: string): string {
  return (mime.split(';')[0] ?? '').trim().toLowerCase()
}
