import type { ColdStarts } from './cold-start.ts'
import type { Cell } from './harness.ts'
import { median, medianInterval, type Interval } from './statistics.ts'
import { summarize } from './summary.ts'
import { workloads } from './workloads.ts'

/** A figure that no release may exceed. */
export interface Goal {
  readonly target: string
  /** Id of a workload, or the cold start. */
  readonly workload: string
  readonly figure: Figure
  readonly max: number
}

type Figure = keyof typeof figureNames

/** How a figure is called in the report. */
const figureNames = {
  ratio: 'CPU per unit × HAProxy',
  opened: 'upstream connections opened per 1,000 requests',
  behind: "% behind HAProxy's rate",
  failures: 'failed requests',
  firstAnswer: 'ms to the first answer',
} as const

export const coldStart = 'cold start'

/** Everything that a user would switch on. */
const fullGoals: readonly Goal[] = [
  ...ratioGoals('llm-proxy', 3, ['W1-c32', 'W1-c256']),
  ...ratioGoals('llm-proxy', 1.6, ['W4-25', 'W4-200', 'W8']),
  { target: 'llm-proxy', workload: coldStart, figure: 'firstAnswer', max: 60 },
]

/** Only the way through. */
const bareGoals: readonly Goal[] = [
  ...ratioGoals('llm-proxy-bare', 1.9, ['W1-c32', 'W1-c256']),
  ...ratioGoals('llm-proxy-bare', 1.25, ['W4-25', 'W4-200']),
  ...ratioGoals('llm-proxy-bare', 1.1, ['W8']),
  ...ratioGoals('llm-proxy-bare', 1.6, ['W1-c32-tls', 'W1-c256-tls']),
  ...['W1-c256', 'W1-c256-tls'].map((workload): Goal => ({
    target: 'llm-proxy-bare',
    workload,
    figure: 'opened',
    max: 5,
  })),
  ...['W12-1000', 'W12-5000'].flatMap((workload): Goal[] => [
    { target: 'llm-proxy-bare', workload, figure: 'failures', max: 0 },
    { target: 'llm-proxy-bare', workload, figure: 'behind', max: 1 },
  ]),
]

export const goals: readonly Goal[] = [...fullGoals, ...bareGoals]

/** What became of a goal. */
export type Verdict = 'met' | 'missed' | 'undecided' | 'not measured'

/** A goal with the figure it is about. */
export interface Judgement {
  readonly title: string
  readonly goal: Goal
  readonly value: number | undefined
  readonly interval: Interval | undefined
  readonly verdict: Verdict
}

/** The goals about what was in the run. */
export function judgeGoals(cells: readonly Cell[], cold: readonly ColdStarts[]): Judgement[] {
  return goals.flatMap((goal) => {
    const own = cells.filter(({ workload, target }) => workload === goal.workload && target === goal.target)
    const starts = cold.find(({ target }) => goal.workload === coldStart && target === goal.target)
    if (own.length === 0 && starts === undefined) return []
    const { value, interval } = starts === undefined ? figureOf(goal, cells, own) : overStarts(starts)
    const verdict = judge(value, interval, goal.max)
    return [{ title: `${goal.workload}: ${figureNames[goal.figure]}`, goal, value, interval, verdict }]
  })
}

/** A goal counts as met or missed only when the whole interval lies on one side of it. */
export function judge(value: number | undefined, interval: Interval | undefined, wantedMax: number): Verdict {
  if (value === undefined || Number.isNaN(value)) return 'not measured'
  const { low, high } = interval ?? { low: value, high: value }
  if (high <= wantedMax) return 'met'
  return low > wantedMax ? 'missed' : 'undecided'
}

interface Measured {
  readonly value: number | undefined
  readonly interval: Interval | undefined
}

function figureOf({ figure, workload: id, target }: Goal, cells: readonly Cell[], own: readonly Cell[]): Measured {
  // Failures void a cell for everything else, but here they are what is asked about.
  if (figure === 'failures') {
    return { value: own.reduce((sum, { failures }) => sum + failures, 0), interval: undefined }
  }
  const workload = workloads.find((one) => one.id === id)
  if (workload === undefined) return { value: undefined, interval: undefined }
  const summary = summarize(cells, workload, target)
  if (figure === 'ratio') return { value: summary.ratio, interval: summary.ratioInterval }
  const values = figure === 'behind' ? summary.behindPercent : summary.opened
  return { value: values.length === 0 ? undefined : median(values), interval: medianInterval(values) }
}

function overStarts({ answerMs }: ColdStarts): Measured {
  return { value: median(answerMs), interval: medianInterval(answerMs) }
}

function ratioGoals(target: string, max: number, ids: readonly string[]): Goal[] {
  return ids.map((workload) => ({ target, workload, figure: 'ratio', max }))
}
