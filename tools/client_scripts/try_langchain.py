"""LangChain with OpenAI's models: a question, a stream and a batch of each kind."""

import os

from langchain_openai import ChatOpenAI, OpenAI

MODEL = os.environ["MODEL"]
chat = ChatOpenAI(model=MODEL, max_tokens=8, max_retries=0)
text = OpenAI(model=MODEL, max_tokens=8, max_retries=0)
assert chat.invoke("Say hi.").content
assert "".join(str(piece.content) for piece in chat.stream("Say hi."))
assert all(reply.content for reply in chat.batch(["Say hi.", "Say bye."]))
assert text.invoke("def square(x):\n    return ")
assert "".join(text.stream("def square(x):\n    return "))
assert all(text.batch(["def square(x):\n    return ", "import "]))
