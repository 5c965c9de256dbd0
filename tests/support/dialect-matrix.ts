import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import { dialectBackends, type DialectBackend } from './dialect-backends.ts'
import { dialectClientNames } from './dialect-clients.ts'
import { startGateway, type RunningGateway } from './gateway.ts'
import { servedMock } from './mock.ts'
import { plainAnswer, rawOrigin } from './raw-origin.ts'

/** A gateway in front of a backend of every form. */
export interface DialectMatrix extends AsyncDisposable {
  readonly gateway: RunningGateway
  /** What reached the backends since it was asked last, parsed. */
  readonly takeAsked: () => readonly BackendAsked[]
}

export interface BackendAsked {
  readonly path: string
  readonly text: string
  readonly body: JsonObject
}

/** Name of the alias for a behaviour of a backend. */
export function aliasOf(backend: DialectBackend, behaviour: string): string {
  return `${backend.name.replace(' ', '-')}.${behaviour.replaceAll(/[+=]/g, '-')}`
}

/** Every client with every backend. */
export const dialectCells: readonly { readonly client: string; readonly backend: DialectBackend }[] =
  dialectBackends.flatMap((backend) => dialectClientNames.map((client) => ({ client, backend })))

/** The behaviours are words of the mock backend; beside them every backend has the alias of a prompt that is too long. */
export async function dialectMatrix(behaviours: readonly string[]): Promise<DialectMatrix> {
  const mock = servedMock()
  const narrow = await Promise.all(
    dialectBackends.map(async ({ overflow: { status, headers = [], body } }) => {
      const head = ['Content-Type: application/json', ...headers]
      return await rawOrigin((peer) => peer.write(plainAnswer(JSON.stringify(body), head, `${status} No`)))
    }),
  )
  const backends = dialectBackends.flatMap(({ name, entry }, at) => [
    `  - { name: ${name}, api_key: sk-up, ${entry(mock.url)} }`,
    `  - { name: ${name} narrow, api_key: sk-up, ${entry(narrow[at]?.url.origin ?? '')} }`,
  ])
  const models = dialectBackends.flatMap((backend) => {
    const aliases = behaviours.map((behaviour) => {
      const route = `{ backend: ${backend.name}, model: "${backend.model}+${behaviour}" }`
      return `  ${aliasOf(backend, behaviour)}: { routes: [${route}] }`
    })
    const narrowRoute = `{ backend: ${backend.name} narrow, model: "${backend.model}" }`
    return aliases.concat(`  ${aliasOf(backend, 'overflow')}: { routes: [${narrowRoute}] }`)
  })
  const gateway = await startGateway(`
proxy_api_key: sk-test
backends:
${backends.join('\n')}
models:
${models.join('\n')}
fallback: { cooldown_seconds: 0, respect_retry_after: false }
`)
  return {
    gateway,
    takeAsked() {
      return mock.diary.requests.splice(0).map(({ path, body }) => {
        const text = Buffer.from(body).toString()
        return { path, text, body: asObject(parseJson(text)) ?? {} }
      })
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      for (const origin of narrow) await origin.stop()
      await mock.stop()
    },
  }
}
