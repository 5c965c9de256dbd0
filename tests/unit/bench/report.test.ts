import { expect, test } from 'bun:test'
import { toMarkdown, type Results } from '../../../bench/report.ts'
import { cell, quantiles } from '../../support/bench-cells.ts'

test('the report tells goals, figures per workload in the columns that fit it, and cold starts', () => {
  const late = { workload: 'W12-1000', latencyUs: quantiles(1_001_500) } as const
  const report = toMarkdown({
    ...run,
    cells: [
      cell({ target: 'haproxy' }),
      cell({ target: 'llm-proxy', cpuUsPerUnit: 25 }),
      cell({ ...late, target: 'haproxy' }),
      cell({ ...late, target: 'llm-proxy-bare', unitsPerSecond: 99 }),
      cell({ workload: 'W4-200-tls', target: 'haproxy' }),
    ],
    cold: [{ target: 'llm-proxy', listenMs: [20], answerMs: [31.25] }],
  })
  for (const line of [
    '| W1-c32: CPU per unit × HAProxy | llm-proxy | ≤ 3 | 2.50 | met |',
    '| W12-1000: failed requests | llm-proxy-bare | ≤ 0 | 0.00 | met |',
    "| W12-1000: % behind HAProxy's rate | llm-proxy-bare | ≤ 1 | 1.00 | met |",
    '| cold start: ms to the first answer | llm-proxy | ≤ 60 | 31.25 | met |',
    '| llm-proxy | 25.0 | 2.50 | 100 | 50 | 1.0 | 1 |  |',
    '| llm-proxy-bare | 10.0 | 1.00 | 99 | 1.0 | 1001.50 | 1001.50 | 50 | 1.0 | 1 |  |',
    '| haproxy | 10.0 | 1 | 100 | 100.00 | 50 | 50 | 50 | 1.0 | 1 |  |',
    '| llm-proxy | 20.0 | 31.3 | 31.3–31.3 | 1 |',
    '- **Provisional**: fewer than 5 rounds, so nothing may be claimed from it',
  ]) {
    expect(report).toContain(line)
  }
})

test('a workload has rows only for targets that ran it', () => {
  const report = toMarkdown({
    ...run,
    cells: [cell({ target: 'direct' }), cell({ workload: 'W8-tls', target: 'haproxy' })],
  })
  expect(report.slice(report.indexOf('## W8-tls'))).not.toContain('direct')
})

const run: Results = {
  startedAt: '2026-11-21T12:00:00.000Z',
  machine: { cpu: 'a cpu', cores: 2, memoryMb: 1000, kernel: '6.1', bun: '1.4.5' },
  versions: { haproxy: '2.6' },
  options: { rounds: 1, seconds: 4, warmUpSeconds: 2, isGated: true, seed: 1 },
  cells: [],
  cold: [],
}
