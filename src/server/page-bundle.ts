import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the status page is made of, as text. */
export interface PageBundle {
  readonly html: string
  readonly script: string
  readonly style: string
}

/**
 * Makes the page out of `ui/`. A macro: it runs where `page-files.ts` is bundled, or read by a program that runs from its
 * sources, and never in a compiled one. A bundler of its own does the work, since the one that waits for it cannot.
 */
export function bundlePage(): PageBundle {
  const folder = join(import.meta.dir, 'ui')
  return {
    html: readFileSync(join(folder, 'page.html'), 'utf8'),
    script: bundled(join(folder, 'main.tsx')),
    style: bundled(join(folder, 'style.css')),
  }
}

function bundled(entry: string): string {
  const flags = [
    '--target=browser',
    '--format=esm',
    '--minify',
    '--production',
    '--define=process.env.NODE_ENV="production"',
  ]
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, 'build', ...flags, entry], { stdin: 'ignore' })
  if (exitCode === 0) return stdout.toString()
  throw new Error(`Cannot bundle "${entry}": bun ended with ${exitCode}\n${stderr.toString()}`)
}
