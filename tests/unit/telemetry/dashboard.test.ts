import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { metricByName } from '#telemetry/metric.ts'
import { checkRules, promtool } from '../../support/promtool.ts'

const deploy = join(import.meta.dir, '..', '..', '..', 'deploy')
const dashboard: Dashboard = JSON.parse(readFileSync(join(deploy, 'grafana', 'llm-proxy.json'), 'utf8'))
const rulesFile = join(deploy, 'prometheus', 'llm-proxy.rules.yml')
const rules: {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[]
} = parse(readFileSync(rulesFile, 'utf8'))

interface Dashboard {
  readonly __inputs: readonly { readonly name: string }[]
  readonly templating: { readonly list: readonly { readonly definition: string }[] }
  readonly panels: readonly Panel[]
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly expr: string }[]
}

const asked = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
  ...dashboard.templating.list.map(({ definition }) => ({ where: 'a variable', expr: definition })),
  ...rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => ({ where: alert, expr }))),
]

/** What is wrong with the metrics of an expression, and with the labels that it picks them by. */
function faultsOf(expr: string): string[] {
  return [...expr.matchAll(/\b((?:llm_proxy|process)_\w+)(?:\{([^}]*)\})?/g)].flatMap(([, name = '', picked = '']) => {
    const histogram = metricByName.get(name.replace(/_(?:bucket|sum|count)$/, ''))
    const metric = metricByName.get(name) ?? (histogram?.kind === 'histogram' ? histogram : undefined)
    if (metric === undefined) return [`there is no metric "${name}"`]
    const known = new Set([...metric.labels, 'job', 'instance', 'le'])
    return [...picked.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)]
      .map(([, label = '']) => label)
      .filter((label) => !known.has(label))
      .map((label) => `"${name}" has no label "${label}"`)
  })
}

describe('D75: the dashboard and the alerts', () => {
  test('ask for metrics that there are, by labels that they have', () => {
    expect(asked.length).toBeGreaterThan(80)
    expect(asked.flatMap(({ where, expr }) => faultsOf(expr).map((fault) => `${where}: ${fault}`))).toEqual([])
  })

  test.each([
    ['sum(llm_proxy_no_such_thing)', 'there is no metric "llm_proxy_no_such_thing"'],
    ['rate(llm_proxy_cooldowns_total{alias="x"}[5m])', '"llm_proxy_cooldowns_total" has no label "alias"'],
    ['llm_proxy_cooldowns_total_bucket', 'there is no metric "llm_proxy_cooldowns_total_bucket"'],
  ])('the reader of expressions finds what is wrong in %s', (expr, fault) => {
    expect(faultsOf(expr)).toEqual([fault])
  })

  test('every metric is on the dashboard', () => {
    const shown = asked.map(({ expr }) => expr).join('\n')
    expect([...metricByName.keys()].filter((name) => !shown.includes(name))).toEqual([])
  })

  test('its panels have names, places of their own and the source that is asked for when it is imported', () => {
    const { panels, __inputs: inputs } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    expect(inputs.map(({ name }) => name)).toEqual(['DS_PROMETHEUS'])
    const overlaps = panels.flatMap(({ id, title, gridPos: a }) =>
      panels
        .filter(({ id: other, gridPos: b }) => {
          return other > id && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
        })
        .map((other) => `${title} and ${other.title}`),
    )
    expect(overlaps).toEqual([])
    for (const { type, title, datasource, gridPos, targets = [] } of panels) {
      expect(title).not.toBe('')
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      if (type === 'row') continue
      expect(datasource?.uid).toBe('${DS_PROMETHEUS}')
      expect(targets.length).toBeGreaterThan(0)
    }
  })

  test.skipIf(promtool === null)('promtool takes the alerts, and every expression of the dashboard', async () => {
    expect(checkRules(rulesFile).exitCode).toBe(0)
    const plain = (expr: string): string =>
      expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(?:job|instance|alias|backend)/g, '.+')
    const exprs = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => plain(expr)))
    const file = join(process.env['TMPDIR'] ?? '/tmp', `llm-proxy-dashboard-${process.pid}.yml`)
    const recorded = exprs.map((expr, at) => ({ record: `panel:${at}`, expr }))
    await Bun.write(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }))
    const { exitCode, told } = checkRules(file)
    await Bun.file(file).delete()
    expect({ exitCode, told }).toEqual({ exitCode: 0, told: '' })
  })
})
