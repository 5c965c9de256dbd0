import type { FunctionComponent } from 'preact'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { agoText, timeText } from '#server/ui/format.ts'

interface MomentProps {
  readonly ms: number | undefined
  /** Shows how long ago it was instead, and the time of day when one points at it. */
  readonly isAge?: boolean
}

/** A time of day in the viewer's zone; undefined: a dash. */
export const Moment: FunctionComponent<MomentProps> = ({ ms, isAge = false }) => {
  const words = useWords()
  const { state, preferences } = useSurroundings()
  if (ms === undefined) return <>–</>
  const told = timeText(ms, preferences.language.value, preferences.zone.value)
  return (
    <time dateTime={new Date(ms).toISOString()} title={told}>
      {isAge ? agoText(Math.max(0, state.gatewayNowMs.value - ms), words) : told}
    </time>
  )
}
