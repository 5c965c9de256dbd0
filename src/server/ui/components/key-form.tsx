import type { FunctionComponent } from 'preact'
import { useSignal } from '@preact/signals'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { focusContent } from '#server/ui/focus.ts'
import { troubleText } from './notices.tsx'

/** Where the key of the admin pages goes in, and is forgotten again. */
export const KeyForm: FunctionComponent = () => {
  const words = useWords()
  const { state } = useSurroundings()
  const key = useSignal('')
  if (!state.hasAdminPages) return <p class="faint">{words.keyNone}</p>
  if (state.status.value !== undefined) {
    const leave = (): void => {
      void state.leave()
      focusContent()
    }
    return (
      <p>
        <button type="button" class="forget" onClick={leave}>
          {words.keyClose}
        </button>
      </p>
    )
  }
  const { keyTrouble } = state
  const told = keyTrouble.value === undefined ? undefined : troubleText(keyTrouble.value, words)
  const open = async (typed: string): Promise<void> => {
    await state.enter(typed)
    if (state.status.value !== undefined) focusContent()
  }
  const submit = (event: Event): void => {
    event.preventDefault()
    void open(key.value)
    key.value = ''
  }
  return (
    <form class="key" onSubmit={submit}>
      <label for="key">{words.keyLabel}</label>
      <input
        id="key"
        type="password"
        autocomplete="off"
        required
        value={key.value}
        aria-describedby="key-why key-told"
        aria-invalid={told !== undefined}
        onInput={({ currentTarget }) => {
          key.value = currentTarget.value
        }}
      />
      <button type="submit">{words.keyOpen}</button>
      <p id="key-told" class="told bad-text" role="alert">
        {told}
      </p>
      <p id="key-why" class="faint">
        {words.keyWhy}
      </p>
    </form>
  )
}
