import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunningGateway } from './gateway.ts'

/** The command lines that `scripts/agents.mjs` installs. */
export type AgentName = 'claude' | 'codex' | 'gemini' | 'opencode'

/** Folder that `scripts/agents.mjs` was given; undefined: the command lines are not here. */
const agentsFolder = process.env['LLM_PROXY_AGENTS'] ?? ''

/** Only what was installed can be tested, and groups of processes can be ended only where there are such. */
export function hasAgent(name: AgentName): boolean {
  return process.platform !== 'win32' && agentsFolder !== '' && existsSync(programOf(name))
}

/** What a run came to. */
export interface AgentRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface AgentTask {
  readonly gateway: RunningGateway
  /** Alias of the model. */
  readonly model: string
  readonly prompt: string
  /** Files in the folder that the agent works in: name → text. */
  readonly files: Readonly<Record<string, string>>
}

/** The key that agents send. */
export const agentKey = 'sk-agents'

/** Longer than any of them takes; the first start reads a program of 200 MB. */
const runMsMax = 60_000

/** Lets an agent work on one prompt without a terminal, in a home of its own, with nothing but loopback to talk to. */
export async function runAgent(name: AgentName, task: AgentTask): Promise<AgentRun> {
  const home = mkdtempSync(join(tmpdir(), 'llm-proxy-agent-'))
  const work = join(home, 'work')
  mkdirSync(work)
  for (const [file, text] of Object.entries(task.files)) writeFileSync(join(work, file), text)
  const { args, env, settings } = startOf[name](task, home)
  for (const [file, text] of Object.entries(settings)) {
    mkdirSync(join(home, file, '..'), { recursive: true })
    writeFileSync(join(home, file), text)
  }
  const child = Bun.spawn([programOf(name), ...args], {
    cwd: work,
    env: { ...loopbackOnly, PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, TERM: 'dumb', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    // A group of its own, so that what it starts ends with it.
    detached: true,
  })
  const timer = setTimeout(() => endGroup(child.pid), runMsMax)
  try {
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    return { exitCode, stdout, stderr }
  } finally {
    clearTimeout(timer)
    endGroup(child.pid)
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

function programOf(name: AgentName): string {
  return join(agentsFolder, 'node_modules', '.bin', name)
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended, and left nobody behind.
  }
}

/** A proxy that nobody runs stands between them and everything else. */
const nobody = 'http://127.0.0.1:9'
const loopbackOnly = {
  HTTP_PROXY: nobody,
  HTTPS_PROXY: nobody,
  ALL_PROXY: nobody,
  http_proxy: nobody,
  https_proxy: nobody,
  NO_PROXY: '127.0.0.1,localhost',
  no_proxy: '127.0.0.1,localhost',
}

interface Start {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Files in the home: path → text. */
  readonly settings: Readonly<Record<string, string>>
}

/** As docs/guides/agents.md tells people to do it, and with nothing that goes elsewhere. */
const startOf: Readonly<Record<AgentName, (task: AgentTask, home: string) => Start>> = {
  claude: ({ gateway, model, prompt }) => ({
    args: ['-p', prompt, '--allowedTools', 'Bash(cat:*)'],
    env: {
      ANTHROPIC_BASE_URL: gateway.url,
      ANTHROPIC_API_KEY: agentKey,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      CLAUDE_CODE_MAX_RETRIES: '0',
      DISABLE_AUTOUPDATER: '1',
    },
    settings: {},
  }),
  codex: ({ gateway, prompt, model }, home) => ({
    args: ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt],
    env: { CODEX_HOME: join(home, '.codex'), GATEWAY_KEY: agentKey },
    settings: {
      '.codex/config.toml': `model = ${JSON.stringify(model)}
model_provider = "gateway"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.gateway]
name = "gateway"
base_url = "${gateway.url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`,
    },
  }),
  gemini: ({ gateway, model, prompt }) => ({
    args: ['-p', prompt, '-m', model, '--approval-mode', 'yolo'],
    env: {
      GOOGLE_GEMINI_BASE_URL: gateway.url,
      GEMINI_API_KEY: agentKey,
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
    },
    settings: {
      '.gemini/settings.json': JSON.stringify({
        general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: 1 },
        privacy: { usageStatisticsEnabled: false },
        security: { auth: { selectedType: 'gemini-api-key' } },
        telemetry: { enabled: false },
      }),
    },
  }),
  opencode: ({ gateway, model, prompt }) => ({
    args: ['run', '--model', `gateway/${model}`, prompt],
    env: {
      GATEWAY_KEY: agentKey,
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
    },
    settings: {
      '.config/opencode/opencode.json': JSON.stringify({
        autoupdate: false,
        share: 'disabled',
        small_model: `gateway/${model}`,
        permission: { bash: 'allow' },
        provider: {
          gateway: {
            npm: '@ai-sdk/openai-compatible',
            options: { baseURL: `${gateway.url}/v1`, apiKey: '{env:GATEWAY_KEY}' },
            models: { [model]: { name: model } },
          },
        },
      }),
    },
  }),
}
