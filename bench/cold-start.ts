import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Upstream } from './harness.ts'
import { cores } from './machine.ts'
import type { NativeTools } from './native.ts'
import { start } from './processes.ts'
import { prepareLaunch, runDirectory, type Target } from './targets.ts'
import { rawRequest, workloads } from './workloads.ts'

/** The gateway must answer its first request this soon. */
export const coldGoalMs = 60

/** Times of one target in milliseconds, in the order they were taken. */
export interface ColdStarts {
  readonly target: string
  readonly answerMs: readonly number[]
}

/**
 * Starts the target `times` times, one after the other, each time as a new process with new files, and takes the time
 * from the start of the process to the first answer that came through it. The load generator starts it and asks.
 */
export async function measureCold(
  target: Target,
  times: number,
  tools: NativeTools,
  upstream: Upstream,
  binary: string,
): Promise<ColdStarts> {
  const requestFile = join(runDirectory, 'cold.http')
  const [workload] = workloads
  if (workload === undefined) throw new Error('Cannot measure cold starts: there is no workload')
  writeFileSync(requestFile, rawRequest(workload))
  const answerMs: number[] = []
  for (let left = times; left > 0; left -= 1) {
    const { command, env, port } = prepareLaunch(target, { upstreamPort: upstream.port, binary })
    const flags = ['-m', 'cold', '-p', `${port}`, '-f', requestFile, '-d', '10', '-k', `${cores.proxy}`, '--']
    const errorFile = join(runDirectory, 'cold.txt')
    const starter = start([tools.loadGenerator, ...flags, ...command], { core: cores.load, env, errorFile })
    const text = await new Response(starter.output).text()
    await starter.stop()
    if (text === '')
      throw new Error(`Cannot measure the cold start of "${target.name}": it gave no good answer within 10 s`)
    const { answerUs }: { answerUs: number } = JSON.parse(text)
    answerMs.push(answerUs / 1000)
  }
  return { target: target.name, answerMs }
}
