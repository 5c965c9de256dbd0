import type { FunctionComponent } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { agoText } from '#server/ui/format.ts'
import { hashOf, pageNames } from '#server/ui/router.ts'
import { fill } from '#server/ui/words.ts'
import { Settings } from './settings.tsx'

/** Where one is, how old the news are, and what one may change about both. */
export const Header: FunctionComponent = () => {
  const words = useWords()
  const { page: shownPage } = useSurroundings().place.value
  const current = useRef<HTMLAnchorElement>(null)
  // On a phone they stand in a row that is wider than the screen.
  useEffect(() => current.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [shownPage])
  return (
    <header>
      <div class="bar">
        <span class="brand">llm-proxy</span>
        <Freshness />
        <Settings />
      </div>
      <nav aria-label={words.pages}>
        {pageNames.map((page) => (
          <a
            key={page}
            href={hashOf({ page, search: '' })}
            ref={shownPage === page ? current : null}
            aria-current={shownPage === page ? 'page' : undefined}
          >
            {words[page]}
          </a>
        ))}
      </nav>
    </header>
  )
}

const Freshness: FunctionComponent = () => {
  const words = useWords()
  const { state } = useSurroundings()
  const { isBusy, isPaused, nowMs, updatedMs } = state
  const ago = updatedMs.value === undefined ? undefined : agoText(nowMs.value - updatedMs.value, words)
  const told = ago === undefined ? words.never : fill(isPaused.value ? words.paused : words.updated, { ago })
  return (
    <div class="freshness">
      <span class="faint told">{told}</span>
      <button type="button" class="refresh" aria-busy={isBusy.value} onClick={() => void state.refresh()}>
        {words.refresh}
      </button>
      <button
        type="button"
        class={isPaused.value ? 'pause on' : 'pause'}
        onClick={() => (isPaused.value ? void state.resume() : state.pause())}
      >
        {isPaused.value ? words.resume : words.pause}
      </button>
    </div>
  )
}
