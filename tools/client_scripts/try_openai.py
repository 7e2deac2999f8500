"""OpenAI's own client: its address and key are in its own variables, the model is MODEL."""

import os

import openai

MODEL = os.environ["MODEL"]
CODE = "def square(x):\n    return "
client = openai.OpenAI(max_retries=0)
assert [model.id for model in client.models.list()] == [MODEL]
whole = client.completions.create(model=MODEL, prompt=CODE, max_tokens=6, logprobs=1)
row = whole.choices[0]
assert row.text and row.logprobs and row.logprobs.tokens and row.logprobs.top_logprobs, whole
several = client.completions.create(model=MODEL, prompt=[CODE, "import "], max_tokens=4)
assert [choice.index for choice in several.choices] == [0, 1], several
pieces = client.completions.create(model=MODEL, prompt=CODE, suffix="\n", max_tokens=8, stream=True)
assert "x" in "".join(event.choices[0].text for event in pieces)
reply = client.chat.completions.create(
    model=MODEL,
    messages=[{"role": "user", "content": "Say hi."}],
    max_tokens=8,
    logprobs=True,
    n=2,
)
assert [bool(choice.message.content and choice.logprobs) for choice in reply.choices] == [True] * 2
events = client.chat.completions.create(
    model=MODEL,
    messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi."}],
    max_tokens=8,
    stream=True,
    stream_options={"include_usage": True},
)
last = list(events)[-1]
assert last.usage and last.usage.completion_tokens, last
