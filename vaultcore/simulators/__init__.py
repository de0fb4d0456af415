"""Providers that enforce their own rules and answer without a model: for the demo and for tests.

reply       what is answered: a pure function of the prompt, and which tools are called
sample      a value that a JSON schema allows
script      mishaps to play instead of an answer, and what has been asked
openai      the rules and the form of OpenAI chat completions
anthropic   the rules and the form of Anthropic Messages
cohere      the rules and the form of Cohere chat
mistral     the rules and the form of Mistral chat completions
gemini      the form of Gemini generateContent, and gemini_rules what it refuses
responses   the rules and the form of OpenAI Responses, spoken by the openai ones too
bedrock     the form of Bedrock Converse and its event stream, and bedrock_rules what it refuses
studio      vectors and pictures, by the rules and in the form of each who makes them
atelier     the studio's paths, which every provider answers
provider    either of them as an ASGI app
server      `with simulated(...)`: any number of them on free loopback ports
"""
