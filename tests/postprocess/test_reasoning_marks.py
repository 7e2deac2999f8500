"""Which models think before they answer, and which texts begin with what was thought."""

import pytest

from starcoder_cli.postprocess.reasoning_marks import begins_with_reasoning, is_reasoning_model


@pytest.mark.parametrize(
    ("name", "template", "reasons"),
    [
        ("qwen3-8b", "", True),
        ("Qwen/Qwen3-30B-A3B-Thinking-2507", "", True),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "", True),
        ("deepseek-reasoner", "", True),
        ("QwQ-32B", "", True),
        ("gpt-oss:20b", "", True),
        ("zai-org/GLM-5", "", True),
        ("openPangu-Embedded-7B", "", True),
        ("mine", "{{ content.split('</think>')[-1] }}", True),
        ("mine", "[THINK]…[/THINK]", True),
        ("Qwen3-Coder-30B-A3B-Instruct", "", False),
        ("qwen2.5-coder-0.5b", "<|im_start|>", False),
        ("starcoder2-3b", "", False),
        ("deepseek-coder-v2-lite", "", False),
        ("codestral", "", False),
        ("glm-4-9b-chat", "", False),
    ],
)
def test_which_models_think(name: str, template: str, reasons: bool) -> None:
    assert is_reasoning_model(name, template) is reasons


def test_what_begins_with_a_mark() -> None:
    assert begins_with_reasoning(" <think>\n") and not begins_with_reasoning("x = '<think>'")
