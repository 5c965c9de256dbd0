import type { Backend } from '#core/candidate.ts'
import type { Finding, HealthBook, HealthPolicy, HealthRecord, HealthState } from '#core/health.ts'

/** When a check ended, and when the next one comes. */
export interface CheckTimes {
  /** Monotonic, as is `nextDueMs`. */
  readonly nowMs: number
  readonly wallMs: number
  readonly nextDueMs: number
}

/** What checks taught about backends, by name. Outlives every snapshot; the numbers of a policy come with each finding. */
export class Health implements HealthBook {
  #standings = new Map<string, Standing>()
  #downCount = 0

  /** Backends that are down. */
  get downCount(): number {
    return this.#downCount
  }

  /** Keeps what is known of these backends and forgets all others; whoever moved to another address is unknown again. */
  retain(checked: Iterable<Backend>): void {
    const kept = new Map<string, Standing>()
    for (const backend of checked) {
      const known = this.#standings.get(backend.name)
      const address = addressOf(backend)
      kept.set(backend.name, known?.address === address ? known : new Standing(address))
    }
    this.#standings = kept
    this.#downCount = kept.values().reduce((count, { state }) => count + (state === 'unhealthy' ? 1 : 0), 0)
  }

  downUntil(backend: string): number | undefined {
    if (this.#downCount === 0) return undefined
    const standing = this.#standings.get(backend)
    return standing?.state === 'unhealthy' ? standing.nextDueMs : undefined
  }

  backSinceMs(backend: string): number | undefined {
    return this.#standings.get(backend)?.backSinceMs
  }

  recordOf(backend: string): HealthRecord | undefined {
    return this.#standings.get(backend)
  }

  /** A check is planned, or under way and over by then at the latest. */
  expects(backend: string, nextDueMs: number): void {
    const standing = this.#standings.get(backend)
    if (standing !== undefined) standing.nextDueMs = nextDueMs
  }

  /** Gives what became of the backend by this finding; undefined when it is as it was. */
  note(
    backend: string,
    finding: Finding,
    limits: Pick<HealthPolicy, 'failureThreshold' | 'successThreshold'>,
    times: CheckTimes,
  ): 'down' | 'up' | undefined {
    const standing = this.#standings.get(backend)
    if (standing === undefined) return undefined
    const before = standing.state
    standing.note(finding, limits, times)
    return this.#changed(standing, before, times)
  }

  /** What another process found, and what the backend is by it: that one has asked more often. */
  hear(backend: string, finding: Finding, state: HealthState, times: CheckTimes): void {
    const standing = this.#standings.get(backend)
    if (standing === undefined) return
    const before = standing.state
    standing.hear(finding, state, times)
    this.#changed(standing, before, times)
  }

  #changed(standing: Standing, before: HealthState, times: CheckTimes): 'down' | 'up' | undefined {
    const after = standing.state
    if (before === after) return undefined
    if (after === 'unhealthy') {
      this.#downCount += 1
      standing.backSinceMs = undefined
      return 'down'
    }
    if (before !== 'unhealthy') return undefined
    this.#downCount -= 1
    standing.backSinceMs = times.nowMs
    return 'up'
  }

  /** The last finding speaks against the state, but alone it does not change it. */
  isInDoubt(backend: string): boolean {
    return (this.#standings.get(backend)?.contrary ?? 0) > 0
  }
}

/** Where it is: another unix socket is another backend. */
export function addressOf({ url, link }: Pick<Backend, 'url' | 'link'>): string {
  return link.unixPath === undefined ? url.href : `${url.href} ${link.unixPath}`
}

class Standing implements HealthRecord {
  readonly address: string
  state: HealthState = 'unknown'
  checkedAtMs: number | undefined
  latencyMs: number | undefined
  fault: string | undefined
  nextDueMs = 0
  backSinceMs: number | undefined
  /** Findings in a row that speak against the state. */
  contrary = 0

  constructor(address: string) {
    this.address = address
  }

  note(
    finding: Finding,
    { failureThreshold, successThreshold }: Pick<HealthPolicy, 'failureThreshold' | 'successThreshold'>,
    times: CheckTimes,
  ): void {
    this.#record(finding, times)
    if (finding.kind === 'undecided') return
    const seen = finding.kind === 'well' ? 'healthy' : 'unhealthy'
    if (seen === this.state) {
      this.contrary = 0
      return
    }
    this.contrary += 1
    const enough = this.state === 'unknown' ? 1 : seen === 'healthy' ? successThreshold : failureThreshold
    // Of whom nothing is known the first finding decides; a single one that is lost later changes nothing.
    if (this.contrary < enough) return
    this.state = seen
    this.contrary = 0
  }

  hear(finding: Finding, state: HealthState, times: CheckTimes): void {
    this.#record(finding, times)
    this.state = state
    this.contrary = 0
  }

  #record(finding: Finding, { wallMs, nextDueMs }: CheckTimes): void {
    this.checkedAtMs = wallMs
    this.nextDueMs = nextDueMs
    this.fault = finding.kind === 'well' ? undefined : finding.reason
    if (finding.kind === 'well') this.latencyMs = finding.latencyMs
  }
}
