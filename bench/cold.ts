// `node scripts/run.mjs bench/cold.ts [--times 10] [--binary PATH]`: time from the start of each target to its
// first proxied answer.
import { parseArgs } from 'node:util'
import { measureCold } from './cold-start.ts'
import { requireMachine } from './machine.ts'
import { compileNative } from './native.ts'
import { pinSelf, stopAll } from './processes.ts'
import { coldTable } from './report.ts'
import { gatewayBinary, makeRunDirectory, removeRunDirectory, targets } from './targets.ts'
import { startUpstream } from './upstream.ts'

const { values } = parseArgs({ options: { times: { type: 'string', default: '10' }, binary: { type: 'string' } } })
const times = Number(values.times)
const measured: ReadonlySet<string> = new Set(['haproxy', 'llm-proxy', 'llm-proxy-bare'])

try {
  if (!Number.isInteger(times) || times < 1 || times > 100) {
    throw new Error(`Cannot use "--times ${values.times}": it must be a number from 1 to 100`)
  }
  requireMachine(false)
  makeRunDirectory()
  const tools = compileNative()
  const binary = gatewayBinary(values.binary)
  pinSelf()
  const upstream = await startUpstream(tools, times * 40 + 60, false)
  const starts = []
  for (const target of targets.filter(({ name }) => measured.has(name))) {
    starts.push(await measureCold(target, times, tools, upstream, binary))
  }
  console.log(coldTable(starts))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await stopAll()
  removeRunDirectory()
}
