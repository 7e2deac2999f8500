"""A minimal script that answers HumanEval with xllamacpp: MODEL DATA ANSWERS; it can resume.

Greedy, one task at a time, with the prompt as it is, up to Chen et al.'s stop words (2021).
"""

import gzip
import json
import sys
from pathlib import Path

import xllamacpp

STOP = ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]
MAX_TOKENS = 512

model, data, answers = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.n_ctx = 2048
parameters.n_parallel = 1
parameters.warmup = False
parameters.verbosity = 0
server = xllamacpp.Server(parameters)
with gzip.open(data, "rt", encoding="utf-8") as file:
    tasks = [json.loads(line) for line in file]
done = len(answers.read_text().splitlines()) if answers.exists() else 0
with answers.open("a", encoding="utf-8") as file:
    for task in tasks[done:]:
        asked = {
            "prompt": task["prompt"],
            "max_tokens": MAX_TOKENS,
            "temperature": 0.0,
            "stop": STOP,
        }
        told = server.handle_completions(asked)
        text = told["choices"][0]["text"]
        file.write(json.dumps({"id": task["task_id"], "text": text}) + "\n")
        file.flush()
