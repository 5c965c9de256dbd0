/** The local time of a log line in the forms that lines and file names need. */
export interface Stamp {
  /** `2026-01-13 09:41:00` */
  readonly plain: string
  /** `2026年01月13日 09:41:00` */
  readonly chinese: string
  /** `2026-01-13`, the day that names the file. */
  readonly day: string
}

/** Makes stamps, one per second: splitting a time into its parts costs more than the rest of a line. */
export class Stamps {
  #second = NaN
  #stamp: Stamp = { plain: '', chinese: '', day: '' }

  at(wallMs: number): Stamp {
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#stamp = stampOf(new Date(second * 1000))
    }
    return this.#stamp
  }
}

function stampOf(date: Date): Stamp {
  const year = String(date.getFullYear()).padStart(4, '0')
  const month = twoDigits(date.getMonth() + 1)
  const day = twoDigits(date.getDate())
  const time = `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`
  return {
    plain: `${year}-${month}-${day} ${time}`,
    chinese: `${year}年${month}月${day}日 ${time}`,
    day: `${year}-${month}-${day}`,
  }
}

function twoDigits(count: number): string {
  return count < 10 ? `0${count}` : String(count)
}
