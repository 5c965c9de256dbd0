import { calendarForm } from '#kit/calendar-form.ts'

/** How long such a span is. */
export type Per = 'hour' | 'day' | 'week' | 'month'

/** A span for which a budget is, from its first moment to the first of the next one. */
export interface Period {
  readonly startMs: number
  readonly endMs: number
}

/** Tells the current period of each kind in each zone; nothing is worked out anew within one. */
export class Calendar {
  readonly #known = new Map<string, Period>()
  readonly #zones = new Map<string, ZoneClock>()

  /**
   * Periods only go forward: where the clock is set back a little, the later one goes on. `zone` undefined: that of the
   * machine.
   */
  periodOf(per: Per, zone: string | undefined, wallMs: number): Period {
    const key = `${per} ${zone ?? ''}`
    const known = this.#known.get(key)
    if (known !== undefined && wallMs < known.endMs && wallMs >= known.startMs - dayMs) return known
    const period = periodAt(per, this.#zone(zone), wallMs)
    this.#known.set(key, period)
    return period
  }

  /** The first day that begins no earlier than this in a zone: `2026-01-13`. */
  firstDayFrom(wallMs: number, zone: string | undefined): string {
    const clock = this.#zone(zone)
    const { year, month, day } = clock.partsAt(wallMs)
    const isLater = clock.midnight(year, month, day) < wallMs
    return new Date(Date.UTC(year, month - 1, day + (isLater ? 1 : 0))).toISOString().slice(0, 10)
  }

  #zone(name: string | undefined): ZoneClock {
    const known = this.#zones.get(name ?? '')
    if (known !== undefined) return known
    const made = new ZoneClock(name)
    this.#zones.set(name ?? '', made)
    return made
  }
}

function periodAt(per: Per, zone: ZoneClock, wallMs: number): Period {
  const { year, month, day } = zone.partsAt(wallMs)
  switch (per) {
    case 'hour': {
      const { minute, second } = zone.partsAt(wallMs)
      const startMs = Math.floor(wallMs / 1000) * 1000 - (minute * 60 + second) * 1000
      return { startMs, endMs: startMs + hourMs }
    }
    case 'day':
      return { startMs: zone.midnight(year, month, day), endMs: zone.midnight(year, month, day + 1) }
    case 'week': {
      const monday = day - ((new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7)
      return { startMs: zone.midnight(year, month, monday), endMs: zone.midnight(year, month, monday + 7) }
    }
    case 'month':
      return { startMs: zone.midnight(year, month, 1), endMs: zone.midnight(year, month + 1, 1) }
  }
}

const hourMs = 3_600_000
const dayMs = 86_400_000

interface Parts {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  readonly minute: number
  readonly second: number
  /** What the clock on the wall shows, as if it were UTC. */
  readonly shownMs: number
}

/** The clock on the wall of one zone. */
class ZoneClock {
  readonly #format: Intl.DateTimeFormat

  constructor(timeZone: string | undefined) {
    this.#format = new Intl.DateTimeFormat('en-US', { ...calendarForm, ...(timeZone !== undefined && { timeZone }) })
  }

  partsAt(wallMs: number): Parts {
    const parts = this.#format.formatToParts(wallMs)
    const part = (wanted: string): number => Number(parts.find(({ type }) => type === wanted)?.value ?? 0)
    const [year, month, day] = [part('year'), part('month'), part('day')]
    const [hour, minute, second] = [part('hour'), part('minute'), part('second')]
    return { year, month, day, minute, second, shownMs: Date.UTC(year, month - 1, day, hour, minute, second) }
  }

  /** The first moment of a day, whose number may lie outside of its month. Not every day has a midnight, and some have two. */
  midnight(year: number, month: number, day: number): number {
    const shownMs = Date.UTC(year, month - 1, day)
    const before = shownMs - this.#aheadAt(shownMs - dayMs)
    const after = shownMs - this.#aheadAt(shownMs + dayMs)
    for (const moment of before < after ? [before, after] : [after, before]) {
      const { shownMs: seen } = this.partsAt(moment)
      if (seen === shownMs) return moment
    }
    // The clock jumps over it: the day begins with the jump.
    return before
  }

  /** How far the clock is ahead of UTC. */
  #aheadAt(wallMs: number): number {
    return this.partsAt(wallMs).shownMs - Math.floor(wallMs / 1000) * 1000
  }
}
