import { Credentials } from '#credential/credentials.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'
import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'
import { checkBackend, type BackendPorts, type BackendState } from './backend-check.ts'
import { checkConfig } from './config-check.ts'
import { fail, type Finding, type Section } from './finding.ts'
import { checkFront, type FrontDoor } from './front-check.ts'
import { checkListener, doorOf, plainLink } from './listener-check.ts'
import { checkMachine, judgeClocks } from './machine-check.ts'
import type { Machine } from './machine.ts'
import { backendUses, type BackendUse, type Subject } from './subject.ts'

export interface DoctorPorts extends BackendPorts {
  readonly machine: Machine
}

/** Looks at everything, without spending a token; each section as soon as it and those before it are known. */
export async function* examine(
  ports: DoctorPorts,
  subject: Subject,
  frontUrl: URL | undefined,
): AsyncGenerator<Section> {
  const { snapshot } = subject.loaded
  yield { title: `configuration ${subject.name}`, findings: await checkConfig(subject, ports.machine) }
  const clocks: { backend: string; aheadMs: number }[] = []
  const uses = snapshot === undefined ? [] : backendUses(snapshot, subject.draft, credentialsOf(ports, snapshot))
  for (const { use, state } of startAll(ports, uses)) {
    const { findings, aheadMs } = await state
    const { name, url } = use.backend
    if (aheadMs !== undefined) clocks.push({ backend: name, aheadMs })
    yield { title: `backend ${name} (${url.href})`, findings }
  }
  const listeners = snapshot === undefined ? { findings: [], isRunning: false } : await checkListeners(ports, snapshot)
  const ofMachine = await checkMachine(ports, snapshot, subject.env)
  yield { title: 'machine', findings: [...listeners.findings, ...ofMachine, ...judgeClocks(clocks)] }
  const door = snapshot === undefined ? undefined : frontDoor(subject, snapshot, frontUrl, listeners.isRunning)
  if (door !== undefined) {
    const title =
      door.link.unixPath === undefined ? `in front ${door.url.origin}` : `in front unix:${door.link.unixPath}`
    yield { title, findings: await checkFront(ports, door) }
  }
}

/** With tokens of its own: what the running gateway holds is not known here. */
function credentialsOf({ clock, transport }: DoctorPorts, snapshot: Snapshot): Credentials {
  const book = new Credentials({ clock, transport, files: systemSecretFiles, log: { write: () => {} } })
  book.adopt(snapshot.credentials)
  return book
}

interface Started {
  readonly use: BackendUse
  readonly state: Promise<BackendState>
}

/** Limit: backends that are looked at side by side. */
const sideBySideMax = 8

/** Begins with the first ones at once, and with each further one when another is done. */
function startAll(ports: BackendPorts, uses: readonly BackendUse[]): readonly Started[] {
  const running: Promise<unknown>[] = []
  return uses.map((use, index) => {
    const before = running[index - sideBySideMax]
    const state =
      before === undefined ? checkSafely(ports, use) : before.then(async () => await checkSafely(ports, use))
    running.push(state)
    return { use, state }
  })
}

/** A mistake in one examination must not hide what the others found. */
async function checkSafely(ports: BackendPorts, use: BackendUse): Promise<BackendState> {
  try {
    return await checkBackend(ports, use)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { findings: [fail(`it could not be examined: ${reason}`, 'please report this')], aheadMs: undefined }
  }
}

async function checkListeners(
  ports: DoctorPorts,
  { listen, admin, tls }: Snapshot,
): Promise<{ readonly findings: readonly Finding[]; readonly isRunning: boolean }> {
  const main = await checkListener(ports, listen, tls !== undefined)
  if (admin.listen === undefined) return { findings: [main.finding], isRunning: main.isOurs }
  const own = await checkListener(ports, admin.listen, tls !== undefined)
  return { findings: [main.finding, own.finding], isRunning: main.isOurs }
}

function frontDoor(
  { env, draft }: Subject,
  { admin, listen, tls }: Snapshot,
  given: URL | undefined,
  isRunning: boolean,
): FrontDoor | undefined {
  if (given === undefined && !isRunning) return undefined
  const key = [env['LLM_PROXY_ADMIN_KEY'], draft?.admin.key, draft?.proxy_api_key].find((each) => (each ?? '') !== '')
  const common = { adminPath: admin.path, adminKey: key, isAdminElsewhere: admin.listen !== undefined }
  if (given !== undefined) return { ...common, url: given, link: plainLink(), isGiven: true }
  const address: ListenAddress = listen
  return { ...common, ...doorOf(address, tls !== undefined), isGiven: false }
}
