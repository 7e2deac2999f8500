"""llama.cpp's own server with its cache, behind one connection: MODEL WINDOW, requests on stdin.

Each line of standard input is a JSON object for `/completion`; for each one, it prints a line with
the seconds to the first token.
"""

import json
import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = int(sys.argv[2])
parameters.n_parallel = 1
parameters.warmup = False
parameters.verbosity = 0
server = xllamacpp.Server(parameters)
for line in sys.stdin:
    moments: list[float] = []

    def show(event: object, moments: list[float] = moments) -> bool:
        """Record when an event came."""
        moments.append(time.perf_counter())
        return False

    begin = time.perf_counter()
    server.handle_completions(json.loads(line), show)
    print(moments[0] - begin, flush=True)
