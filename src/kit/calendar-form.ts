/** What a clock in a time zone shows, as numbers of the Gregorian calendar; for `Intl.DateTimeFormat`. */
export const calendarForm: Intl.DateTimeFormatOptions = {
  calendar: 'gregory',
  numberingSystem: 'latn',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
}
