import { Client, type Wish } from './client.ts'
import type { Dice } from './dice.ts'
import { brokenPromises } from './invariants.ts'
import { forms } from './speech.ts'
import { World } from './world.ts'

export interface Report {
  readonly problems: readonly string[]
  readonly story: readonly string[]
  /** What happened how often, to see that a run is not idle. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly rescues: number
}

/** One seed from beginning to end: faults, then health. */
export async function simulate(seed: number): Promise<Report> {
  const world = await World.open(seed)
  const clients = wishes(world.dice, world.aliases).map((wish) => new Client(world, wish))
  const problems = await run(world, clients, [reloads(world), cuts(world)])
  if (problems.length === 0) problems.push(...(await whatIsLeft(world, clients)))
  if (problems.length === 0) problems.push(...(await recover(world, clients)))
  const outcomes: Record<string, number> = {}
  for (const { outcome = 'none' } of world.settled) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  const rescues = world.settled.reduce((sum, { rescuedAtBytes = [] }) => sum + rescuedAtBytes.length, 0)
  return { problems, story: world.story, outcomes, rescues }
}

/** Virtual milliseconds after which whatever is not over will never be. */
const patienceMs = 7_200_000

/** Virtual milliseconds in which whatever was begun for a client that is gone has to end. */
const lingerMs = 2000

/** The longest limit of a configuration: timers of the wheel may outlive their deadlines by as much. */
export const longestLimitMs = 601_000

/** Lets these clients, and whoever acts beside them, come to their end; and then everything that lingers. */
export async function run(
  world: World,
  clients: readonly Client[],
  others: readonly Promise<void>[] = [],
): Promise<string[]> {
  const problems: string[] = []
  let running = clients.length + others.length
  const over = (): void => void (running -= 1)
  const fell = (error: unknown): void => {
    over()
    problems.push(`it threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  for (const task of [...clients.map(async (client) => await client.run()), ...others]) task.then(over, fell)
  const isOver = (): boolean => running === 0 && world.gateway.live.size === 0
  if (!(await world.clock.runUntil(isOver, patienceMs))) {
    const stuck = clients.filter(({ ended }) => ended === undefined).map(({ wish }) => wish.number)
    problems.push(`it hangs: ${world.gateway.live.size} live, clients ${stuck.join()} wait`)
  }
  await world.clock.pass(lingerMs)
  return problems
}

/** Faults are over: within a bound everybody is served, and every route has recovered. */
async function recover(world: World, before: readonly Client[]): Promise<string[]> {
  world.isHealed = true
  world.health.isHealed = true
  world.tell('healed')
  const resting = world.routes().filter(({ why }) => why !== undefined)
  if (resting.length > 0) return resting.map(({ id, why }) => `not recovered: ${id} still rests (${why})`)
  const startMs = world.clock.monotonicMs()
  const clients = world.aliases.flatMap((alias, at) =>
    [0, 1, 2].map((turn) => {
      const number = before.length + at * 3 + turn + 1
      const askMs = startMs + (at * 3 + turn) * 30_000
      return new Client(world, { ...calm, number, alias, askMs, form: world.dice.pick(forms) })
    }),
  )
  const problems = await run(world, clients)
  for (const { wish, status, ended, body } of clients) {
    if (status !== 200 || ended !== 'clean') {
      problems.push(`not recovered: client ${wish.number} got ${status}, ${ended}: ${body.toString().slice(0, 300)}`)
    }
  }
  return [...problems, ...(await whatIsLeft(world, [...before, ...clients]))]
}

/** What does not hold when all is over, and, after the longest time that anything could take, what was left behind. */
export async function whatIsLeft(world: World, clients: readonly Client[]): Promise<string[]> {
  const problems = brokenPromises(world, clients)
  await world.clock.pass(longestLimitMs)
  const { clock } = world
  if (clock.pending > 0) {
    const due = clock.dueTimes.map((dueMs) => dueMs - clock.monotonicMs())
    problems.push(`I5: timers are left that are due in ${due.join()} ms`)
  }
  return problems
}

const calm = {
  isStream: true,
  reads: 'all',
  leavesAfterMs: undefined,
  leaving: { first: 'signal', gapMs: 0 },
  uploadMs: 0,
} as const satisfies Partial<Wish>

function wishes(dice: Dice, aliases: readonly string[]): Wish[] {
  const count = dice.between(3, 12)
  const withinMs = dice.pick([0, 2000, 20_000, 60_000, 200_000])
  const paces = dice.chance(0.2) ? (['slowly', 'slowly', 'never'] as const) : (['all', 'all', 'all', 'slowly'] as const)
  const leavers = dice.pick([0, 0.1, 0.1, 0.6])
  const form = dice.chance(0.5) ? dice.pick(forms) : undefined
  return Array.from({ length: count }, (_, at) => ({
    number: at + 1,
    form: form ?? (dice.chance(0.05) ? undefined : dice.pick(forms)),
    isStream: dice.chance(0.8),
    alias: dice.pick(aliases),
    askMs: dice.between(0, withinMs),
    reads: dice.pick(paces),
    leavesAfterMs: dice.chance(leavers)
      ? dice.pick([0, 1, 15, 21, 60, 300, 3000, 30_000]) + dice.between(0, 9)
      : undefined,
    leaving: { first: dice.pick(['signal', 'body'] as const), gapMs: dice.pick([0, 0, 1, 10, 1000]) },
    uploadMs: dice.chance(0.1) ? dice.pick([10, 2000, 20_000]) : 0,
  }))
}

async function reloads(world: World): Promise<void> {
  const { dice, clock } = world
  while (dice.chance(0.3)) {
    await clock.sleep(dice.between(0, 30_000))
    await world.reload()
  }
}

async function cuts(world: World): Promise<void> {
  if (!world.dice.chance(0.08)) return
  await world.clock.sleep(world.dice.between(0, 20_000))
  world.cutAll()
}
