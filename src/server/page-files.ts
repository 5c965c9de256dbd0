import { bundlePage } from './page-bundle.ts' with { type: 'macro' }

/** One file that browsers get. */
export interface PageFile {
  readonly text: string
  readonly type: string
  /** As in `etag`. */
  readonly tag: string
}

// Run by the bundler: the program holds the bundle, and no generated file can be older than its sources.
const bundle = bundlePage()

const scriptName = `page-${hashOf(bundle.script)}.js`
const styleName = `page-${hashOf(bundle.style)}.css`

/** By name, below `/static/`. */
export const pageFiles: ReadonlyMap<string, PageFile> = new Map([
  [scriptName, fileOf(bundle.script, 'text/javascript; charset=utf-8')],
  [styleName, fileOf(bundle.style, 'text/css; charset=utf-8')],
])

/** The page itself. `adminPath`: where it may ask for more than everybody sees; undefined: nowhere. */
export function page(adminPath: string | undefined): PageFile {
  const text = bundle.html
    .replace('SCRIPT_NAME', scriptName)
    .replace('STYLE_NAME', styleName)
    // Its characters are those of the schema, none of which means anything in HTML.
    .replace('ADMIN_PATH', adminPath ?? '')
  return fileOf(text, 'text/html; charset=utf-8')
}

function fileOf(text: string, type: string): PageFile {
  return { text, type, tag: `"${hashOf(text)}"` }
}

function hashOf(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex').slice(0, 16)
}
