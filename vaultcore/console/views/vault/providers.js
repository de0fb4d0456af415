// The catalog's providers, as suggestions. They are listed here because the vault page makes no requests; a test compares them.

export const PROVIDERS = `
  ai21 aihubmix aimlapi anthropic azure baseten bedrock bedrock-mantle bfl bigmodel cerebras chutes clarifai
  cloudflare cohere cohere-compat cometapi crusoe dashscope databricks deepinfra deepseek digitalocean edenai
  featherless fireworks friendli gemini gemini-compat github gmi groq helicone heroku huggingface hyperbolic
  inception lambda llama-api llamacpp lmstudio meta minimax mistral moonshot morph nano-gpt nebius novita
  nscale nvidia ollama openai opencode-go openrouter ovhcloud parasail perplexity poe publicai reka requesty
  sambanova sarvam scaleway siliconflow snowflake synthetic together upstage v0 venice vercel vllm volcengine
  voyage wandb xai xiaomi-mimo yi zai
`.trim().split(/\s+/);
