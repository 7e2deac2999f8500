"""The options of the language server, from flags and settings."""

from starcoder_cli.commands.lsp import EditorFlags, configure


def test_the_usual_options() -> None:
    options = EditorFlags().values()
    assert (options.debounce, options.timeout, len(options.instructions)) == (0.1, None, 3)
    assert options.request.keep_alive == 300
    assert (options.request.sampling.max_tokens, options.request.candidates.n) == (128, 3)


def test_settings_go_before_flags() -> None:
    configured = configure(EditorFlags(model="echo", max_tokens=5), {"max_tokens": 6, "seed": 1})
    assert configured.problems == ()
    request = configured.options.request
    assert (request.model, request.sampling.max_tokens, request.sampling.seed) == ("echo", 6, 1)
