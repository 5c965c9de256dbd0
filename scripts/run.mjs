// Sets up, then runs bun with the given arguments: `node scripts/run.mjs src/main.ts -config config.example.yaml`.
// Every script of package.json goes through here, so that no command needs a preparation that someone could forget.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

const bun = setUp()
// The platform holds back more than 256 requests in flight unless this is set when the process starts.
const env = { BUN_CONFIG_MAX_HTTP_REQUESTS: '65535', ...process.env }
// A .env file belongs to some other program; the compiled binary does not read one either.
const flags = ['--no-env-file', ...runtimeFlags()]
const child = spawn(bun, [...flags, ...process.argv.slice(2)], { cwd: root, env, stdio: 'inherit' })

// The terminal sends Ctrl-C to both; everybody else sends a signal to this process alone.
process.on('SIGINT', () => {
  if (!process.stdin.isTTY) child.kill('SIGINT')
})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))

child.on('error', (error) => {
  process.stderr.write(`Cannot start bun: ${error.message}\n`)
  process.exit(1)
})
child.on('exit', (code, signal) => {
  process.exit(code ?? (signal === 'SIGINT' ? 130 : 143))
})

/** The same flags that the build puts into the binary. */
function runtimeFlags() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).config.runtimeFlags.split(' ')
}
