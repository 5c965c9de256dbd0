// `node scripts/run.mjs scripts/release.ts` checks that this commit can be released, builds all targets and tags it;
// with `--verify v1.2.3` it checks only that the tag, package.json and CHANGELOG.md agree,
// with `--notes v1.2.3` it prints the changelog's section for that version.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readManifest, root } from './compile.ts'

const [mode = '', tagGiven] = process.argv.slice(2)
const { version } = readManifest()
const tag = tagGiven ?? `v${version}`

if (tag !== `v${version}`) stop(`the tag is "${tag}" and package.json says ${version}, they should be the same`)
const notes = sectionOf(version)
if (notes === undefined) stop(`CHANGELOG.md has no section "## ${version}"`)

if (mode === '--notes') console.log(notes)
else if (mode === '--verify') console.log(`${tag} agrees with package.json and CHANGELOG.md`)
else if (mode === '') release()
else stop(`"${mode}" is not a flag, --verify and --notes are`)

function release(): void {
  if (run('git', 'status', '--porcelain') !== '') stop('the working tree has changes that are not committed')
  if (run('git', 'tag', '--list', tag) !== '') stop(`the tag "${tag}" is there already`)
  for (const script of ['check.ts', 'test.ts']) show(process.execPath, join('scripts', script))
  show(process.execPath, join('scripts', 'build.ts'), '--all')
  run('git', 'tag', '--annotate', tag, '--message', `llm-proxy ${version}`)
  console.log(`Tagged ${tag}; "git push origin ${tag}" publishes it`)
}

/** The text under `## <version>` up to the next heading of that rank. */
function sectionOf(wanted: string): string | undefined {
  const sections = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').split(/^## /m).slice(1)
  const section = sections.find((text) => /^\[?([^\]\s]+)/.exec(text)?.[1] === wanted)
  return section?.slice(section.indexOf('\n')).trim()
}

function run(...command: string[]): string {
  const result = Bun.spawnSync(command, { cwd: root, stdin: 'ignore' })
  if (result.exitCode !== 0) stop(`"${command.join(' ')}" failed: ${result.stderr.toString().trim()}`)
  return result.stdout.toString().trim()
}

function show(...command: string[]): void {
  const result = Bun.spawnSync(command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (result.exitCode !== 0) stop(`"${command.join(' ')}" failed`)
}

function stop(reason: string): never {
  console.error(`Cannot release llm-proxy: ${reason}`)
  process.exit(1)
}
