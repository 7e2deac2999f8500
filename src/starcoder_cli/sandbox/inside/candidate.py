"""The program's side: it is run once, and its functions are called when the tests ask for it.

Nothing here is trusted by the other side, because the program can change all of it.
"""

import json
import os
import sys
import types
from typing import cast

from starcoder_cli.sandbox.inside.channel import Channel
from starcoder_cli.sandbox.inside.confine import confine
from starcoder_cli.sandbox.inside.values import MAX_INT_DIGITS, PackedValue, pack, unpack

PROGRAM_MODULE_NAME = "program"

CallRequest = dict[str, PackedValue]


def main() -> None:
    """Run the program of the job on standard input, then answer calls until there are no more."""
    job = json.load(sys.stdin)
    confine(job["confinement"], job.get("parent"))
    null_fd = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null_fd, descriptor)
    sys.set_int_max_str_digits(MAX_INT_DIGITS)
    channel = Channel(job["reads"], job["writes"])
    objects: list[object] = []
    module = types.ModuleType(PROGRAM_MODULE_NAME)
    sys.modules[PROGRAM_MODULE_NAME] = module
    try:
        exec(compile(job["program"], PROGRAM_MODULE_NAME, "exec"), module.__dict__)
        reply: object = list_definitions(module)
    except BaseException as error:  # whatever a program raises, even an exit, is its answer
        reply = describe_exception(error)
    while True:
        channel.send(reply)
        reply = answer_call(cast(CallRequest, channel.receive()), module, objects)


def list_definitions(module: types.ModuleType) -> object:
    """The names that a program defines, and the modules it imports under their own name."""
    names = {name: value for name, value in vars(module).items() if isinstance(name, str)}
    modules = [
        name
        for name, value in names.items()
        if isinstance(value, types.ModuleType) and value.__name__ == name
    ]
    return {"names": list(names), "modules": modules}


def answer_call(request: CallRequest, module: types.ModuleType, objects: list[object]) -> object:
    """The reply to one call: its value, or what it raised."""

    def store_object(value: object) -> int:
        objects.append(value)
        return len(objects) - 1

    try:
        function = getattr(module, str(request["call"]))
        positional, named = cast(
            tuple[list[object], dict[str, object]],
            unpack(request["arguments"], objects.__getitem__),
        )
        reply = {"value": pack(function(*positional, **named), store_object)}
        json.dumps(reply)
    except BaseException as error:  # as above
        return describe_exception(error)
    return reply


def describe_exception(error: BaseException) -> object:
    """An exception as its kinds and the beginning of its text."""
    try:
        text = str(error)[:500]
    except BaseException:  # a program's exceptions say what the program lets them
        text = ""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"raised": kinds, "text": text}
