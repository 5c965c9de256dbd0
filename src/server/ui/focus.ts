/** Where those go on reading whose part of the page was replaced by another. */
export function focusContent(): void {
  document.getElementById('content')?.focus()
}
