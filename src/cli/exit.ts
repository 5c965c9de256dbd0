/** Exit codes: done; could not start or failed while running; wrong usage, or a configuration that `check` refuses. */
export const exit = { done: 0, failed: 1, usage: 2 } as const
