// `node scripts/run.mjs scripts/build.ts` builds for this machine into dist/, with `--all` for all six targets.
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { binaryName, compile, hostTarget, readStamp, root, targets } from './compile.ts'
import { writeBillOfMaterials, writeSums, zipBinary } from './pack.ts'

const startsMeasured = 7

const dist = join(root, 'dist')
const stamp = readStamp()
const wanted = process.argv.includes('--all') ? targets : [hostTarget()]
const written: string[] = []

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })
console.log(`llm-proxy ${stamp.version}, commit ${stamp.commit}, ${stamp.time.toISOString()}`)

for (const target of wanted) {
  const binary = join(dist, binaryName(target))
  const zip = binary.replace(/(\.exe)?$/, '.zip')
  compile(target, stamp, binary)
  zipBinary(binary, zip, stamp.time)
  written.push(binary, zip)
  console.log(`${binaryName(target).padEnd(32)} ${megabytes(binary)} MB, zipped ${megabytes(zip)} MB`)
}

const bill = join(dist, 'sbom.cdx.json')
writeBillOfMaterials(bill, stamp)
written.push(bill)
writeSums(written, join(dist, 'SHA256SUMS'))
console.log(
  `Starts in ${startUpMs(join(dist, binaryName(hostTarget()))).toFixed(1)} ms (median of ${startsMeasured}, "version")`,
)

function megabytes(file: string): string {
  return (statSync(file).size / 1e6).toFixed(1)
}

/** Also the smoke test of what was built: throws when the binary does not run or does not know its version. */
function startUpMs(binary: string): number {
  const times = Array.from({ length: startsMeasured }, () => {
    const startedMs = performance.now()
    const run = Bun.spawnSync([binary, 'version', '--json'], { stdin: 'ignore' })
    const tookMs = performance.now() - startedMs
    if (run.exitCode !== 0 || !run.stdout.toString().includes(`"${stamp.version}"`)) {
      throw new Error(
        `Cannot use "${binary}": "version --json" did not tell ${stamp.version}\n${run.stderr.toString()}`,
      )
    }
    return tookMs
  })
  return times.toSorted((a, b) => a - b)[Math.floor(startsMeasured / 2)] ?? 0
}
