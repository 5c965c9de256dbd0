import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import { stringKeys } from '#kit/string-keys.ts'
import { agentBackend, type AgentBackend, type AgentForm } from '../support/agent-backends.ts'
import { agentKey, hasAgent, runAgent, type AgentName, type AgentRun } from '../support/agents.ts'
import { startGateway } from '../support/gateway.ts'

// Programs of 200 MB start slowly on a busy machine.
setDefaultTimeout(90_000)

const secret = 'xylophone'
const final = `The word in the notes is ${secret}.`

/** How each of them is made to read the file, by a tool of its own. */
const tools: Readonly<Record<AgentName, { readonly tool: string; readonly args: JsonObject }>> = {
  claude: { tool: 'Bash', args: { command: 'cat notes.txt', description: 'Read the notes' } },
  codex: { tool: 'exec_command', args: { cmd: 'cat notes.txt' } },
  gemini: { tool: 'read_file', args: { file_path: 'notes.txt' } },
  opencode: { tool: 'bash', args: { command: 'cat notes.txt', description: 'Read the notes' } },
}

interface Row {
  readonly agent: AgentName
  readonly backend: AgentForm
  /** Name that the agent knows the model by; it knows what some names can do. */
  readonly alias: string
  /** Another tool than that above. */
  readonly uses?: { readonly tool: string; readonly args: JsonObject }
  /** It is shown no thoughts, and so brings back only those that are signed. */
  readonly seesNoThoughts?: boolean
}

const rows: readonly Row[] = [
  { agent: 'claude', backend: 'chat', alias: 'worker' },
  { agent: 'claude', backend: 'responses', alias: 'worker' },
  { agent: 'claude', backend: 'gemini', alias: 'worker' },
  { agent: 'codex', backend: 'chat', alias: 'worker' },
  { agent: 'codex', backend: 'messages', alias: 'worker' },
  { agent: 'codex', backend: 'gemini', alias: 'worker' },
  // Of models that it knows it expects programs as free text, by a tool in a namespace that stands among the messages.
  {
    agent: 'codex',
    backend: 'messages',
    alias: 'gpt-6-sol',
    uses: {
      tool: 'functions__exec',
      args: { input: 'const { output } = await tools.exec_command({ cmd: "cat notes.txt" })\ntext(output)' },
    },
  },
  { agent: 'gemini', backend: 'chat', alias: 'worker', seesNoThoughts: true },
  { agent: 'gemini', backend: 'messages', alias: 'worker' },
  { agent: 'gemini', backend: 'responses', alias: 'worker' },
  { agent: 'opencode', backend: 'messages', alias: 'worker' },
  { agent: 'opencode', backend: 'gemini', alias: 'worker' },
]

for (const agent of stringKeys(tools)) {
  if (!hasAgent(agent)) {
    console.warn(`Tests of ${agent} are left out: LLM_PROXY_AGENTS names no folder of scripts/agents.mjs that has it`)
  }

  describe.skipIf(!hasAgent(agent))(`${agent}, on backends of other forms`, () => {
    test.each(rows.filter((row) => row.agent === agent))(
      '§16.3: $backend, as $alias: its tool is called, its result comes back, and the end is told',
      async (row) => {
        await using backend = await agentBackend(row.backend, { ...(row.uses ?? tools[agent]), final })
        const run = await ask(row, backend)
        expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(final) })
        expect(backend.asked).toEqual([
          { result: undefined, hasThought: false },
          { result: expect.stringContaining(secret), hasThought: row.seesNoThoughts !== true },
        ])
      },
    )
  })
}

/** What is said of an answer that breaks in its middle; opencode says nothing, and asks again until it is stopped. */
const complaints: Readonly<Record<Exclude<AgentName, 'opencode'>, RegExp>> = {
  claude: /API Error/,
  codex: /ERROR: stream disconnected before completion/,
  gemini: /Error when talking to Gemini API/,
}

describe('an answer that breaks in its middle is an error', () => {
  const broken = [
    { agent: 'claude', backend: 'gemini', alias: 'worker' },
    { agent: 'codex', backend: 'messages', alias: 'worker' },
    { agent: 'gemini', backend: 'chat', alias: 'worker' },
  ] as const
  test.each(broken.filter(({ agent }) => hasAgent(agent)))('§8.4: $agent, on $backend', async (row) => {
    await using backend = await agentBackend(row.backend, { ...tools[row.agent], final, breaks: true })
    const { exitCode, stdout, stderr } = await ask(row, backend)
    expect(exitCode).not.toBe(0)
    expect(stdout + stderr).toMatch(complaints[row.agent])
    expect(stdout).not.toContain(final)
  })
})

async function ask({ agent, alias }: Row, backend: AgentBackend): Promise<AgentRun> {
  await using gateway = await startGateway(`
proxy_api_key: "${agentKey}"
backends:
  - { name: foreign, ${backend.yaml} }
models:
  ${alias}:
    routes: [{ backend: foreign, model: ${backend.model} }]
`)
  return await runAgent(agent, {
    gateway,
    model: alias,
    prompt: 'Read notes.txt and tell me the secret word.',
    files: { 'notes.txt': `the secret word is ${secret}\n` },
  })
}
