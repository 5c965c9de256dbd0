// `node scripts/run.mjs scripts/fix.ts`: formats, and mends what the linter can mend.
import { root } from './compile.ts'

const commands = [
  ['node', 'node_modules/oxlint/bin/oxlint', '--fix', 'src', 'tests', 'bench', 'scripts'],
  ['node', 'node_modules/oxfmt/bin/oxfmt', '.'],
]
const codes = commands.map(
  (command) => Bun.spawnSync(command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).exitCode,
)
process.exit(Math.max(...codes))
