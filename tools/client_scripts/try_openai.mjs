// OpenAI's own client: its address and key are in its own variables, the model is MODEL.
import assert from "node:assert";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const model = process.env.MODEL, prompt = "def square(x):\n    return ";
const messages = [{ role: "user", content: "Say hi." }];
const listed = [];
for await (const each of client.models.list()) listed.push(each.id);
assert.deepEqual(listed, [model]);
const whole = await client.completions.create({ model, prompt, max_tokens: 6, logprobs: 1 });
assert(whole.choices[0].text && whole.choices[0].logprobs.tokens.length);
let text = "";
for await (const event of await client.completions.create({ model, prompt, suffix: "\n", max_tokens: 8, stream: true }))
  text += event.choices[0].text;
assert(text.includes("x"), text);
const stream = client.chat.completions.stream({ model, messages, max_tokens: 8 });
assert((await stream.finalChatCompletion()).choices[0].message.content);
const controller = new AbortController();
const events = await client.chat.completions.create({ model, messages, max_tokens: 400, stream: true }, { signal: controller.signal });
for await (const event of events) if (event.choices[0].delta.content) controller.abort();
