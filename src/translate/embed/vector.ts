import { asNumber } from '#kit/json-value.ts'

/** Numbers, or the bytes of them in base64, as answers hold them; undefined where it is neither. */
export function vectorOf(value: unknown): readonly number[] | undefined {
  if (typeof value === 'string') return fromBase64(value)
  return isNumbers(value) && value.length > 0 ? value : undefined
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((number) => typeof number === 'number')
}

/** All of a list, or undefined where one of them is none. */
export function vectorsOf(values: readonly unknown[]): readonly (readonly number[])[] | undefined {
  const vectors: (readonly number[])[] = []
  for (const value of values) {
    const vector = vectorOf(value)
    if (vector === undefined) return undefined
    vectors.push(vector)
  }
  return vectors
}

/** Of the length 1, in the same direction; one that has no direction stays as it is. */
export function normalized(vector: readonly number[]): readonly number[] {
  let squares = 0
  for (const number of vector) squares += number * number
  const length = Math.sqrt(squares)
  return length > 0 && Number.isFinite(length) ? vector.map((number) => number / length) : vector
}

/** Little-endian floats of 32 bits, whatever this machine has. */
export function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * floatBytes)
  for (const [index, number] of vector.entries()) bytes.writeFloatLE(number, index * floatBytes)
  return bytes.toString('base64')
}

function fromBase64(text: string): readonly number[] | undefined {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === 0 || bytes.length % floatBytes !== 0) return undefined
  return Array.from({ length: bytes.length / floatBytes }, (_, index) => bytes.readFloatLE(index * floatBytes))
}

const floatBytes = 4

/** A count of dimensions: a whole number that is not negative, nor zero. */
export function wholeOf(value: unknown): number | undefined {
  const number = asNumber(value)
  return number !== undefined && Number.isSafeInteger(number) && number > 0 ? number : undefined
}
