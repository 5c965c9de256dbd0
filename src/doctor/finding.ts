/** One thing that was looked at, and how it is. */
export interface Finding {
  /** ok: as it should be. warn: works, or may, and deserves a look. fail: requests fail, or will. */
  readonly level: 'ok' | 'warn' | 'fail'
  readonly what: string
  /** What to do about it; undefined where there is nothing to do. */
  readonly todo: string | undefined
}

/** Findings about one thing: the configuration, a backend, the machine. */
export interface Section {
  readonly title: string
  readonly findings: readonly Finding[]
}

export function ok(what: string): Finding {
  return { level: 'ok', what, todo: undefined }
}

export function warn(what: string, todo: string): Finding {
  return { level: 'warn', what, todo }
}

export function fail(what: string, todo: string): Finding {
  return { level: 'fail', what, todo }
}

/** A section as people read it: its title, then a line for each finding. */
export function renderSection({ title, findings }: Section): string {
  const lines = findings.map(({ level, what, todo }) => {
    const told = todo === undefined ? what : `${what}  — ${todo}`
    return `  ${level.padEnd(4)}  ${told}`
  })
  return `${[title, ...lines].join('\n')}\n`
}

/** What all sections together amount to. */
export function renderSum(sections: readonly Section[]): string {
  const count = (level: Finding['level']): number =>
    sections.reduce((sum, { findings }) => sum + findings.filter((finding) => finding.level === level).length, 0)
  const [warnings, failures] = [count('warn'), count('fail')]
  if (warnings + failures === 0) return 'Everything is as it should be.\n'
  return `${failures} failed, ${warnings} to look at.\n`
}

export function hasFailed(sections: readonly Section[]): boolean {
  return sections.some(({ findings }) => findings.some(({ level }) => level === 'fail'))
}
