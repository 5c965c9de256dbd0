import { calendarForm } from '#kit/calendar-form.ts'

/** The time of a log line in the forms that lines and file names need. */
export interface Stamp {
  /** `2026-01-13 09:41:00` */
  readonly plain: string
  /** `2026年01月13日 09:41:00` */
  readonly chinese: string
  /** `2026-01-13`, the day that names the file. */
  readonly day: string
  /** How far the zone is from UTC, as `+08:00` or `Z`; empty for that of the machine, where nobody asks. */
  readonly offset: string
}

/**
 * Makes stamps, one per second: splitting a time into its parts costs more than the rest of a line. Zones are IANA names;
 * undefined: that of the machine.
 */
export class Stamps {
  #second = NaN
  #zone: string | undefined
  #stamp: Stamp = { plain: '', chinese: '', day: '', offset: '' }
  /** Made with the first stamp of a zone: it takes milliseconds. */
  #format: Intl.DateTimeFormat | undefined

  at(wallMs: number, zone: string | undefined): Stamp {
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second || zone !== this.#zone) {
      if (zone !== this.#zone) this.#format = undefined
      this.#second = second
      this.#zone = zone
      this.#stamp = zone === undefined ? ownStamp(new Date(second * 1000)) : this.#zonedStamp(second * 1000, zone)
    }
    return this.#stamp
  }

  /** For machines: `2026-01-13T09:41:00.000+08:00` where a zone is named, else in UTC. */
  exactAt(wallMs: number, zone: string | undefined): string {
    if (zone === undefined) return new Date(wallMs).toISOString()
    const { plain, offset } = this.at(wallMs, zone)
    const ms = String(Math.floor(wallMs) - Math.floor(wallMs / 1000) * 1000).padStart(3, '0')
    return `${plain.slice(0, 10)}T${plain.slice(11)}.${ms}${offset}`
  }

  #zonedStamp(wallMs: number, zone: string): Stamp {
    this.#format ??= new Intl.DateTimeFormat('en-US', { ...calendarForm, timeZone: zone })
    const parts = this.#format.formatToParts(wallMs)
    const part = (wanted: string): number => Number(parts.find(({ type }) => type === wanted)?.value)
    const day = [part('year'), part('month'), part('day')] as const
    const time = [part('hour'), part('minute'), part('second')] as const
    const aheadMs = Date.UTC(day[0], day[1] - 1, day[2], ...time) - wallMs
    return stampOf([...day, ...time], offsetText(Math.trunc(aheadMs / 60_000)))
  }
}

type Parts = readonly [year: number, month: number, day: number, hour: number, minute: number, second: number]

function ownStamp(date: Date): Stamp {
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()] as const
  return stampOf([...day, date.getHours(), date.getMinutes(), date.getSeconds()], '')
}

function stampOf([years, months, days, hours, minutes, seconds]: Parts, offset: string): Stamp {
  const year = String(years).padStart(4, '0')
  const month = twoDigits(months)
  const day = twoDigits(days)
  const time = `${twoDigits(hours)}:${twoDigits(minutes)}:${twoDigits(seconds)}`
  return {
    plain: `${year}-${month}-${day} ${time}`,
    chinese: `${year}年${month}月${day}日 ${time}`,
    day: `${year}-${month}-${day}`,
    offset,
  }
}

function offsetText(minutesAhead: number): string {
  if (minutesAhead === 0) return 'Z'
  const minutes = Math.abs(minutesAhead)
  return `${minutesAhead < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`
}

function twoDigits(count: number): string {
  return count < 10 ? `0${count}` : String(count)
}
