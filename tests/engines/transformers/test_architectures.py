"""How large the models of the catalog are."""

import pytest

from starcoder_cli.catalog import CATALOG, find_model
from starcoder_cli.engines.transformers.architectures import SHAPES, catalog_size
from starcoder_cli.engines.transformers.placement import ModelSize


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("starcoder", ModelSize(15_517_456_384, 355_047_424, 10_240)),
        ("starcoderbase-7b", ModelSize(7_327_263_232, 236_792_320, 10_752)),
        ("starcoderbase-3b", ModelSize(3_043_311_104, 162_610_688, 9_216)),
        ("starcoderbase-1b", ModelSize(1_137_207_296, 117_991_424, 6_144)),
        ("tiny_starcoder_py", ModelSize(164_144_128, 44_213_248, 2_560)),
        ("starcoder2-3b", ModelSize(3_030_371_328, 152_030_208, 15_360)),
        ("starcoder2-7b", ModelSize(7_173_923_840, 228_156_416, 32_768)),
        ("starcoder2-15b", ModelSize(15_957_889_024, 606_736_384, 40_960)),
        ("santacoder", ModelSize(1_124_886_528, 105_670_656, 6_144)),
    ],
)
def test_the_starcoder_family_is_counted_exactly(name: str, size: ModelSize) -> None:
    """As transformers counts the numbers of a model that it builds from the same shape."""
    assert catalog_size(find_model(name)) == size


def test_every_starcoder_checkpoint_has_a_shape() -> None:
    families = ("starcoder", "starcoder2", "santacoder")
    rows = [spec for spec in CATALOG if spec.engine == "huggingface" and spec.fim in families]
    assert {spec.name for spec in rows} == SHAPES.keys()


def test_other_models_are_estimated_from_their_parameters() -> None:
    """Code Llama of 7B has 32 layers of 4,096, so 262,144 keys and values for each token."""
    assert catalog_size(find_model("codellama-7b")) == ModelSize(
        7_000_000_000, 421_100_000, 277_070
    )


@pytest.mark.parametrize("name", ["echo", "owner/name"])
def test_nothing_is_known_of_models_outside_the_catalog(name: str) -> None:
    assert catalog_size(find_model(name)) is None
