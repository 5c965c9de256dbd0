import type { FunctionComponent } from 'preact'
import { shownText } from '#server/ui/format.ts'

/** A text of others: a name of the configuration, an error of a backend. Only ever a text, whatever it looks like. */
export const Outside: FunctionComponent<{ readonly text: string; readonly class?: string }> = ({
  text,
  class: className,
}) => <bdi class={className}>{shownText(text)}</bdi>
