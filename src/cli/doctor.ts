import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { sourceName } from '#boot/load.ts'
import { transportOver } from '#boot/transports.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { renderBundle } from '#doctor/bundle.ts'
import { examine, type DoctorPorts } from '#doctor/examine.ts'
import { hasFailed, renderSection, renderSum, type Section } from '#doctor/finding.ts'
import { readLogTail } from '#doctor/log-tail.ts'
import { systemMachine } from '#doctor/machine.ts'
import { readSubject, type Subject } from '#doctor/subject.ts'
import { Http1Client } from '#http1/client.ts'
import { systemResolver } from '#http1/dns.ts'
import { printable } from '#kit/printable.ts'
import { mockTransport } from '#mock/transport.ts'
import { systemClock } from '#ports/clock.ts'
import { fetchTransport } from '#ports/fetch-transport.ts'
import { seededRandom } from '#ports/random.ts'
import { Masker } from '#telemetry/mask.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'
import { listenIn } from './listen-environment.ts'
import { chooseSource, type SourceFlags } from './source.ts'
import { buildInfo } from './version.ts'

/** Default: `config.yaml`, or the environment where there is none, as for a start. */
export interface DoctorOptions extends SourceFlags {
  /** File for a report that can be given to others. */
  readonly bundle: string | undefined
  /** Address of the gateway as clients see it; default: that of this machine, when it is running. */
  readonly url: string | undefined
  readonly json: boolean
}

/**
 * `llm-proxy doctor`: looks at everything that a gateway depends on, and tells what to do about what is not right.
 * Resolves with 0 unless something failed (1), or there was nothing to examine (2).
 */
export async function doctor(options: DoctorOptions, io: Io): Promise<number> {
  const { bundle } = options
  const front = options.url === undefined ? undefined : frontOf(options.url)
  if (front === null) {
    io.stderr('llm-proxy doctor: --url: expected an address such as "https://gateway.example.com"\n')
    return exit.usage
  }
  if (bundle !== undefined && existsSync(bundle)) {
    io.stderr(`llm-proxy doctor: Cannot write "${bundle}": it exists already, and is left as it is\n`)
    return exit.usage
  }
  const { source } = chooseSource(options, io.env)
  let subject: Subject
  try {
    subject = await readSubject(source, io.env, listenIn(io.env, source))
  } catch (error) {
    io.stderr(`Cannot read "${sourceName(source)}": ${whyUnreadable(error)}\n`)
    return exit.usage
  }
  const { secrets } = subject
  const masker = new Masker(() => secrets)
  const { ports, close } = systemPorts()
  const sections: Section[] = []
  for await (const found of examine(ports, subject, front)) {
    const section = shown(found, masker)
    sections.push(section)
    if (!options.json) io.stdout(`${renderSection(section)}\n`)
  }
  close()
  const isWell = !hasFailed(sections)
  if (options.json) io.stdout(`${JSON.stringify({ version: buildInfo.version, ok: isWell, sections }, null, 2)}\n`)
  else io.stdout(renderSum(sections))
  const isWritten = bundle === undefined || (await writeBundle(bundle, options.json, { subject, sections, masker }, io))
  return isWell && isWritten ? exit.done : exit.failed
}

/** Null when it is no address. Credentials in it would be sent to a place that nobody looked at. */
function frontOf(text: string): URL | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  // What clients are given as their base URL.
  url.pathname = url.pathname.replace(/\/v1\/*$/, '/')
  return url.username === '' && url.password === '' ? url : null
}

function systemPorts(): { readonly ports: DoctorPorts; readonly close: () => void } {
  const clock = systemClock
  const resolver = systemResolver(clock)
  const own = new Http1Client({ clock, resolver })
  const mock = mockTransport({ clock, random: seededRandom(1) })
  const transport = transportOver({ mock, own, fetch: fetchTransport(clock) })
  return { ports: { clock, resolver, transport, machine: systemMachine }, close: () => own.closeIdle() }
}

/** Texts of others, such as names in certificates and models, are among the findings. */
function shown({ title, findings }: Section, masker: Masker): Section {
  const clean = (text: string): string => printable(masker.mask(text))
  return {
    title: clean(title),
    findings: findings.map(({ level, what, todo }) => ({
      level,
      what: clean(what),
      todo: todo === undefined ? undefined : clean(todo),
    })),
  }
}

interface Examined {
  readonly subject: Subject
  readonly sections: readonly Section[]
  readonly masker: Masker
}

async function writeBundle(file: string, isJson: boolean, examined: Examined, io: Io): Promise<boolean> {
  const { subject, sections, masker } = examined
  const logging = subject.loaded.snapshot?.logging
  const text = renderBundle(
    {
      madeAt: new Date(systemClock.wallMs()).toISOString(),
      program: {
        version: buildInfo.version,
        commit: buildInfo.commit,
        built: buildInfo.builtAt,
        runtime: `bun ${Bun.version}`,
      },
      machine: systemMachine.describe(),
      sections,
      subject,
      log: logging === undefined ? 'it is not known where the log is' : await readLogTail(logging),
    },
    isJson || file.endsWith('.json') ? 'json' : 'text',
    masker,
  )
  try {
    // Masked or not, it tells much about how this place is made.
    await writeFile(file, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    io.stderr(`llm-proxy doctor: Cannot write "${file}": ${reason}\n`)
    return false
  }
  if (!isJson) io.stdout(`Wrote ${file}: secrets are masked, have a look at it before you give it away.\n`)
  return true
}
