import { describe, expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import { isRejection } from '#translate/notes.ts'
import { seededRandom } from '#ports/random.ts'
import { answerings } from '../support/dialect-answers.ts'
import { streamText, type Answer } from '../support/dialect-said.ts'
import { answerOf, askedAs, bytesOf, mainBackends, mainForms, type MainForm } from '../support/dialect-asking.ts'
import { golden } from '../support/dialect-golden.ts'

const asking: Readonly<Record<MainForm, object>> = {
  chat: { model: 'alias', messages: [{ role: 'user', content: 'Hi' }], stream_options: { include_usage: true } },
  responses: { model: 'alias', input: 'Hi', reasoning: { summary: 'auto' } },
  messages: { model: 'alias', max_tokens: 2000, messages: [{ role: 'user', content: 'Hi' }] },
  gemini: {
    contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    generationConfig: { thinkingConfig: { includeThoughts: true } },
  },
}

interface Way {
  readonly client: MainForm
  readonly backend: MainForm
}

/** What a client gets of what a backend said: status, headers that matter, and the bytes. */
async function got(
  { client, backend }: Way,
  answer: Answer,
  stream: boolean,
  cuts?: readonly number[],
  lineEnd = '\n',
) {
  const asked = await askedAs(client, mainBackends[backend], asking[client], stream)
  if (isRejection(asked)) throw new Error(asked.message)
  const said = stream ? streamText(backend, answer.stream ?? [], lineEnd) : JSON.stringify(answer.body)
  const type = stream ? 'text/event-stream' : 'application/json'
  const response = answerOf(encode(said), type, answer.status ?? 200, cuts)
  for (const [name, value] of answer.headers ?? []) response.headers.append(name, value)
  const told = asked.answer(response)
  const { text, broke } = await bytesOf(told)
  const retry = told.headers.get('retry-after')
  const head = told.status === 200 ? [] : [`status ${told.status}${retry === null ? '' : `, retry-after ${retry}`}`]
  return [...head, text.trimEnd(), ...(broke === '' ? [] : [`(${broke})`])].join('\n')
}

/** How many there are depends on what comes at once. */
function withoutSignsOfLife(text: string): string {
  return signsOfLife.reduce((rest, sign) => rest.replaceAll(sign, ''), text)
}

const signsOfLife = [
  ': keep-alive\n\n',
  'event: ping\ndata: {"type":"ping"}\n\n',
  'data: {"candidates":[{"content":{"role":"model","parts":[]},"index":0}]}\n\n',
]

const random = seededRandom(41)
const pairs = mainForms.flatMap((client) =>
  mainForms.filter((backend) => backend !== client).map((backend): Way => ({ client, backend })),
)

// `UPDATE=1 bun test tests/wire` writes the expectations anew; read the difference.
describe.each(pairs)('the answer of a $backend backend to a $client client', (way) => {
  const cases = Object.entries(answerings).flatMap(([name, answering]) => {
    const answer = answering[way.backend]
    return answer === undefined ? [] : [[name, answer] as const]
  })

  test('is told as its golden file has it', async () => {
    const told: [string, string][] = []
    for (const [name, answer] of cases) {
      if (answer.body !== undefined) told.push([name, await got(way, answer, false)])
      if (answer.stream !== undefined) told.push([`${name}, streamed`, await got(way, answer, true)])
    }
    expect(told.length).toBeGreaterThanOrEqual(25)
    golden(`${way.backend}-answers-${way.client}`, told)
  })

  test('is the same for every way of cutting and framing its stream', async () => {
    for (const [name, answer] of cases) {
      if (answer.stream === undefined) continue
      const gotOf = async (cuts: readonly number[], lineEnd: string): Promise<string> =>
        `${name}: ${withoutSignsOfLife(await got(way, answer, true, cuts, lineEnd))}`
      const whole = await gotOf([], '\n')
      const { length } = encode(streamText(way.backend, answer.stream, '\r\n'))
      const everyByte = Array.from({ length }, (_, at) => at)
      for (const lineEnd of ['\n', '\r\n', '\r']) {
        expect(await gotOf(everyByte, lineEnd)).toBe(whole)
        for (let round = 0; round < 4; round++) {
          const cuts = Array.from({ length: 6 }, () => Math.floor(random.unit() * length)).toSorted((a, b) => a - b)
          expect(await gotOf(cuts, lineEnd)).toBe(whole)
        }
      }
    }
  })
})
