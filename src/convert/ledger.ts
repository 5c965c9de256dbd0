import { pathText, type ConfigPath } from '#config/problem.ts'
import { printable } from '#kit/printable.ts'

/** How well something of the old file was carried over. */
export type Fidelity = 'exact' | 'approximate' | 'dropped'

/** What became of one thing of the old file. Holds no secrets. */
export interface Finding {
  readonly fidelity: Fidelity
  /** As {@link pathText} writes it, with the line where the text has lines. */
  readonly place: string
  readonly what: string
}

/** Remembers what was exact, approximate and dropped. */
export class Ledger {
  readonly findings: Finding[] = []
  readonly #lineOf: (path: ConfigPath) => number | undefined

  constructor(lineOf: (path: ConfigPath) => number | undefined) {
    this.#lineOf = lineOf
  }

  exact(path: ConfigPath, what: string): void {
    this.#add('exact', path, what)
  }

  approximate(path: ConfigPath, what: string): void {
    this.#add('approximate', path, what)
  }

  dropped(path: ConfigPath, what: string): void {
    this.#add('dropped', path, what)
  }

  /** For what stands in no file of places, such as a variable of an `.env` file. */
  add(fidelity: Fidelity, place: string, what: string): void {
    this.findings.push({ fidelity, place, what })
  }

  #add(fidelity: Fidelity, path: ConfigPath, what: string): void {
    const line = path.length === 0 ? undefined : this.#lineOf(path)
    const name = pathText(path)
    const place = line === undefined ? name : `line ${line}, ${name}`
    this.findings.push({ fidelity, place: place === '' ? 'the file' : place, what })
  }
}

/** The findings as a person reads them: in groups, each with its place. */
export function renderFindings(findings: readonly Finding[]): string {
  return titles
    .map(([fidelity, title]) => {
      const group = findings.filter((finding) => finding.fidelity === fidelity)
      return group.length === 0 ? '' : `${title}:\n${group.map(told).join('')}`
    })
    .join('')
}

const titles: readonly (readonly [Fidelity, string])[] = [
  ['exact', 'Exact'],
  ['approximate', 'Approximate, have a look at it'],
  ['dropped', 'Dropped'],
]

function told({ place, what }: Finding): string {
  return `  ${printable(place)}: ${printable(what)}\n`
}
