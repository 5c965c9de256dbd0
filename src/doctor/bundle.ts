import { stringify } from 'yaml'
import { formatProblem } from '#config/problem.ts'
import { printable } from '#kit/printable.ts'
import type { Masker } from '#telemetry/mask.ts'
import { renderSection, renderSum, type Section } from './finding.ts'
import type { LogTail } from './log-tail.ts'
import type { Subject } from './subject.ts'

/** What a report for others holds. */
export interface Bundle {
  readonly madeAt: string
  readonly program: Readonly<Record<string, string>>
  readonly machine: string
  readonly sections: readonly Section[]
  readonly subject: Subject
  readonly log: LogTail | string
}

/** The report as text for people, or as one JSON object; every secret is masked by place, by value and by looks. */
export function renderBundle(bundle: Bundle, form: 'text' | 'json', masker: Masker): string {
  return form === 'json' ? asJson(bundle, masker) : asText(bundle, masker)
}

function asJson({ madeAt, program, machine, sections, subject, log }: Bundle, masker: Masker): string {
  const { name, loaded, shownTree } = subject
  const report = {
    madeAt,
    program,
    machine,
    sections,
    problems: loaded.problems,
    config: { name, content: shownTree },
    log,
  }
  return `${JSON.stringify(report, (_key, value: unknown) => (typeof value === 'string' ? masker.mask(value) : value), 2)}\n`
}

function asText({ madeAt, program, machine, sections, subject, log }: Bundle, masker: Masker): string {
  const { name, loaded, shownTree } = subject
  const facts = Object.entries(program).map(([key, value]) => `${key}: ${value}`)
  const logTitle = typeof log === 'string' ? 'Log' : `Log: the last ${log.lines.length} lines of ${log.file}`
  const parts = [
    ['llm-proxy doctor', [`made at: ${madeAt}`, ...facts, `machine: ${machine}`]],
    ['Findings', [...sections.map(renderSection), renderSum(sections)]],
    ['Problems of the configuration', loaded.problems.length === 0 ? ['none'] : loaded.problems.map(formatProblem)],
    [
      `Configuration: ${name}, without secrets`,
      [shownTree === undefined ? 'it cannot be read' : stringify(shownTree, { lineWidth: 0 })],
    ],
    [logTitle, typeof log === 'string' ? [log] : log.lines],
  ] as const
  const lines: string[] = []
  for (const [title, texts] of parts) lines.push(`== ${title} ==`, ...texts.join('\n').trimEnd().split('\n'), '')
  return `${lines.map((line) => printable(masker.mask(line))).join('\n')}\n`
}
