"""How large the catalog's models are, known before any of their files is here."""

from dataclasses import dataclass

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines.transformers.placement import ModelSize, estimate_width

PARAMETER_UNITS = {"M": 10**6, "B": 10**9}


@dataclass(frozen=True)
class Shape:
    """A transformer of the StarCoder family: its MLP is four times as wide, its layers have biases.

    `key_width` is the width of one layer's keys for a token, which is also that of its values.
    """

    width: int
    layers: int
    key_width: int
    position_count: int = 0
    vocabulary_size: int = 49152
    tied_embeddings: bool = True
    model_type: str = "gpt_bigcode"

    def model_size(self) -> ModelSize:
        """How many numbers such a model has."""
        matrices = self.layers * self.width * (10 * self.width + 2 * self.key_width)
        vectors = self.layers * (11 * self.width + 2 * self.key_width) + 2 * self.width
        rows = self.vocabulary_size * (1 if self.tied_embeddings else 2) + self.position_count
        embedding = rows * self.width + vectors
        return ModelSize(matrices + embedding, embedding, 2 * self.layers * self.key_width)


# From each model's config.json.
SHAPES: dict[str, Shape] = {
    "starcoder": Shape(6144, 40, 128, 8192),
    "starcoderbase": Shape(6144, 40, 128, 8192),
    "starcoderbase-7b": Shape(4096, 42, 128, 8192),
    "starcoderbase-3b": Shape(2816, 36, 128, 8192),
    "starcoderbase-1b": Shape(2048, 24, 128, 8192),
    "tiny_starcoder_py": Shape(768, 20, 64, 8192),
    "starcoder2-3b": Shape(3072, 30, 256, model_type="starcoder2"),
    "starcoder2-7b": Shape(4608, 32, 512, model_type="starcoder2"),
    "starcoder2-15b": Shape(6144, 40, 512, tied_embeddings=False, model_type="starcoder2"),
    "starchat-beta": Shape(6144, 40, 128, 8192),
    "santacoder": Shape(2048, 24, 128, 2048, 49280),
}


def catalog_size(spec: ModelSpec) -> ModelSize | None:
    """The size of a model in the catalog, or None for any other.

    It is exact for the StarCoder family, and estimated for others.
    """
    if spec.name in SHAPES:
        return SHAPES[spec.name].model_size()
    if not spec.parameters:
        return None
    return estimate_size(round(float(spec.parameters[:-1]) * PARAMETER_UNITS[spec.parameters[-1]]))


def estimate_size(parameters: int) -> ModelSize:
    """Estimate the size of a model with this many parameters.

    Its keys and values are assumed to be as wide as the model, and its vocabulary to be 50,000
    both in and out.
    """
    hidden_width = estimate_width(parameters)
    return ModelSize(parameters, 2 * 50_000 * hidden_width, 2 * hidden_width * hidden_width // 128)
