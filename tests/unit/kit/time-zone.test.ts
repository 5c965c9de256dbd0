import { expect, test } from 'bun:test'
import { isTimeZone, timeZoneLike, timeZoneOf } from '#kit/time-zone.ts'

test.each([
  { name: 'Asia/Shanghai', zone: 'Asia/Shanghai' },
  { name: 'asia/SHANGHAI', zone: 'Asia/Shanghai' },
  { name: 'UTC', zone: 'UTC' },
  { name: 'America/Argentina/Buenos_Aires', zone: 'America/Argentina/Buenos_Aires' },
  { name: '+05:45', zone: '+05:45' },
  { name: 'local', zone: undefined },
  { name: 'Local', zone: undefined },
])('D79: $name is a time zone', ({ name, zone }) => {
  expect(isTimeZone(name)).toBe(true)
  expect(timeZoneOf(name)).toBe(zone)
})

test.each(['', ' ', 'Asia', 'Asia/Atlantis', 'CST', 'GMT+8', '../etc/passwd', 'UTC ', 'Asia/Shanghai\0'])(
  'D79: %j is no time zone',
  (name) => {
    expect(isTimeZone(name)).toBe(false)
  },
)

test.each([
  { name: 'Asia/Sanghai', meant: 'Asia/Shanghai' },
  { name: 'Europe/Berln', meant: 'Europe/Berlin' },
  { name: 'Shanghai', meant: 'Asia/Shanghai' },
  { name: 'China/Shanghai', meant: 'Asia/Shanghai' },
  { name: 'New York', meant: 'America/New_York' },
  { name: 'America/New York', meant: 'America/New_York' },
  { name: 'utc ', meant: 'UTC' },
  { name: 'locale', meant: 'local' },
  { name: 'Middle-earth/Hobbiton', meant: undefined },
  { name: '', meant: undefined },
])('D79: $name may mean $meant', ({ name, meant }) => {
  expect(timeZoneLike(name)).toBe(meant)
})
