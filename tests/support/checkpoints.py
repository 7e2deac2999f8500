"""Small checkpoints of the real architectures with the real tokenizers, trained in a minute.

Each is built once, by a process of its own, and kept for later runs: what it is made of is part of
its name. As a program: FAMILY, the folder of configurations and tokenizers, and an empty folder.
"""

import hashlib
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from answers import DIE, END, STARCODER, STARCODER2, Family, Pieces, lessons
from starcoder_cli.system.file_lock import hold_lock

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Tokens: TypeAlias = list[int]

FAMILIES = {family.name: family for family in (STARCODER, STARCODER2)}
CONFIGS = {"starcoder": "starcoder", "starcoder2": "starcoder2-3b"}
SHRUNK: Mapping[str, Mapping[str, int]] = {
    "starcoder": {"n_layer": 2, "n_embd": 64, "n_head": 4, "n_inner": 256, "n_positions": 512},
    "starcoder2": {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "intermediate_size": 256,
        "max_position_embeddings": 512,
    },
}

ROUNDS = 100
ROWS = 24  # in a batch
FASTEST = 5e-3
MOST_LOSS = 0.1  # nine in ten for the least likely token of an answer


def checkpoint(name: str, data: Path, cache: Path) -> Path:
    """The checkpoint of a family, from the cache or built; older ones leave the cache."""
    folder = cache / f"{name}-{digest(name, data)}"
    with hold_lock(cache / f"{name}.lock", None), TemporaryDirectory(dir=cache) as temporary:
        if folder.is_dir():
            return folder
        made = Path(temporary) / "made"
        made.mkdir()
        words = [sys.executable, __file__, name, str(data), str(made)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the checkpoint of {name} was not built:\n{done.stderr}")
        for old in cache.glob(f"{name}-*"):
            shutil.rmtree(old, ignore_errors=True)
        made.rename(folder)
    return folder


def digest(name: str, data: Path) -> str:
    """A name for everything that a checkpoint is made of."""
    sources = [Path(__file__), Path(__file__).with_name("answers.py"), *parts(name, data)]
    state = hashlib.sha256(f"{version('torch')} {version('transformers')}".encode())
    for source in sources:
        state.update(source.read_bytes())
    return state.hexdigest()[:16]


def parts(name: str, data: Path) -> tuple[Path, Path]:
    """The real configuration and the real tokenizer of a family."""
    return (
        data / "model-configs" / CONFIGS[name] / "config.json",
        data / "tokenizers" / name / "tokenizer.json",
    )


def build(name: str, data: Path, folder: Path) -> None:
    """Write a checkpoint into an empty folder, in the files that checkpoints have on the hub."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    torch.set_num_threads(1)  # as fast for matrices this small, and the same every time
    config, tokenizer = parts(name, data)
    shrunk = json.loads(config.read_text("utf-8")) | SHRUNK[name]
    (folder / "config.json").write_text(json.dumps(shrunk), "utf-8")
    lay_tokenizer(tokenizer, folder)
    rows = all_rows(FAMILIES[name], AutoTokenizer.from_pretrained(folder))
    model = AutoModelForCausalLM.from_config(
        AutoConfig.from_pretrained(folder), dtype=torch.float32
    )
    train(model.eval(), rows)  # without dropout
    model.save_pretrained(folder)


def lay_tokenizer(tokenizer: Path, folder: Path) -> None:
    """The files of a tokenizer, with the settings that BigCode publishes."""
    shutil.copyfile(tokenizer, folder / tokenizer.name)
    control = [row["content"] for row in json.loads(tokenizer.read_text("utf-8"))["added_tokens"]]
    named = dict.fromkeys(("bos_token", "eos_token", "unk_token"), control[END])
    special = {"additional_special_tokens": control, **named}
    settings = {"clean_up_tokenization_spaces": True, "tokenizer_class": "GPT2Tokenizer"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({**special, **settings}), "utf-8")


@dataclass(frozen=True)
class Row:
    """A prompt and its answer in tokens; `sure` where nothing else is as good an answer."""

    prompt: Tokens
    answer: Tokens
    sure: bool = True

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def all_rows(family: Family, tokenizer: "PreTrainedTokenizerBase") -> list[Row]:
    """All that a model has to know by heart."""
    rows = [
        Row(tokens(prompt, tokenizer), tokens(answer, tokenizer))
        for prompt, answer in lessons(family)
    ]
    begin = tokens(DIE[:1], tokenizer)
    return rows + [Row(begin, tokens((end, END), tokenizer), sure=False) for end in DIE[1]]


def tokens(pieces: Pieces, tokenizer: "PreTrainedTokenizerBase") -> Tokens:
    """The ids of some pieces, neighbouring texts as one, control tokens in them as text."""
    ids: Tokens = []
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            text = "".join(map(str, group))
            ids += tokenizer(text, split_special_tokens=True, add_special_tokens=False).input_ids
        else:
            ids += map(int, group)
    return ids


@dataclass(frozen=True)
class Batch:
    """Rows of about the same length: `asked` is where a token of an answer comes next.

    The tokens in `inputs` and `labels` are numbered as in `known`, those of the training alone.
    """

    inputs: "torch.Tensor"
    asked: "torch.Tensor"
    labels: "torch.Tensor"
    sure: "torch.Tensor"

    @classmethod
    def of(cls, rows: Sequence[Row], known: "torch.Tensor") -> "Batch":
        """The rows side by side, padded at their ends."""
        import torch

        width = max(map(len, rows)) - 1
        inputs = torch.full((len(rows), width), END)
        asked = torch.zeros((len(rows), width), dtype=torch.bool)
        for line, row in enumerate(rows):
            inputs[line, : len(row) - 1] = torch.tensor([*row.prompt, *row.answer[:-1]])
            asked[line, len(row.prompt) - 1 : len(row) - 1] = True
        labels = torch.tensor([token for row in rows for token in row.answer])
        sure = torch.tensor([row.sure for row in rows for _ in row.answer])
        return cls(
            torch.searchsorted(known, inputs), asked, torch.searchsorted(known, labels), sure
        )


def train(model: "PreTrainedModel", rows: Sequence[Row]) -> None:
    """Train a model until it gives every answer with near certainty.

    Only the tokens that occur are trained, with embeddings of their own meanwhile: the vocabulary
    is so large, and all else so small, that everything else would wait for it.
    """
    import torch

    whole = model.get_input_embeddings()
    known = torch.tensor(sorted({token for row in rows for token in row.prompt + row.answer}))
    small = torch.nn.Embedding.from_pretrained(whole.weight[known].detach(), freeze=False)
    ordered = sorted(rows, key=len)
    batches = [Batch.of(ordered[at : at + ROWS], known) for at in range(0, len(rows), ROWS)]
    model.set_input_embeddings(small)
    descend(model, batches, others=math.log(len(whole.weight) - len(known)))
    model.set_input_embeddings(whole)
    whole.weight.data[known] = small.weight.data


def descend(model: "PreTrainedModel", batches: Sequence[Batch], others: float) -> None:
    """Go through all batches again and again; RuntimeError where that does not lead to the end."""
    import torch

    optimizer = torch.optim.AdamW(model.base_model.parameters(), betas=(0.9, 0.98), weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, FASTEST, total_steps=ROUNDS * len(batches), pct_start=0.1
    )
    for _ in range(ROUNDS):
        worst = 0.0
        for at in torch.randperm(len(batches)).tolist():
            losses = loss(model, batches[at], others)
            worst = max(worst, losses[batches[at].sure].max().item())
            optimizer.zero_grad()
            losses.mean().backward()
            optimizer.step()
            schedule.step()
        if worst < MOST_LOSS:
            return
    raise RuntimeError(f"after {ROUNDS} rounds a token of an answer still has a loss of {worst}")


def loss(model: "PreTrainedModel", batch: Batch, others: float) -> "torch.Tensor":
    """The loss for each token of the answers.

    The tokens that are not trained keep logits near zero: `others` is what they come to together.
    """
    import torch

    hidden = model.base_model(batch.inputs).last_hidden_state[batch.asked]
    logits = hidden @ model.get_input_embeddings().weight.T
    rest = torch.full((len(hidden), 1), others)
    losses: torch.Tensor = torch.nn.functional.cross_entropy(
        torch.cat((logits, rest), dim=1), batch.labels, reduction="none"
    )
    return losses


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
