import { nearest } from './nearest.ts'

/** The time zone of the machine, as configurations name it. */
const ownZone = 'local'

/** A name that the platform knows, such as `Asia/Shanghai`, `UTC` or `+08:00`, or `local`; case does not count. */
export function isTimeZone(name: string): boolean {
  if (isLocal(name)) return true
  try {
    return fullName(name) !== ''
  } catch {
    return false
  }
}

/** As the platform writes the name of a zone that it knows; undefined: that of the machine. */
export function timeZoneOf(name: string): string | undefined {
  return isLocal(name) ? undefined : fullName(name)
}

/** The zone that `name` is most likely a slip of: `Asia/Sanghai` and `Shanghai` both mean `Asia/Shanghai`. */
export function timeZoneLike(name: string): string | undefined {
  const zones = [ownZone, 'UTC', ...Intl.supportedValuesOf('timeZone')]
  const byCity = new Map(zones.map((zone) => [zone.slice(zone.lastIndexOf('/') + 1), zone]))
  const plain = name.trim().replaceAll(/\s+/g, '_')
  const city = byCity.get(nearest(plain.slice(plain.lastIndexOf('/') + 1), byCity.keys()) ?? '')
  return nearest(plain, zones) ?? city
}

function isLocal(name: string): boolean {
  return name.toLowerCase() === ownZone
}

function fullName(name: string): string {
  return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
}
