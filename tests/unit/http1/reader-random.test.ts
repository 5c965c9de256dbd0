import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '#ports/random.ts'
import { randomPieces, randomResponse } from '../../support/random-response.ts'
import { judge } from '../../support/response-oracle.ts'
import { responseOrigin, type ResponseOrigin } from '../../support/response-origin.ts'
import { readPieces } from '../../support/response-outcome.ts'

/** Many more with `LLM_PROXY_LONG=1`. */
const isLong = process.env['LLM_PROXY_LONG'] === '1'
const ownCount = isLong ? 100_000 : 20_000
const peerCount = isLong ? 100_000 : 2000
const timeoutMs = isLong ? 600_000 : 20_000
const seed = 0x5eed

test(
  'responses made by chance come out as they were made, in random cuts',
  () => {
    const random = seededRandom(seed)
    for (let index = 0; index < ownCount; index += 1) {
      const { text, question, outcome } = randomResponse(random, { isExotic: true })
      const read = readPieces(randomPieces(Buffer.from(text, 'latin1'), random), question)
      if (!Bun.deepEquals(read, outcome)) expect({ index, ...read }).toEqual({ index, ...outcome })
    }
  },
  timeoutMs,
)

test('the oracle of the fuzzer knows the same responses', () => {
  const random = seededRandom(seed + 1)
  for (let index = 0; index < 2000; index += 1) {
    const { text, question, outcome } = randomResponse(random, { isExotic: true })
    expect(judge(text, question)).toEqual(outcome)
  }
})

test(
  'Node’s parser reads the same out of the same responses',
  async () => {
    await using origin = await responseOrigin(seed)
    const methods = Array.from({ length: peerCount }, (_, index) => origin.response(index).question.method)
    const node = Bun.spawn(
      ['node', fileURLToPath(import.meta.resolve('../../support/node-reads.mjs')), origin.url.origin],
      {
        stdin: Buffer.from(methods.join('\n')),
        stdout: 'pipe',
        stderr: 'inherit',
      },
    )
    const lines = (await new Response(node.stdout).text()).trim().split('\n')
    expect(await node.exited).toBe(0)
    expect(lines.length).toBe(peerCount)
    for (const line of lines) {
      const { index, ...read }: { index: number; headers?: string[] } = JSON.parse(line)
      const headers = (read.headers ?? []).map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text))
      const own = ownReading(origin, index)
      expect({ index, ...read, headers }).toEqual({ index, ...own, headers: own.headers.flat() })
    }
  },
  timeoutMs,
)

test(
  'fetch reads the same out of the same responses',
  async () => {
    await using origin = await responseOrigin(seed)
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < peerCount) {
        const index = next++
        const { method } = origin.response(index).question
        const response = await fetch(new URL(`/${index}`, origin.url), { method: method ?? 'GET', redirect: 'manual' })
        const { status, headers, hash } = ownReading(origin, index)
        const read = { index, status: response.status, hash: hashOf(await response.bytes()) }
        expect(read).toEqual({ index, status, hash })
        expect({ index, headers: joined(response.headers) }).toEqual({ index, headers: joined(headers) })
      }
    }
    await Promise.all(Array.from({ length: 16 }, lane))
  },
  timeoutMs,
)

function ownReading(origin: ResponseOrigin, index: number) {
  const { text, question } = origin.response(index)
  const random = seededRandom(index)
  const { status, headers, body, ending } = readPieces(randomPieces(Buffer.from(text, 'latin1'), random), question)
  if (ending !== 'reusable' && ending !== 'spent') throw new Error(`response ${index} is not valid: ${ending}`)
  return { status: status ?? 0, headers, hash: hashOf(Buffer.from(body, 'latin1')) }
}

/** Values of one name in one text, as the platform's Headers give them. */
function joined(headers: Iterable<readonly [string, string]>): Record<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of headers) values.set(name, values.has(name) ? `${values.get(name)}, ${value}` : value)
  return Object.fromEntries(values)
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex')
}
