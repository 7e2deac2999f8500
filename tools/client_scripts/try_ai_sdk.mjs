// The AI SDK's provider for servers with OpenAI's API: chat, a stream with its usage, a completion.
import assert from "node:assert";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";

const provider = createOpenAICompatible({
  name: "starcoder", baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY, includeUsage: true,
});
const limits = { maxOutputTokens: 8, maxRetries: 0 }, name = process.env.MODEL;
assert((await generateText({ model: provider(name), prompt: "Say hi.", ...limits })).text);
const reply = streamText({ model: provider(name), prompt: "Say hi.", ...limits });
let text = "";
for await (const piece of reply.textStream) text += piece;
assert(text && (await reply.usage).outputTokens);
assert((await generateText({ model: provider.completionModel(name), prompt: "def f(x):\n    return ", ...limits })).text);
