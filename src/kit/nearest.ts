/** The candidate that `word` is most likely a slip of, or undefined when none is close. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // Limit: longer words are compared by their first 64 characters, and nothing is guessed for a word of one letter.
  const wanted = word.slice(0, 64).toLowerCase()
  const distanceMax = Math.min(3, Math.floor(wanted.length / 3) + (wanted.length > 1 ? 1 : 0))
  let best: string | undefined
  let bestDistance = distanceMax + 1
  for (const candidate of candidates) {
    const offered = candidate.slice(0, 64).toLowerCase()
    if (Math.abs(offered.length - wanted.length) >= bestDistance) continue
    const distance = editDistance(wanted, offered)
    if (distance < bestDistance && distance < offered.length) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** How many letters must be added, left out, replaced or swapped with their neighbour to turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let twoBack: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1]
      let cost = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        cost = Math.min(cost, (twoBack[column - 2] ?? 0) + 1)
      }
      current.push(cost)
    }
    twoBack = previous
    previous = current
  }
  return previous[to.length] ?? 0
}
