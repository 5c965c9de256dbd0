import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import { keepAlive } from '#wire/keep-alive.ts'
import type { FramedEvent } from './codec.ts'

/**
 * Puts the events of a client's form into bytes: those that were there at once go out at once, in one piece. Their data stands
 * in one line.
 */
export class Framer {
  readonly #form: StreamForm
  #text = ''
  #done: Uint8Array[] = []
  #hasBegun = false
  #isAlive = false

  constructor(form: StreamForm) {
    this.#form = form
  }

  add({ name, data, bare }: FramedEvent): void {
    if (data === '') return
    if (this.#form === 'ndjson') this.#text += `${data}\n`
    else if (this.#form === 'gemini_array') this.#addElement(data, bare === true)
    else if (bare === true) this.#addAlone(data)
    else if (name === undefined || name === '') this.#text += `data: ${data}\n\n`
    else this.#text += `event: ${name}\ndata: ${data}\n\n`
    this.#hasBegun = true
  }

  /** A sign of life, unless something else goes out. */
  live(): void {
    this.#isAlive = true
  }

  /** The last word was said. */
  close(): void {
    if (this.#form === 'gemini_array') this.#text += this.#hasBegun ? ']' : '[]'
  }

  /** What goes out now, each piece as a write of its own. */
  take(): readonly Uint8Array[] {
    const isAlive = this.#isAlive
    this.#isAlive = false
    if (this.#text === '') {
      if (this.#done.length === 0) return isAlive ? [keepAlive(this.#form)] : nothing
    } else {
      this.#flush()
    }
    const done = this.#done
    this.#done = []
    return done
  }

  /** One that says in `bare` that it is no event here would be one too many. */
  #addElement(data: string, isBare: boolean): void {
    if (!isBare) this.#text += this.#hasBegun ? `,\r\n${data}` : `[${data}`
  }

  /** Flushed before and behind, so that whoever reads it gets nothing else with it. */
  #addAlone(data: string): void {
    this.#flush()
    this.#text = data
    this.#flush()
  }

  #flush(): void {
    if (this.#text !== '') this.#done.push(encode(escaped(this.#text)))
    this.#text = ''
  }
}

const nothing: readonly Uint8Array[] = []

/** Some clients take these for line ends. They stand nowhere but in the strings of JSON. */
function escaped(text: string): string {
  if (!lineEnds.test(text)) return text
  return text.replaceAll(/[\u0085\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

const lineEnds = /[\u0085\u2028\u2029]/
