"""Simulated providers that enforce their own rules and reply without a model, for the demo and for tests.

reply          generates the reply to a prompt, with tool calls
schema_values  values that match a JSON schema
strict_schema  violations of the rules for strict schemas
faults         injected faults, and the requests received
openai         rules and format of OpenAI chat completions
anthropic      rules and format of Anthropic Messages
cohere         rules and format of Cohere chat
mistral        rules and format of Mistral chat completions
gemini         format of Gemini generateContent; its rules are in gemini_rules
responses      format of OpenAI Responses, which openai providers serve too; its rules are in responses_rules
bedrock        format of Bedrock Converse and its event stream; its rules are in bedrock_rules
media          embeddings, images and moderations in every provider's format
media_routes   routes for media, which every simulated provider has
provider       a simulated provider as an ASGI app
server         `with simulated(...)`: any number of providers on free loopback ports
"""
