/** Prometheus's own judge of pages and rules, from the package `prometheus`; null where it is not installed. */
export const promtool = Bun.which('promtool')

/** What `promtool check metrics` says of a page. */
export function checkMetrics(page: string): { readonly exitCode: number; readonly told: string } {
  return run(['check', 'metrics'], page)
}

/** What `promtool check rules` says of a file. */
export function checkRules(file: string): { readonly exitCode: number; readonly told: string } {
  return run(['check', 'rules', '--lint-fatal', file], '')
}

function run(args: readonly string[], input: string): { readonly exitCode: number; readonly told: string } {
  const { exitCode, stderr } = Bun.spawnSync([promtool ?? 'promtool', ...args], { stdin: Buffer.from(input) })
  return { exitCode, told: stderr.toString() }
}
