import { expect, test } from 'bun:test'
import { defaultLimits } from '#http1/reader.ts'
import { seededRandom, type Random } from '#ports/random.ts'
import { below, pickOf, randomPieces, randomResponse, type RandomResponse } from '../../support/random-response.ts'
import { responseCases } from '../../support/response-cases.ts'
import { judge } from '../../support/response-oracle.ts'
import { readPieces, type Question } from '../../support/response-outcome.ts'

/** Many more with `LLM_PROXY_LONG=1`, other ones with `LLM_PROXY_SEED`. */
const isLong = process.env['LLM_PROXY_LONG'] === '1'
const count = isLong ? 1_000_000 : 20_000
const seed = Number(process.env['LLM_PROXY_SEED'] ?? 0xf022)

test(
  'whatever is changed in a response, the reader takes it exactly as the rules say or refuses it',
  () => {
    const random = seededRandom(seed)
    const endings = new Map<string, number>()
    for (let index = 0; index < count; index += 1) {
      const [text, question] = mutant(random)
      const read = readPieces(randomPieces(Buffer.from(text, 'latin1'), random), question)
      const right = judge(text, question)
      if (!Bun.deepEquals(read, right)) expect({ index, text, ...read }).toEqual({ index, text, ...right })
      endings.set(read.ending, (endings.get(read.ending) ?? 0) + 1)
    }
    // A mutator that only ever breaks, or never does, would prove nothing.
    const expected = ['cut body', 'cut head', 'malformed body', 'malformed head', 'reusable', 'spent']
    expect([...endings.keys()].toSorted()).toEqual(expected)
    for (const number of endings.values()) expect(number).toBeGreaterThan(count / 200)
  },
  isLong ? 900_000 : 20_000,
)

/** A response, valid or written to be wrong, in which something was changed; and what it answers. */
function mutant(random: Random): readonly [text: string, question: Question] {
  const { text, question, edges } = seedling(random)
  let changed = text
  for (let left = 1 + below(random, 3); left > 0; left -= 1) changed = mutate(changed, edges, random)
  const kind = random.unit()
  if (kind < 0.05) return [changed, { ...question, asksUpgrade: true }]
  if (kind < 0.1) return [changed, { ...question, method: pickOf(random, ['GET', 'HEAD', 'CONNECT']) }]
  return [changed, kind < 0.2 ? { ...question, limits: tightLimits } : question]
}

function seedling(random: Random): Pick<RandomResponse, 'text' | 'question' | 'edges'> {
  if (random.unit() < 0.8) return randomResponse(random, { isExotic: true })
  const { text, question } = responseCases[below(random, responseCases.length)] ?? { text: '', question: {} }
  return { text, question, edges: [text.indexOf('\r\n\r\n') + 4] }
}

const tightLimits = {
  ...defaultLimits,
  headBytesMax: 200,
  headersMax: 6,
  interimMax: 1,
  extensionBytesMax: 4,
  trailerBytesMax: 40,
}

/** One change, near a place where parts of the message meet, more often than elsewhere. */
function mutate(text: string, edges: readonly number[], random: Random): string {
  const edge = edges[below(random, edges.length)] ?? 0
  const near = Math.max(0, edge - 3 + below(random, 7))
  const at = random.unit() < 0.6 ? near : below(random, text.length + 1)
  const before = text.slice(0, at)
  const behind = text.slice(at)
  const some = 1 + below(random, pickOf(random, [1, 4, 30]))
  switch (below(random, 9)) {
    case 0:
      // A bit turned over.
      return before + String.fromCharCode((behind.charCodeAt(0) || 0) ^ (1 << below(random, 8))) + behind.slice(1)
    case 1:
      return before + String.fromCharCode(below(random, 256)) + behind
    case 2:
      return before + pickOf(random, telling) + behind
    case 3:
      return before + behind.slice(some)
    case 4:
      return before + behind.slice(0, some) + behind
    case 5:
      return before
    case 6: {
      // A part of it somewhere else.
      const from = below(random, text.length + 1)
      return before + text.slice(from, from + some) + behind
    }
    case 7:
      return before + seedling(random).text.slice(0, pickOf(random, [20, 100, 1000]))
    default:
      return swapLines(text, random)
  }
}

function swapLines(text: string, random: Random): string {
  const lines = text.split('\r\n')
  const one = below(random, lines.length)
  const other = below(random, lines.length)
  return lines.map((line, at) => (at === one ? lines[other] : at === other ? lines[one] : line)).join('\r\n')
}

/** What attacks on readers are made of. */
const telling = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  '"',
  ',',
  '0',
  '\r\n ',
  '\r\n\t',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '\r\nContent-Length: 3',
  '\r\nContent-Length: 3, 3',
  '\r\nContent-Length : 3',
  '\r\ncontent-length:0',
  '\r\nTransfer-Encoding: chunked',
  '\r\nTransfer-Encoding: xchunked',
  '\r\nTransfer-Encoding:\x0bchunked',
  '\r\nConnection: close',
  'HTTP/1.1 200 OK\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
] as const
