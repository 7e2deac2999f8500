"""The chat format of each family of tuned models, and which model uses which.

A model's chat template is a program. It is never run, only searched for the markers of a family. A
base model never saw any format: it is asked in plain words, in a format of ours.
"""

from collections.abc import Callable, Mapping

from starcoder_cli.model import Role, Special
from starcoder_cli.prompts.chat import ChatFormat, MessageDelimiters

IM_START, IM_END, END_OF_TURN = Special("<|im_start|>"), Special("<|im_end|>"), Special("<|end|>")
END_OF_TEXT, BOS, EOS = Special("<|endoftext|>"), Special("<s>"), Special("</s>")
INST_START, INST_END = Special("[INST]"), Special("[/INST]")
DEEPSEEK_EOS = Special("<｜end▁of▁sentence｜>")
ROLE_NAMES: Mapping[Role, str] = {"system": "system", "user": "user", "assistant": "assistant"}


def role_name_delimiters(
    marker: str,
    after_name: tuple[str, ...],
    *after: str,
    role_names: Mapping[Role, str] = ROLE_NAMES,
) -> Mapping[Role, MessageDelimiters]:
    """Turns that each begin with a marker and the speaker's role."""
    return {
        role: MessageDelimiters((Special(marker), name, *after_name), after)
        for role, name in role_names.items()
    }


def role_token_delimiters(*after: str, after_marker: str = "") -> Mapping[Role, MessageDelimiters]:
    """Turns that each begin with a marker of their own."""
    return {
        role: MessageDelimiters((Special(f"<|{role}|>"), after_marker), after)
        for role in ROLE_NAMES
    }


def instruction_delimiters(
    before: tuple[str, ...], after: tuple[str, ...], *end: str, system: MessageDelimiters
) -> Mapping[Role, MessageDelimiters]:
    """Questions between two markers, each followed by the bare answer."""
    return {
        "system": system,
        "user": MessageDelimiters(before, after),
        "assistant": MessageDelimiters((), end),
    }


def text_delimiters(system: str, user: str, assistant: str) -> Mapping[Role, MessageDelimiters]:
    """Turns that begin with words and end with an empty line."""
    return {
        "system": MessageDelimiters((system,)),
        "user": MessageDelimiters((user,)),
        "assistant": MessageDelimiters((assistant,)),
    }


# Sources: the chat templates published with the models; for StarChat, bigcode-project's
# `chat/dialogues.py`, and for OctoCoder, its model card. StarChat was trained on answers that start
# on a new line, so the line feed belongs to the prompt: otherwise each answer would begin with one.
# The markers are searched for from the first row to the last.
BARE_PARAGRAPH = MessageDelimiters((), ("\n\n",))
QUESTION_STOPS = ("\n\nQuestion:", "\nQuestion:", END_OF_TEXT)

CHATML = ChatFormat(
    "chatml",
    role_name_delimiters(IM_START, ("\n",), IM_END, "\n"),
    stop=(IM_END, END_OF_TEXT, IM_START),
    template_markers=(IM_START, IM_END),
)
STARCHAT = ChatFormat(
    "starchat",  # Phi-3 and Phi-3.5 too
    role_token_delimiters(END_OF_TURN, "\n", after_marker="\n"),
    stop=(END_OF_TURN, END_OF_TEXT, Special("<|user|>"), Special("<|system|>")),
    template_markers=(END_OF_TURN, "<|assistant|>\n"),
)
PLAIN_CHAT = ChatFormat(
    "plain", text_delimiters("", "Question:\n", "Answer:\n"), stop=QUESTION_STOPS
)

CHAT_FORMATS: Mapping[str, ChatFormat] = {
    row.name: row
    for row in (
        ChatFormat(
            "phi4",
            role_name_delimiters(IM_START, (Special("<|im_sep|>"),), IM_END),
            stop=(IM_END, END_OF_TEXT),
            template_markers=(IM_START, "<|im_sep|>"),
        ),
        CHATML,
        STARCHAT,
        ChatFormat(
            "phi4-mini",
            role_token_delimiters(END_OF_TURN),
            stop=(END_OF_TURN, END_OF_TEXT),
            template_markers=(END_OF_TURN, "<|assistant|>"),
        ),
        ChatFormat(
            "llama3",
            role_name_delimiters(
                "<|start_header_id|>",
                (Special("<|end_header_id|>"), "\n\n"),
                Special("<|eot_id|>"),
            ),
            stop=(Special("<|eot_id|>"), Special("<|end_of_text|>"), Special("<|eom_id|>")),
            template_markers=("<|start_header_id|>", "<|eot_id|>"),
        ),
        ChatFormat(
            "llama2",  # Code Llama too
            instruction_delimiters(
                ("[INST] ",),
                (" [/INST]",),
                *(" ", EOS, BOS),
                system=MessageDelimiters(("<<SYS>>\n",), ("\n<</SYS>>\n\n",)),
            ),
            stop=(EOS,),
            template_markers=("<<SYS>>", "[INST] ", " [/INST]"),
            system_turn=0,
            leading_space=True,
        ),
        ChatFormat(
            "mistral-v7",  # Devstral
            instruction_delimiters(
                (INST_START,),
                (INST_END,),
                EOS,
                system=MessageDelimiters(
                    (Special("[SYSTEM_PROMPT]"),), (Special("[/SYSTEM_PROMPT]"),)
                ),
            ),
            stop=(EOS,),
            template_markers=("[SYSTEM_PROMPT]", "'[INST]'"),
        ),
        ChatFormat(
            "mistral-tekken",  # Mistral NeMo
            instruction_delimiters((INST_START,), (INST_END,), EOS, system=BARE_PARAGRAPH),
            stop=(EOS,),
            template_markers=("'[INST]'", "'[/INST]'"),
            system_turn=-1,
        ),
        ChatFormat(
            "mistral-v3",  # Codestral
            instruction_delimiters((INST_START, " "), (INST_END,), EOS, system=BARE_PARAGRAPH),
            stop=(EOS,),
            template_markers=("[INST] ", "[/INST]"),
            system_turn=-1,
            leading_space=True,
        ),
        ChatFormat(
            "mistral-v1",  # its tokenizer has no control tokens for a question
            instruction_delimiters(("[INST] ",), (" [/INST]",), EOS, system=BARE_PARAGRAPH),
            stop=(EOS,),
            template_markers=("[INST] ", " [/INST]"),
            system_turn=0,
            leading_space=True,
        ),
        ChatFormat(
            "gemma",  # CodeGemma too
            {
                **role_name_delimiters(
                    "<start_of_turn>",
                    ("\n",),
                    *(Special("<end_of_turn>"), "\n"),
                    role_names={"user": "user", "assistant": "model"},
                ),
                "system": BARE_PARAGRAPH,
            },
            stop=(Special("<end_of_turn>"), Special("<eos>"), Special("<start_of_turn>")),
            template_markers=("<start_of_turn>", "<end_of_turn>"),
            system_turn=0,
        ),
        ChatFormat(
            "granite",
            role_name_delimiters(
                "<|start_of_role|>",
                (Special("<|end_of_role|>"),),
                *(Special("<|end_of_text|>"), "\n"),
            ),
            stop=(Special("<|end_of_text|>"), Special("<|start_of_role|>")),
            template_markers=("<|start_of_role|>", "<|end_of_role|>"),
        ),
        ChatFormat(
            "granite-code",
            text_delimiters("System:\n", "Question:\n", "Answer:\n"),
            stop=QUESTION_STOPS,
            template_markers=("System:\n", "Question:\n", "Answer:\n"),
        ),
        ChatFormat(
            "deepseek-coder",
            {
                "system": MessageDelimiters((), ("\n",)),
                "user": MessageDelimiters(("### Instruction:\n",), ("\n",)),
                "assistant": MessageDelimiters(
                    ("### Response:\n",), ("\n", Special("<|EOT|>"), "\n")
                ),
            },
            stop=(Special("<|EOT|>"), DEEPSEEK_EOS, "### Instruction:"),
            template_markers=("### Instruction:\n", "<|EOT|>"),
        ),
        ChatFormat(
            "deepseek-coder-v2",
            {
                "system": BARE_PARAGRAPH,
                "user": MessageDelimiters(("User: ",)),
                "assistant": MessageDelimiters(("Assistant:",), (DEEPSEEK_EOS,)),
            },
            stop=(DEEPSEEK_EOS, "\n\nUser:"),
            template_markers=("'User: '", "'Assistant: '"),
            leading_space=True,
        ),
        ChatFormat(
            "starcoder2-instruct",
            {
                "system": BARE_PARAGRAPH,
                "user": MessageDelimiters(("### Instruction\n",)),
                "assistant": MessageDelimiters(("### Response\n",), (END_OF_TEXT, "\n\n")),
            },
            stop=(END_OF_TEXT, "### Instruction\n"),
            template_markers=("### Instruction\n", "### Response\n"),
            prompt_start=(END_OF_TEXT,),
        ),
        ChatFormat(
            "octocoder",
            text_delimiters("", "Question: ", "Answer:"),
            stop=QUESTION_STOPS,
            model_names=("octocoder",),
            leading_space=True,
        ),
        PLAIN_CHAT,
    )
}


def choose_chat_format(
    catalog_format: str | None, model_name: str, template: str, has_token: Callable[[str], bool]
) -> ChatFormat:
    """Choose a model's chat format by what is known about it; plain by default.

    It is `catalog_format` if the catalog has one, or that of the model's chat template. Without a
    template it is chosen by the model's name, or by the control tokens its tokenizer has, whether
    it was trained on them or not. A format is skipped if the model lacks its control tokens.
    """
    if catalog_format:
        rows = [CHAT_FORMATS[catalog_format]]
    elif template:
        normalized = normalize_template(template)
        rows = [
            row
            for row in CHAT_FORMATS.values()
            if row.template_markers and all(marker in normalized for marker in row.template_markers)
        ]
    else:
        lowered = model_name.lower()
        matching = [
            row
            for row in CHAT_FORMATS.values()
            if any(part_of_name in lowered for part_of_name in row.model_names)
        ]
        rows = [*matching, CHATML, STARCHAT]
    return next((row for row in rows if all(map(has_token, row.control_tokens()))), PLAIN_CHAT)


def normalize_template(template: str) -> str:
    """A chat template with one spelling of line feeds, quotes and joined texts."""
    return template.replace("\\n", "\n").replace('"', "'").replace("' + '", "")
