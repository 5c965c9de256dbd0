/** The three-digit numbers that `429`, `42x` or `5xx` mean, `x` standing for any digit; undefined for any other text. */
export function expandWildcard(pattern: string): readonly number[] | undefined {
  const text = pattern.trim().toLowerCase()
  if (!/^[1-9][0-9x]{2}$/.test(text)) return undefined
  let numbers = ['']
  for (const place of text) {
    const digits = place === 'x' ? allDigits : [place]
    numbers = numbers.flatMap((start) => digits.map((digit) => start + digit))
  }
  return numbers.map(Number)
}

const allDigits = Array.from('0123456789')
