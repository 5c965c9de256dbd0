// `bun scripts/licenses.ts`: name, version and licence of every package whose code is inside the binary.
import { packagesInside } from './inside.ts'

for (const { name, version, license } of packagesInside()) {
  console.log(`${name.padEnd(28)} ${version.padEnd(10)} ${license}`)
}
