/** Exit codes: done; could not start, failed while running or found something wrong; wrong usage, or a configuration that `check` refuses. */
export const exit = { done: 0, failed: 1, usage: 2 } as const
