import type { FunctionComponent } from 'preact'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import type { Order, Wish } from '#server/ui/model.ts'
import type { Words } from '#server/ui/words.ts'

/** What is looked for, and in which order it is shown. */
export const Toolbar: FunctionComponent<{ readonly isOrdered?: boolean }> = ({ isOrdered = true }) => {
  const words = useWords()
  const { preferences, place, go } = useSurroundings()
  return (
    <div class="toolbar" role="search">
      <label>
        <span>{words.search}</span>
        <input
          class="search"
          type="search"
          value={place.value.search}
          onInput={({ currentTarget: { value } }) => go({ ...place.value, search: value })}
        />
      </label>
      {isOrdered && (
        <label>
          <span>{words.order}</span>
          <select
            class="order"
            value={preferences.order.value}
            onChange={({ currentTarget: { value } }) => {
              preferences.order.value = orders.find((order) => order === value) ?? 'file'
            }}
          >
            {orders.map((order) => (
              <option key={order} value={order}>
                {words[orderWords[order]]}
              </option>
            ))}
          </select>
        </label>
      )}
      {isOrdered && (
        <label class="check">
          <input
            type="checkbox"
            checked={preferences.onlyTroubled.value}
            onChange={({ currentTarget: { checked } }) => {
              preferences.onlyTroubled.value = checked
            }}
          />
          <span>{words.onlyTroubled}</span>
        </label>
      )}
    </div>
  )
}

/** What the viewer wants to see of this page. */
export function useWish(): Wish {
  const { preferences, place } = useSurroundings()
  return {
    search: place.value.search,
    order: preferences.order.value,
    onlyTroubled: preferences.onlyTroubled.value,
  }
}

const orders: readonly Order[] = ['file', 'name', 'state', 'latency']

const orderWords = {
  file: 'orderFile',
  name: 'orderName',
  state: 'orderState',
  latency: 'orderLatency',
} as const satisfies Readonly<Record<Order, keyof Words>>
