"""What is told about a model of the catalog."""

from starcoder_cli.app.model_record import licence_info, licence_name, model_info, source_of_model
from starcoder_cli.catalog import find_model


def test_a_row_of_the_catalog() -> None:
    spec = find_model("starcoder")
    info = model_info(spec, "")
    assert (info["name"], info["window"], info["path"]) == ("starcoder", 8192, "")
    assert info["licence"] == licence_name(spec) == "BigCode OpenRAIL-M v1"
    assert source_of_model(spec) == "bigcode/starcoder"
    assert licence_info(spec)["restrictions"]


def test_a_licence_that_asks_for_nothing_has_no_entry() -> None:
    echo = find_model("echo")
    assert licence_info(echo) == {} and source_of_model(echo) == ""
