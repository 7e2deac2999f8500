"""How each family of tuned models marks the turns of a chat: rows of data, and which row is whose.

The chat template that comes with a model is a program. It is never run, only searched for what
tells one family from another. A base model was never shown any form: it is asked in plain words, in
a form of ours.
"""

from collections.abc import Callable, Mapping

from starcoder_cli.model import Special
from starcoder_cli.prompts.chat import ChatFormat, Frame, Role

START, END, ENDED = Special("<|im_start|>"), Special("<|im_end|>"), Special("<|end|>")
STOP, BEGIN, FINISH = Special("<|endoftext|>"), Special("<s>"), Special("</s>")
ASKED, ANSWERED = Special("[INST]"), Special("[/INST]")
FINISHED = Special("<｜end▁of▁sentence｜>")
ROLES: Mapping[Role, str] = {"system": "system", "user": "user", "assistant": "assistant"}


def alike(
    before: str, behind: tuple[str, ...], *after: str, names: Mapping[Role, str] = ROLES
) -> Mapping[Role, Frame]:
    """Turns of which each begins with a mark and the name of who speaks."""
    return {role: Frame((Special(before), name, *behind), after) for role, name in names.items()}


def marked(*after: str, behind: str = "") -> Mapping[Role, Frame]:
    """Turns of which each begins with a mark of its own."""
    return {role: Frame((Special(f"<|{role}|>"), behind), after) for role in ROLES}


def instructions(
    before: tuple[str, ...], after: tuple[str, ...], *end: str, system: Frame
) -> Mapping[Role, Frame]:
    """Questions between two marks, and behind each the bare answer."""
    return {"system": system, "user": Frame(before, after), "assistant": Frame((), end)}


def words(system: str, user: str, assistant: str) -> Mapping[Role, Frame]:
    """Turns that begin with words and end with an empty line."""
    return {"system": Frame((system,)), "user": Frame((user,)), "assistant": Frame((assistant,))}


# Sources: the chat templates that the models are published with; for StarChat, bigcode-project's
# `chat/dialogues.py`, and for OctoCoder, its model card. StarChat was trained on answers that begin
# on a line of their own, so the line feed belongs to the prompt: else each answer would begin with
# one. The markers are searched for from the first row to the last.
APART = Frame((), ("\n\n",))
QUESTIONS = ("\n\nQuestion:", "\nQuestion:", STOP)

CHATML = ChatFormat(
    "chatml", alike(START, ("\n",), END, "\n"), stop=(END, STOP, START), markers=(START, END)
)
STARCHAT = ChatFormat(
    "starchat",  # Phi-3 and Phi-3.5 too
    marked(ENDED, "\n", behind="\n"),
    stop=(ENDED, STOP, Special("<|user|>"), Special("<|system|>")),
    markers=(ENDED, "<|assistant|>\n"),
)
MESSAGES = ChatFormat(
    "messages", {role: Frame((Special(f"⟨{role}⟩"),), ()) for role in ROLES}, stop=()
)
"""A chat as it is told to a server that spells it itself: no model has these marks for tokens."""

PLAIN = ChatFormat("plain", words("", "Question:\n", "Answer:\n"), stop=QUESTIONS)

CHAT_FORMATS: Mapping[str, ChatFormat] = {
    row.name: row
    for row in (
        ChatFormat(
            "phi4",
            alike(START, (Special("<|im_sep|>"),), END),
            stop=(END, STOP),
            markers=(START, "<|im_sep|>"),
        ),
        CHATML,
        STARCHAT,
        ChatFormat(
            "phi4-mini",
            marked(ENDED),
            stop=(ENDED, STOP),
            markers=(ENDED, "<|assistant|>"),
        ),
        ChatFormat(
            "llama3",
            alike(
                "<|start_header_id|>",
                (Special("<|end_header_id|>"), "\n\n"),
                Special("<|eot_id|>"),
            ),
            stop=(Special("<|eot_id|>"), Special("<|end_of_text|>"), Special("<|eom_id|>")),
            markers=("<|start_header_id|>", "<|eot_id|>"),
        ),
        ChatFormat(
            "llama2",  # Code Llama too
            instructions(
                ("[INST] ",),
                (" [/INST]",),
                *(" ", FINISH, BEGIN),
                system=Frame(("<<SYS>>\n",), ("\n<</SYS>>\n\n",)),
            ),
            stop=(FINISH,),
            markers=("<<SYS>>", "[INST] ", " [/INST]"),
            within=0,
            spaced=True,
        ),
        ChatFormat(
            "mistral-v7",  # Devstral
            instructions(
                (ASKED,),
                (ANSWERED,),
                FINISH,
                system=Frame((Special("[SYSTEM_PROMPT]"),), (Special("[/SYSTEM_PROMPT]"),)),
            ),
            stop=(FINISH,),
            markers=("[SYSTEM_PROMPT]", "'[INST]'"),
        ),
        ChatFormat(
            "mistral-tekken",  # Mistral NeMo
            instructions((ASKED,), (ANSWERED,), FINISH, system=APART),
            stop=(FINISH,),
            markers=("'[INST]'", "'[/INST]'"),
            within=-1,
        ),
        ChatFormat(
            "mistral-v3",  # Codestral
            instructions((ASKED, " "), (ANSWERED,), FINISH, system=APART),
            stop=(FINISH,),
            markers=("[INST] ", "[/INST]"),
            within=-1,
            spaced=True,
        ),
        ChatFormat(
            "mistral-v1",  # whose tokenizer has no control tokens for a question
            instructions(("[INST] ",), (" [/INST]",), FINISH, system=APART),
            stop=(FINISH,),
            markers=("[INST] ", " [/INST]"),
            within=0,
            spaced=True,
        ),
        ChatFormat(
            "gemma",  # CodeGemma too
            {
                **alike(
                    "<start_of_turn>",
                    ("\n",),
                    *(Special("<end_of_turn>"), "\n"),
                    names={"user": "user", "assistant": "model"},
                ),
                "system": APART,
            },
            stop=(Special("<end_of_turn>"), Special("<eos>"), Special("<start_of_turn>")),
            markers=("<start_of_turn>", "<end_of_turn>"),
            within=0,
        ),
        ChatFormat(
            "granite",
            alike(
                "<|start_of_role|>",
                (Special("<|end_of_role|>"),),
                *(Special("<|end_of_text|>"), "\n"),
            ),
            stop=(Special("<|end_of_text|>"), Special("<|start_of_role|>")),
            markers=("<|start_of_role|>", "<|end_of_role|>"),
        ),
        ChatFormat(
            "granite-code",
            words("System:\n", "Question:\n", "Answer:\n"),
            stop=QUESTIONS,
            markers=("System:\n", "Question:\n", "Answer:\n"),
        ),
        ChatFormat(
            "deepseek-coder",
            {
                "system": Frame((), ("\n",)),
                "user": Frame(("### Instruction:\n",), ("\n",)),
                "assistant": Frame(("### Response:\n",), ("\n", Special("<|EOT|>"), "\n")),
            },
            stop=(Special("<|EOT|>"), FINISHED, "### Instruction:"),
            markers=("### Instruction:\n", "<|EOT|>"),
        ),
        ChatFormat(
            "deepseek-coder-v2",
            {
                "system": APART,
                "user": Frame(("User: ",)),
                "assistant": Frame(("Assistant:",), (FINISHED,)),
            },
            stop=(FINISHED, "\n\nUser:"),
            markers=("'User: '", "'Assistant: '"),
            spaced=True,
        ),
        ChatFormat(
            "starcoder2-instruct",
            {
                "system": APART,
                "user": Frame(("### Instruction\n",)),
                "assistant": Frame(("### Response\n",), (STOP, "\n\n")),
            },
            stop=(STOP, "### Instruction\n"),
            markers=("### Instruction\n", "### Response\n"),
            opening=(STOP,),
        ),
        ChatFormat(
            "octocoder",
            words("", "Question: ", "Answer:"),
            stop=QUESTIONS,
            models=("octocoder",),
            spaced=True,
        ),
        PLAIN,
    )
}


def choose(
    named: str | None, name: str, template: str, token: Callable[[str], int | None]
) -> ChatFormat:
    """The form in which a model is asked, by what is known of it; the plain one by default.

    It is the one `named` in the catalog, or the one of the model's chat template. A model without
    a template is asked by its name, or with the control tokens that its tokenizer knows, whether
    it was trained on them or not. A form whose control tokens it does not know is none.
    """
    if named:
        rows = [MESSAGES if named == MESSAGES.name else CHAT_FORMATS[named]]
    elif template:
        spelled = plainly(template)
        rows = [
            row
            for row in CHAT_FORMATS.values()
            if row.markers and all(marker in spelled for marker in row.markers)
        ]
    else:
        lowered = name.lower()
        tuned = [
            row for row in CHAT_FORMATS.values() if any(model in lowered for model in row.models)
        ]
        rows = [*tuned, CHATML, STARCHAT]
    known = (row for row in rows if all(token(special) is not None for special in row.specials()))
    return next(known, PLAIN)


def plainly(template: str) -> str:
    """A chat template with one spelling of line feeds, quotes, and texts that are put together."""
    return template.replace("\\n", "\n").replace('"', "'").replace("' + '", "")
