/** What a number in `type` of a channel means. */
export interface ChannelType {
  readonly name: string
  readonly protocol: string
  /** Where the channel gives no `base_url`; absent: it must give one, unless the region tells it. */
  readonly url?: string
}

/** Which of the two programs wrote an export; from 26 on their numbers differ, and 2 to 6 in part. */
export type Lineage = 'one-api' | 'new-api'

/** The type of a channel, or undefined when it is not reached from here. */
export function channelType(number: number, lineage: Lineage): ChannelType | undefined {
  return common[number] ?? (lineage === 'one-api' ? ofOneApi[number] : ofNewApi[number])
}

/** Does the number mean the same for both? */
export function isShared(number: number): boolean {
  return Object.hasOwn(common, number) || (number < 26 && ![2, 4, 5].includes(number))
}

const openai = 'openai'

const common: Readonly<Record<number, ChannelType>> = {
  1: { name: 'OpenAI', protocol: openai, url: 'https://api.openai.com' },
  3: { name: 'Azure', protocol: 'azure' },
  6: { name: 'OpenAIMax', protocol: openai, url: 'https://api.openaimax.com' },
  7: { name: 'OhMyGPT', protocol: openai, url: 'https://api.ohmygpt.com' },
  8: { name: 'Custom', protocol: openai },
  9: { name: 'AILS', protocol: openai, url: 'https://api.caipacity.com' },
  10: { name: 'AIProxy', protocol: openai, url: 'https://api.aiproxy.io' },
  12: { name: 'API2GPT', protocol: openai, url: 'https://api.api2gpt.com' },
  13: { name: 'AIGC2D', protocol: openai, url: 'https://api.aigc2d.com' },
  14: { name: 'Anthropic', protocol: 'anthropic', url: 'https://api.anthropic.com' },
  17: { name: 'Ali', protocol: openai, url: 'https://dashscope.aliyuncs.com/compatible-mode/v1' },
  19: { name: '360', protocol: openai, url: 'https://api.360.cn' },
  20: { name: 'OpenRouter', protocol: openai, url: 'https://openrouter.ai/api' },
  22: { name: 'FastGPT', protocol: openai, url: 'https://fastgpt.run/api/openapi' },
  24: { name: 'Gemini', protocol: 'gemini', url: 'https://generativelanguage.googleapis.com' },
  25: { name: 'Moonshot', protocol: openai, url: 'https://api.moonshot.cn' },
  31: { name: 'LingYiWanWu', protocol: openai, url: 'https://api.lingyiwanwu.com' },
  33: { name: 'AWS', protocol: 'bedrock' },
}

const ofOneApi: Readonly<Record<number, ChannelType>> = {
  2: { name: 'API2D', protocol: openai, url: 'https://oa.api2d.net' },
  4: { name: 'CloseAI', protocol: openai, url: 'https://api.closeai-proxy.xyz' },
  5: { name: 'OpenAI-SB', protocol: openai, url: 'https://api.openai-sb.com' },
  26: { name: 'Baichuan', protocol: openai, url: 'https://api.baichuan-ai.com' },
  27: { name: 'MiniMax', protocol: openai, url: 'https://api.minimax.chat' },
  28: { name: 'Mistral', protocol: 'mistral', url: 'https://api.mistral.ai' },
  29: { name: 'Groq', protocol: 'groq', url: 'https://api.groq.com/openai' },
  30: { name: 'Ollama', protocol: 'ollama', url: 'http://localhost:11434' },
  32: { name: 'StepFun', protocol: openai, url: 'https://api.stepfun.com' },
  35: { name: 'Cohere', protocol: 'cohere', url: 'https://api.cohere.com' },
  36: { name: 'DeepSeek', protocol: 'deepseek', url: 'https://api.deepseek.com' },
  39: { name: 'TogetherAI', protocol: openai, url: 'https://api.together.xyz' },
  40: { name: 'Doubao', protocol: openai, url: 'https://ark.cn-beijing.volces.com/api/v3' },
  41: { name: 'Novita', protocol: openai, url: 'https://api.novita.ai/v3/openai' },
  42: { name: 'Vertex AI', protocol: 'vertex' },
  44: { name: 'SiliconFlow', protocol: openai, url: 'https://api.siliconflow.cn' },
  45: { name: 'xAI', protocol: openai, url: 'https://api.x.ai' },
  47: { name: 'BaiduV2', protocol: openai, url: 'https://qianfan.baidubce.com/v2' },
  49: { name: 'AliBailian', protocol: openai, url: 'https://dashscope.aliyuncs.com/compatible-mode/v1' },
  50: { name: 'OpenAI-compatible', protocol: openai },
  51: { name: 'Gemini', protocol: 'gemini', url: 'https://generativelanguage.googleapis.com' },
}

const ofNewApi: Readonly<Record<number, ChannelType>> = {
  4: { name: 'Ollama', protocol: 'ollama', url: 'http://localhost:11434' },
  26: { name: 'Zhipu', protocol: openai, url: 'https://open.bigmodel.cn/api/paas/v4' },
  27: { name: 'Perplexity', protocol: openai, url: 'https://api.perplexity.ai' },
  34: { name: 'Cohere', protocol: 'cohere', url: 'https://api.cohere.com' },
  35: { name: 'MiniMax', protocol: openai, url: 'https://api.minimax.chat' },
  40: { name: 'SiliconFlow', protocol: openai, url: 'https://api.siliconflow.cn' },
  41: { name: 'Vertex AI', protocol: 'vertex' },
  42: { name: 'Mistral', protocol: 'mistral', url: 'https://api.mistral.ai' },
  43: { name: 'DeepSeek', protocol: 'deepseek', url: 'https://api.deepseek.com' },
  45: { name: 'VolcEngine', protocol: openai, url: 'https://ark.cn-beijing.volces.com/api/v3' },
  46: { name: 'BaiduV2', protocol: openai, url: 'https://qianfan.baidubce.com/v2' },
  47: { name: 'Xinference', protocol: openai },
  48: { name: 'xAI', protocol: openai, url: 'https://api.x.ai' },
  53: { name: 'Submodel', protocol: openai, url: 'https://llm.submodel.ai' },
}
