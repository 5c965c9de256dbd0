import { formatProblem, type Problem } from '#config/problem.ts'
import { fail, ok, warn, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'
import type { Subject } from './subject.ts'

/** What `check` says, in short, and who else may read the keys. */
export async function checkConfig(subject: Subject, machine: Machine): Promise<readonly Finding[]> {
  const { loaded, name, isFile, holdsSecrets } = subject
  const { snapshot, problems, off } = loaded
  const findings: Finding[] = []
  if (snapshot !== undefined) {
    findings.push(
      ok(
        `${count(snapshot.backends.size, 'backend', 'backends')}, ${count(snapshot.aliases.length, 'alias', 'aliases')}`,
      ),
    )
  }
  findings.push(...judgeProblems(problems))
  for (const { name: backend, variable } of off) {
    findings.push(
      warn(
        `backend "${backend}" is off: ${variable} is not set`,
        `set ${variable}, also for the service, to switch it on`,
      ),
    )
  }
  if (isFile && holdsSecrets && (await machine.isShared(name))) {
    findings.push(warn(`others can read ${name}, and it holds keys`, `chmod 600 ${name}`))
  }
  return findings
}

function judgeProblems(problems: readonly Problem[]): readonly Finding[] {
  const grave = problems.filter(({ severity }) => severity !== 'note').toSorted((one, other) => rank(one) - rank(other))
  const findings = grave.slice(0, problemsShown).map((problem) => {
    const line = formatProblem(problem)
    const todo = problem.line === 0 ? 'correct it' : `correct it in line ${problem.line}`
    return problem.severity === 'error' ? fail(line, todo) : warn(line, todo)
  })
  const left = grave.length - findings.length
  if (left === 0) return findings
  const isGrave = grave.slice(problemsShown).some(({ severity }) => severity === 'error')
  return [...findings, (isGrave ? fail : warn)(`${left} more problems`, '"llm-proxy check" tells all of them')]
}

/** Limit: problems that are told one by one. */
const problemsShown = 10

function rank({ severity }: Problem): number {
  return severity === 'error' ? 0 : 1
}

function count(many: number, one: string, more: string): string {
  return `${many} ${many === 1 ? one : more}`
}
