/** Tells days and hours in one zone, as the log does. */
export class DayClock {
  #zone: string | undefined
  /** Made when somebody counts: it takes milliseconds. */
  #format: Intl.DateTimeFormat | undefined
  #quarter = NaN
  #hour = ''

  /** `undefined`: the zone of the machine. */
  set zone(zone: string | undefined) {
    if (zone === this.#zone) return
    this.#zone = zone
    this.#format = undefined
    this.#quarter = NaN
  }

  /** `2026-01-13 09`. Zones differ by quarters of an hour, so that nothing is worked out anew within one. */
  hourOf(wallMs: number): string {
    const quarter = Math.floor(wallMs / quarterMs)
    if (quarter !== this.#quarter) {
      this.#quarter = quarter
      this.#hour = this.#told(quarter * quarterMs)
    }
    return this.#hour
  }

  /** The first of so many days, of which the one of `wallMs` is the last. */
  firstDayOf(days: number, wallMs: number): string {
    const today = Date.parse(`${this.hourOf(wallMs).slice(0, 10)}T00:00:00Z`)
    return new Date(today - (days - 1) * dayMs).toISOString().slice(0, 10)
  }

  #told(wallMs: number): string {
    if (this.#zone === undefined) return ownHour(new Date(wallMs))
    this.#format ??= new Intl.DateTimeFormat('en-US', { ...form, timeZone: this.#zone })
    const parts = this.#format.formatToParts(wallMs)
    const part = (wanted: string, length: number): string =>
      (parts.find(({ type }) => type === wanted)?.value ?? '').padStart(length, '0')
    return `${part('year', 4)}-${part('month', 2)}-${part('day', 2)} ${part('hour', 2)}`
  }
}

/** In the zone of the machine, without what a format costs. */
function ownHour(date: Date): string {
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}`
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}

const quarterMs = 900_000
const dayMs = 86_400_000

const form: Intl.DateTimeFormatOptions = {
  calendar: 'gregory',
  numberingSystem: 'latn',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
}
