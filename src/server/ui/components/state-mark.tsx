import type { FunctionComponent } from 'preact'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { leftText } from '#server/ui/format.ts'
import { toneOf, type State } from '#server/ui/model.ts'

interface StateMarkProps {
  readonly state: State
  /** As of the last news. */
  readonly restsForMs: number
}

/** A state in colour and word, and how long it lasts. */
export const StateMark: FunctionComponent<StateMarkProps> = ({ state, restsForMs }) => {
  const words = useWords()
  const { nowMs, updatedMs } = useSurroundings().state
  // That a rest is over is for the gateway to say. Nobody knows when a backend that is down is back.
  const leftMs = state === 'unhealthy' ? 0 : restsForMs - (nowMs.value - (updatedMs.value ?? nowMs.value))
  return (
    <span class="state">
      <span class={`mark ${toneOf(state)}`}>{words[state]}</span>
      {leftMs > 0 && <span class="faint"> {leftText(leftMs, words)}</span>}
    </span>
  )
}
