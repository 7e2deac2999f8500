"""A minimal script that completes text with xllamacpp: MODEL MAX_TOKENS < prompt."""

import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = 1024
parameters.n_parallel = 1
parameters.warmup = False
parameters.verbosity = 0
server = xllamacpp.Server(parameters)


def show(event: dict[str, list[dict[str, str]]]) -> bool:
    """Write the text of an event immediately."""
    sys.stdout.write(event["choices"][0]["text"])
    sys.stdout.flush()
    return False


server.handle_completions(
    {
        "prompt": sys.stdin.read(),
        "stream": True,
        "max_tokens": int(sys.argv[2]),
        "temperature": 0.0,
    },
    show,
)
