import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { zipSync } from 'fflate'
import type { Zippable } from 'fflate'
import { root } from './compile.ts'
import type { Stamp } from './compile.ts'
import { packagesInside } from './inside.ts'

/** What a user finds beside the binary: the example, and every document that a link of a README leads to, by and by. */
const companions = ['config.example.yaml', 'LICENSE', '*.md', 'docs/**/*', 'deploy/**/*', 'bench/results/README.md']
const unixHost = 3
const executable = 0o755 << 16
const readable = 0o644 << 16

/** Zips one binary with what a user needs, in a folder `llm-proxy/`. Same input, same bytes. */
export function zipBinary(binary: string, zipFile: string, time: Date): void {
  const mtime = asLocalTime(time)
  const files: Zippable = {
    [`llm-proxy/${basename(binary)}`]: [readFileSync(binary), { os: unixHost, attrs: executable, mtime, level: 6 }],
  }
  for (const name of companionFiles()) {
    files[`llm-proxy/${name}`] = [readFileSync(join(root, name)), { os: unixHost, attrs: readable, mtime, level: 6 }]
  }
  writeFileSync(zipFile, zipSync(files))
}

function companionFiles(): string[] {
  return companions
    .flatMap((pattern) => Array.from(new Bun.Glob(pattern).scanSync({ cwd: root })))
    .map((name) => name.replaceAll('\\', '/'))
    .toSorted()
}

/** `SHA256SUMS` in the form that `sha256sum --check` reads. */
export function writeSums(files: readonly string[], sumsFile: string): void {
  const lines = files.toSorted().map((file) => {
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex')
    return `${digest}  ${basename(file)}\n`
  })
  writeFileSync(sumsFile, lines.join(''))
}

/** CycloneDX list of what is inside the binary. */
export function writeBillOfMaterials(file: string, stamp: Stamp): void {
  const self = `llm-proxy@${stamp.version}`
  const inside = packagesInside()
  const bill = {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: stamp.time.toISOString(),
      component: {
        'bom-ref': self,
        type: 'application',
        name: 'llm-proxy',
        version: stamp.version,
        licenses: [{ license: { id: 'MIT' } }],
      },
    },
    components: inside.map(({ name, version, license, sha512 }) => ({
      'bom-ref': `${name}@${version}`,
      type: name === 'bun' ? 'platform' : 'library',
      name,
      version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      hashes: [{ alg: 'SHA-512', content: sha512 }],
      licenses: [{ license: { id: license } }],
    })),
    dependencies: [
      { ref: self, dependsOn: inside.map(({ name, version }) => `${name}@${version}`) },
      ...inside.map(({ name, version, dependencies }) => ({
        ref: `${name}@${version}`,
        dependsOn: inside
          .filter((other) => dependencies.includes(other.name))
          .map((other) => `${other.name}@${other.version}`),
      })),
    ],
  }
  writeFileSync(file, `${JSON.stringify(bill, undefined, 2)}\n`)
}

/** A zip holds local time without a zone, from 1980 on: this makes every machine write the digits of UTC. */
function asLocalTime(time: Date): Date {
  const utc = new Date(Math.max(time.getTime(), Date.UTC(1980, 0, 1)))
  return new Date(
    utc.getUTCFullYear(),
    utc.getUTCMonth(),
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
    utc.getUTCSeconds(),
  )
}
