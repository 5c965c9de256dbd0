import { dirname } from 'node:path'
import { hintAtEnvironment } from '#boot/environment-hints.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { datedPath } from '#telemetry/rotate.ts'
import { Stamps } from '#telemetry/stamp.ts'
import { fail, ok, warn, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Open files, memory, disk, environment and time zone. */
export async function checkMachine(
  { machine, clock }: { readonly machine: Machine; readonly clock: Clock },
  snapshot: Snapshot | undefined,
  env: Env,
): Promise<readonly Finding[]> {
  return [
    ...judgeOpenFiles(await machine.openFilesMax()),
    judgeMemory(machine.memoryMax(), machine.memoryBytes()),
    ...(snapshot === undefined ? [] : await judgeDisks(machine, snapshot, clock)),
    ...judgeEnvironment(env),
    judgeTimeZone(machine.timeZone(), env, snapshot?.logging.zone),
  ]
}

/** Backends and the clocks of their answers: positive, when this machine's is ahead. */
export type Clocks = readonly { readonly backend: string; readonly aheadMs: number }[]

/** One clock that agrees with ours is enough; where none does, ours is the one to look at first. */
export function judgeClocks(clocks: Clocks): readonly Finding[] {
  const [nearest] = clocks.toSorted((one, other) => Math.abs(one.aheadMs) - Math.abs(other.aheadMs))
  if (nearest === undefined) return []
  const { backend, aheadMs } = nearest
  const offMs = Math.abs(aheadMs)
  const seconds = Math.round(offMs / 1000)
  if (offMs <= skewWarnMs)
    return [ok(`the clock agrees with that of ${backend}${seconds <= 1 ? '' : ` (${seconds} s apart)`}`)]
  const what = `the clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of ${backend}`
  const todo =
    'let the machine set its clock by NTP (timedatectl set-ntp true): certificates and signatures depend on it'
  return [offMs > skewFailMs ? fail(what, todo) : warn(what, todo)]
}

const skewWarnMs = 30_000
const skewFailMs = 300_000

function judgeOpenFiles(limit: number | undefined): readonly Finding[] {
  if (limit === undefined) return []
  if (limit >= openFilesMin) return [ok(`open files: ${limit === Infinity ? 'no limit' : `${limit} at once`}`)]
  const todo =
    'each client and each backend takes one: "LimitNOFILE=65536" in the systemd unit, or "ulimit -n 65536" before the start'
  return [warn(`open files: only ${limit} at once`, todo)]
}

const openFilesMin = 4096

function judgeMemory(limit: number | undefined, machineBytes: number): Finding {
  if (limit === undefined) return ok(`memory: ${gigabytes(machineBytes)}, no limit of its own`)
  const what = `memory: limited to ${gigabytes(limit)}`
  return limit >= memoryMin ? ok(what) : warn(what, 'give the container or unit at least 256 MB')
}

const memoryMin = 256 * 1024 ** 2

async function judgeDisks(machine: Machine, { logging }: Snapshot, clock: Clock): Promise<readonly Finding[]> {
  const { generalFile, separateFiles, requestDir, errorDir, dumps } = logging
  const day = new Stamps().at(clock.wallMs(), logging.zone).day
  const folders = new Map<string, string>()
  if (generalFile !== undefined) folders.set(dirname(datedPath(generalFile, day)), 'logging.general_file')
  if (separateFiles) folders.set(requestDir, 'logging.request_dir').set(errorDir, 'logging.error_dir')
  if (dumps !== undefined) folders.set(dumps.directory, 'logging.categories.request_body.path')
  const findings: Finding[] = []
  for (const [folder, key] of folders) {
    const disk = await machine.disk(folder)
    if (disk === undefined) findings.push(fail(`disk: there is no place for ${folder}`, `correct "${key}"`))
    else if (!disk.isWritable) {
      const todo = `give the user of the service the right to write there, or name another folder in "${key}"`
      findings.push(fail(`disk: ${disk.folder} cannot be written to, so nothing is logged into ${folder}`, todo))
    } else if (disk.freeBytes < diskMin) {
      findings.push(
        warn(
          `disk: only ${gigabytes(disk.freeBytes)} are free for ${folder}`,
          'remove old logs, or let them be rotated away',
        ),
      )
    } else findings.push(ok(`disk: ${gigabytes(disk.freeBytes)} are free for ${folder}`))
  }
  return findings
}

const diskMin = 1024 ** 3

function judgeEnvironment(env: Env): readonly Finding[] {
  const findings: Finding[] = []
  const collector: Log = {
    keeps: () => true,
    write(_level, event, fields = {}) {
      const variable = String(fields['variable'])
      if (event === 'environment_warning') {
        findings.push(warn(`${variable} is set, and can change what the program does`, 'unset it for the service'))
      } else if (event === 'environment_trust') {
        const todo = 'name the authority in "tls.ca" of the backends that need it, and unset the variable'
        findings.push(warn(`${variable} is set, and changes which certificates are trusted for every backend`, todo))
      } else if (/proxy$/i.test(variable)) {
        const todo = `unset it, or write "outbound_proxy: { url: '\${${variable}}' }" if requests are to go through it`
        findings.push(warn(`${variable} is set, and has no effect`, todo))
      } else findings.push(warn(`${variable} is set, and has no effect`, 'unset it, or use "tls" of the backend'))
    },
  }
  hintAtEnvironment(collector, env)
  return findings
}

function judgeTimeZone(zone: string, env: Env, chosen: string | undefined): Finding {
  if (chosen !== undefined) return ok(`time zone: ${chosen}, by "logging.timezone"${inWhich}`)
  const wanted = (env['TZ'] ?? '').replace(/^:/, '')
  const isPlain = /^[A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+$/.test(wanted)
  if (isPlain && wanted !== zone && zone === 'UTC') {
    return warn(
      `time zone: "${wanted}" of TZ is not known, so logs are in UTC`,
      'write one such as "Europe/Berlin", and install tzdata',
    )
  }
  return ok(`time zone: ${zone}${inWhich}`)
}

const inWhich = ', in which log lines and their files are dated'

function gigabytes(bytes: number): string {
  return bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)} GB` : `${Math.round(bytes / 1024 ** 2)} MB`
}
