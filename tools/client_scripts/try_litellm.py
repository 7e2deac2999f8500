"""LiteLLM: chat, a stream and a gap, under the names of the servers that it knows."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it asks its own site first

import litellm

MODEL = os.environ["MODEL"]
litellm.suppress_debug_info = True
base = os.environ["OPENAI_BASE_URL"]
ask = {"api_base": base, "api_key": os.environ["OPENAI_API_KEY"], "max_tokens": 8}
messages = [{"role": "user", "content": "Say hi."}]
for kind in ("openai", "hosted_vllm", "llamafile"):
    reply = litellm.completion(model=f"{kind}/{MODEL}", messages=messages, **ask)
    assert reply.choices[0].message.content, reply
pieces = litellm.completion(model=f"openai/{MODEL}", messages=messages, stream=True, **ask)
assert "".join(piece.choices[0].delta.content or "" for piece in pieces)
gap = {"prompt": "def square(x):\n    return ", "suffix": "\n"}
filled = litellm.text_completion(model=f"text-completion-openai/{MODEL}", **gap, **ask)
assert "x" in filled.choices[0].text, filled
