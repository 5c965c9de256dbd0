// `node scripts/run.mjs scripts/licenses.ts`: name, version and licence of every package inside the binary.
import { packagesInside } from './inside.ts'

for (const { name, version, license } of packagesInside()) {
  console.log(`${name.padEnd(28)} ${version.padEnd(10)} ${license}`)
}
