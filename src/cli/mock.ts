import { printable } from '#kit/printable.ts'
import type { MockRecord } from '#mock/exchange.ts'
import type { MockEnd } from '#mock/play.ts'
import { startMockServer, type MockServer } from '#mock/server.ts'
import { systemClock } from '#ports/clock.ts'
import { seededRandom } from '#ports/random.ts'
import { cannotListen } from '#server/cannot-listen.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'

/** Values of the command's flags as they were typed. */
export interface MockArgs {
  readonly host: string | undefined
  readonly port: string | undefined
  readonly seed: string | undefined
}

/** `llm-proxy mock`: a provider that only pretends, until SIGINT or SIGTERM. */
export async function mock(args: MockArgs, io: Io): Promise<number> {
  const host = args.host ?? '127.0.0.1'
  const port = wholeNumber(args.port ?? '9100', 65_535)
  const seed = wholeNumber(args.seed ?? '1', 2 ** 32 - 1)
  if (port === undefined) {
    io.stderr(`llm-proxy mock: Cannot use the port "${args.port}": it must be a whole number from 0 to 65535\n`)
    return exit.usage
  }
  if (seed === undefined) {
    io.stderr(`llm-proxy mock: Cannot use the seed "${args.seed}": it must be a whole number from 0 to 4294967295\n`)
    return exit.usage
  }
  const ports = { clock: systemClock, random: seededRandom(seed) }
  let unread = 0
  const onRead = (): void => void (unread -= 1)
  const onEnded = (record: MockRecord, how: MockEnd): void => {
    if (unread >= unreadMax) return
    unread += 1
    io.print(lineOf(record, how)).then(onRead, onRead)
  }
  let server: MockServer
  try {
    server = startMockServer({ host, port }, ports, { onEnded })
  } catch (error) {
    io.stderr(`llm-proxy mock: ${cannotListen({ kind: 'tcp', host, port }, error)}\n`)
    return exit.failed
  }
  io.stdout(greeting(server.url))
  await new Promise<void>((resolve) => {
    const stopListening = io.onSignal(['SIGINT', 'SIGTERM'], () => {
      stopListening()
      resolve()
    })
  })
  await server.stop()
  return exit.done
}

/** Limit: lines that wait for a reader; further requests leave none. */
const unreadMax = 1000

function wholeNumber(text: string, max: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined
  const number = Number(text)
  return number <= max ? number : undefined
}

/** One line per request; the model's name is the client's word, so it is quoted and cut. */
function lineOf(record: MockRecord, how: MockEnd): string {
  return `${record.method} ${record.path} model=${printable(JSON.stringify(record.model.slice(0, 200)))} ${how}\n`
}

function greeting(url: string): string {
  return `The mock backend listens on ${url}; the model's name decides how it behaves (docs/mock.md). Try:

  curl -N ${url}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model":"ok+tps=5","stream":true,"messages":[{"role":"user","content":"hi"}]}'

`
}
