import { expect, test } from 'bun:test'
import { simulate } from './simulation.ts'

/** Of the short run; the long one goes on from there. */
const firstSeeds = 300
const allSeeds = 10_000

const only = process.env['SIM_SEED']
const isLong = process.env['LLM_PROXY_LONG'] === '1'
const seeds =
  only === undefined ? Array.from({ length: isLong ? allSeeds : firstSeeds }, (_, at) => at + 1) : [Number(only)]

test(
  'whatever upstreams, clients and operators do, the road keeps its promises (I1–I5, I7–I9, I11, I12) and recovers',
  async () => {
    const failed: string[] = []
    for (const seed of seeds) {
      const { problems, story } = await simulate(seed)
      if (problems.length === 0) continue
      if (only !== undefined) console.log(story.join('\n'))
      failed.push(`SIM_SEED=${seed} node scripts/run.mjs test tests/sim/road.sim.test.ts\n  ${problems.join('\n  ')}`)
      if (failed.length === 5) break
    }
    expect(failed.join('\n')).toBe('')
  },
  isLong ? 3_600_000 : 60_000,
)

test('a run by seed is the same every time', async () => {
  const [one, other] = [await simulate(7), await simulate(7)]
  expect(one.story).toEqual([...other.story])
})
