import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cores } from './machine.ts'
import type { NativeTools } from './native.ts'
import { start } from './processes.ts'
import { prepareLaunch, runDirectory, type Target } from './targets.ts'
import type { Upstream } from './upstream.ts'
import { rawRequest, workloads } from './workloads.ts'

/** Times of one target in milliseconds, in the order they were taken. */
export interface ColdStarts {
  readonly target: string
  /** Until it took a connection. */
  readonly listenMs: readonly number[]
  /** Until the first answer came through it. */
  readonly answerMs: readonly number[]
}

/**
 * Starts the target `times` times, one after the other, each time as a new process with new files, and takes the time
 * from the start of the process to the first answer that came through it. The load generator forks it and asks every
 * 0.2 ms, so the times are exact to that.
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
  const listenMs: number[] = []
  const answerMs: number[] = []
  for (let left = times; left > 0; left -= 1) {
    const { command, env, port } = prepareLaunch(target, { upstream: upstream.plain, binary })
    const flags = ['-m', 'cold', '-p', `${port}`, '-f', requestFile, '-d', '10', '-k', `${cores.proxy}`, '--']
    const errorFile = join(runDirectory, 'cold.txt')
    const starter = start([tools.loadGenerator, ...flags, ...command], { core: cores.load, env, errorFile })
    const text = await new Response(starter.output).text()
    await starter.stop()
    if (text === '')
      throw new Error(`Cannot measure the cold start of "${target.name}": it gave no good answer within 10 s`)
    const { listenUs, answerUs }: { listenUs: number; answerUs: number } = JSON.parse(text)
    listenMs.push(listenUs / 1000)
    answerMs.push(answerUs / 1000)
  }
  return { target: target.name, listenMs, answerMs }
}
