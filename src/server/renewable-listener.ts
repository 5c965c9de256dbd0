import type { ListenTls } from '#snapshot/listen-tls.ts'
import type { Clock } from '#ports/clock.ts'
import type { SharedPort } from '#ports/port-sharing.ts'
import type { Farewell, Listener } from './listen.ts'

/** How long connections with the former certificate may stay idle before they are closed. */
export const lingerMs = 10_000

export interface RenewalParts {
  readonly clock: Clock
  /** Listens on the same port, while or after the former one does. Throws when it cannot. */
  readonly open: (tls: ListenTls) => Listener
  /** The port as the system sees it; rejects or undefined where it cannot be steered. */
  readonly findPort: (port: number) => Promise<SharedPort | undefined>
  /** Two sockets can listen on one port. */
  readonly isShareable: boolean
}

/**
 * A listener that can have other certificates. The platform cannot give a socket that listens new ones, so another socket
 * takes its place: new connections go there, and those that are open are served on, each answer the last one of its
 * connection.
 */
export function renewable(
  first: Listener,
  firstTls: ListenTls,
  { clock, open, findPort, isShareable }: RenewalParts,
): Listener {
  let current = first
  let held = firstTls
  const former = new Set<Former>()
  const all = (): Listener[] => [current, ...Array.from(former, ({ listener }) => listener)]

  const retire = (listener: Listener, stayMs: number): void => {
    const enough = new AbortController()
    const one: Former = { listener, hurry: enough }
    former.add(one)
    const leave = async (): Promise<void> => {
      if (stayMs > 0) await clock.sleep(stayMs, enough.signal)
      await listener.stop()
    }
    void leave().finally(() => former.delete(one))
  }

  const steer = async (port: number): Promise<boolean> => {
    try {
      const shared = await findPort(port)
      // Places are known only while nobody else listens there: ours came first, the new one second.
      return shared?.listeners === 2 && shared.steerTo([1])
    } catch {
      // A sandbox may forbid to look.
      return false
    }
  }

  return {
    address: first.address,
    port: first.port,
    async renew(tls) {
      // Only one former socket may still listen.
      for (const { hurry } of former) hurry.abort()
      await clock.sleep(0)
      const old = current
      const port = old.port ?? 0
      if (!isShareable) {
        // In one go, so that next to nobody finds the port closed.
        retire(old, 0)
        try {
          current = open(tls)
        } catch (error) {
          current = open(held)
          throw error
        }
        held = tls
        return
      }
      current = open(tls)
      held = tls
      old.bow()
      retire(old, (await steer(port)) ? lingerMs : 0)
    },
    bow() {
      const farewells = all().map((listener) => listener.bow())
      const sum: Farewell = {
        get requests() {
          return farewells.reduce((requests, farewell) => requests + farewell.requests, 0)
        },
      }
      return sum
    },
    async stop() {
      for (const { hurry } of former) hurry.abort()
      await Promise.all(all().map(async (listener) => await listener.stop()))
    },
    async cut() {
      await Promise.all(all().map(async (listener) => await listener.cut()))
    },
  }
}

interface Former {
  readonly listener: Listener
  /** Ends its time. */
  readonly hurry: AbortController
}
