import { bench, do_not_optimize as keep, run, summary } from 'mitata'
import { openGate } from '#wire/gate.ts'
import { peekJson } from '#wire/peek.ts'
import { spliceModel } from '#wire/json-splice.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { HeadJudge } from '#wire/stream-head.ts'

const encoder = new TextEncoder()

function chatBody(messages: number, text: string, indent?: number): Uint8Array<ArrayBuffer> {
  const body = {
    model: 'gpt-5',
    stream: true,
    temperature: 0.7,
    messages: Array.from({ length: messages }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: text,
    })),
  }
  return encoder.encode(JSON.stringify(body, undefined, indent))
}

const prose = 'The quick brown fox jumps over the lazy dog, and then it does so again.\n'
const code = 'if (a["b"] === "c") { return "d" } // "quoted"\n'
const bodies = {
  '1.7 KB chat': chatBody(6, prose.repeat(3)),
  '256 KB chat of long texts': chatBody(40, prose.repeat(88)),
  '256 KB chat of short texts': chatBody(2400, prose),
  '256 KB chat of quoted code': chatBody(40, code.repeat(105)),
  '256 KB of token numbers': encoder.encode(
    JSON.stringify({ model: 'm', input: Array.from({ length: 44_000 }, (_, n) => 10_000 + n) }),
  ),
  '256 KB chat, indented': chatBody(40, prose.repeat(88), 2),
}

for (const [name, body] of Object.entries(bodies)) {
  const text = new TextDecoder().decode(body)
  summary(() => {
    bench(`peekJson, ${name} (${body.length} B)`, () => keep(peekJson(body)))
    bench(`JSON.parse, ${name}`, () => keep(JSON.parse(text)))
  })
}

const deep = encoder.encode(`{"model":"m","x":${'['.repeat(5_000_000)}${']'.repeat(5_000_000)}}`)
bench('peekJson, 10 MB of nesting', () => keep(peekJson(deep)))

const large = bodies['256 KB chat of long texts']
bench('spliceModel, 256 KB', () => keep(spliceModel(large, { start: 9, end: 16 }, 'another-model')))

const event = encoder.encode(
  'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-5",' +
    '"choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}]}\n\n',
)
const half = event.subarray(0, 100)
const otherHalf = event.subarray(100)
const whole = openGate('chat')
const halves = openGate('chat')
bench('Gate.push, one whole event', () => keep(whole.push(event)))
bench('Gate.push twice, an event in halves', () => {
  keep(halves.push(half))
  keep(halves.push(otherHalf))
})

const end = new StreamEnd('chat')
bench('StreamEnd.see, one event', () => end.see(event))

const done = encoder.encode('data: [DONE]\n\n')
bench('StreamEnd, 200 events and the verdict', () => {
  const stream = new StreamEnd('chat')
  for (let count = 0; count < 200; count++) stream.see(event)
  stream.see(done)
  keep(stream.verdict())
})

const role = encoder.encode(
  'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
)
bench('HeadJudge, a role and a first word', () => {
  const head = new HeadJudge('chat')
  keep(head.push(role))
  keep(head.push(event))
})

await run()
