/** Exit codes: done, failed while running, wrong usage or wrong configuration. */
export const exit = { done: 0, failed: 1, usage: 2 } as const
