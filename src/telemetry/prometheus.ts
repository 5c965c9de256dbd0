import { metrics, type Metric, type MetricName, type Reading, type Series } from './metric.ts'

/** How figures are written: for every Prometheus, or for those that know OpenMetrics. */
export type Exposition = 'text' | 'openmetrics'

export const contentTypes: Readonly<Record<Exposition, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** A metric with its name and its numbers. */
export interface Family extends Metric {
  readonly name: string
  readonly series: readonly Series[]
}

/** The metrics of a reading, in the order of their declarations; those of which there is nothing are left out. */
export function familiesOf(reading: Reading): Family[] {
  return Object.entries(metrics).flatMap(([name, metric]): Family[] => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a key of the same object
    const series = reading[name as MetricName] ?? []
    return series.length === 0 ? [] : [{ ...metric, name, series }]
  })
}

/** The text of families, in pieces between which others may have a turn. */
export function* exposed(families: readonly Family[], exposition: Exposition): Generator<string> {
  for (const family of families) yield* familyText(family, exposition)
  if (exposition === 'openmetrics') yield '# EOF\n'
}

/** Which form a scraper would rather have, by its `Accept`. */
export function expositionFor(accept: string | null): Exposition {
  if (accept === null) return 'text'
  let open = 0
  let plain = 0
  for (const part of accept.toLowerCase().split(',', acceptedMax)) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim())
    const weight = weightOf(parameters)
    if (type === 'application/openmetrics-text') open = Math.max(open, weight)
    if (type === 'text/plain' || type === 'text/*' || type === '*/*') plain = Math.max(plain, weight)
  }
  return open > 0 && open >= plain ? 'openmetrics' : 'text'
}

/** Limit: types that are looked at. */
const acceptedMax = 20

function weightOf(parameters: readonly string[]): number {
  const given = parameters.find((text) => text.startsWith('q='))
  const weight = given === undefined ? 1 : Number(given.slice(2))
  return weight >= 0 && weight <= 1 ? weight : 0
}

function* familyText({ name, kind, help, labels, buckets, series }: Family, form: Exposition): Generator<string> {
  // There, what a counter counts has no ending, and its numbers do.
  const family = form === 'openmetrics' && kind === 'counter' ? name.replace(/_total$/, '') : name
  const sample = form === 'openmetrics' && kind === 'counter' ? `${family}_total` : name
  let text = `# HELP ${family} ${escapedHelp(help, form)}\n# TYPE ${family} ${kind}\n`
  for (const [index, [values, numbers]] of series.entries()) {
    const pairs = labels.map((label, at) => `${label}="${escaped(values[at] ?? '')}"`)
    text += kind === 'histogram' ? histogramText(name, pairs, buckets ?? [], numbers) : line(sample, pairs, numbers[0])
    if (index % seriesPerPiece !== seriesPerPiece - 1) continue
    yield text
    text = ''
  }
  yield text
}

const seriesPerPiece = 200

function histogramText(
  name: string,
  pairs: readonly string[],
  bounds: readonly number[],
  numbers: readonly number[],
): string {
  let text = ''
  let count = 0
  for (const [at, bound] of bounds.entries()) {
    count += numbers[at] ?? 0
    text += line(`${name}_bucket`, [...pairs, `le="${boundText(bound)}"`], count)
  }
  count += numbers[bounds.length] ?? 0
  text += line(`${name}_bucket`, [...pairs, 'le="+Inf"'], count)
  return text + line(`${name}_sum`, pairs, numbers[bounds.length + 1]) + line(`${name}_count`, pairs, count)
}

function line(name: string, pairs: readonly string[], value = 0): string {
  return pairs.length === 0 ? `${name} ${value}\n` : `${name}{${pairs.join(',')}} ${value}\n`
}

/** As OpenMetrics wants numbers to be compared as texts. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

/** Names of the configuration may hold anything. */
function escaped(value: string): string {
  const text = value.isWellFormed() ? value : value.toWellFormed()
  return /["\\\n]/.test(text)
    ? text
        .replaceAll('\\', '\\\\')
        .replaceAll('\n', String.raw`\n`)
        .replaceAll('"', String.raw`\"`)
    : text
}

function escapedHelp(help: string, form: Exposition): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', String.raw`\n`)
  return form === 'openmetrics' ? text.replaceAll('"', String.raw`\"`) : text
}
