// Continue's adapters, as its extension uses them: chat, completions, gaps and the list of models.
import assert from "node:assert";
import { constructLlmApi } from "@continuedev/openai-adapters";

const { MODEL: model, OPENAI_BASE_URL: url, OPENAI_API_KEY: apiKey } = process.env;
const messages = [{ role: "user", content: "Say hi." }], signal = new AbortController().signal;
const gap = { prompt: "def square(x):\n    return ", suffix: "\n" };
async function join(events, read) {
  let text = "";
  for await (const event of events) text += read(event) ?? "";
  assert(text);
}
for (const provider of ["openai", "vllm", "llama.cpp", "lmstudio", "mistral"]) {
  const api = constructLlmApi({ provider, apiKey, apiBase: `${url}/` });
  const ask = { model, max_tokens: 8 };
  assert((await api.chatCompletionNonStream({ ...ask, messages }, signal)).choices[0].message.content);
  await join(api.chatCompletionStream({ ...ask, messages, stream: true }, signal), (each) => each.choices[0]?.delta?.content);
  await join(api.completionStream({ ...ask, prompt: gap.prompt, stream: true }, signal), (each) => each.choices[0]?.text);
  await join(api.fimStream({ ...ask, ...gap, stream: true }, signal), (each) => each.choices[0]?.delta?.content);
  assert.deepEqual((await api.list()).map((each) => each.id), [model]);
}
process.exit(0);
