import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readManifest, root } from './compile.ts'

/** A package whose code is in the binary. */
export interface InsidePackage {
  readonly name: string
  readonly version: string
  /** SPDX. */
  readonly license: string
  /** SHA-512 of the package as published, hexadecimal. */
  readonly sha512: string
  readonly dependencies: readonly string[]
}

/**
 * What the binary is made of: the dependencies of package.json with theirs, as locked, and bun as its runtime.
 * Read from the lockfile, because `npm sbom --omit=dev` leaves out packages that a development tool uses as well.
 */
export function packagesInside(): InsidePackage[] {
  const lock: { readonly packages: Record<string, LockedPackage> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  )
  const found = new Map<string, InsidePackage>()
  const waiting = ['bun', ...Object.keys(readManifest().dependencies)]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue
    const locked = lock.packages[`node_modules/${name}`]
    if (locked === undefined)
      throw new Error(`Cannot tell what is inside the binary: "${name}" is not in package-lock.json`)
    const dependencies = Object.keys(locked.dependencies ?? {})
    waiting.push(...dependencies)
    const sha512 = Buffer.from(locked.integrity.replace('sha512-', ''), 'base64').toString('hex')
    found.set(name, { name, version: locked.version, license: locked.license ?? 'NOASSERTION', sha512, dependencies })
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

interface LockedPackage {
  readonly version: string
  readonly integrity: string
  readonly license?: string
  readonly dependencies?: Record<string, string>
}
