"""What a user asks for: values that make sense together, or an error before anything is read."""

from dataclasses import replace

import pytest

from starcoder_cli.app.request import (
    DEFAULT_CANDIDATES,
    MAX_CANDIDATES,
    VERIFY_SECONDS,
    CandidateOptions,
    EndpointOptions,
    NoticeOptions,
    Request,
    keep_alive_seconds,
)
from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.infill import InfillOptions
from starcoder_cli.model import Sampling

GREEDY = Request("echo", Sampling(max_tokens=10))


@pytest.mark.parametrize(
    ("n", "verify", "pick", "timeout", "options", "selects"),
    [
        (None, None, False, None, CandidateOptions(), False),
        (1, None, False, 5.0, CandidateOptions(1, seconds=5.0), False),
        (MAX_CANDIDATES, None, False, None, CandidateOptions(MAX_CANDIDATES), True),
        (None, "make", False, 0.0, CandidateOptions(DEFAULT_CANDIDATES, "make", False, 0.0), True),
        (1, "make", False, None, CandidateOptions(1, "make", False, VERIFY_SECONDS), True),
        (None, "", False, None, CandidateOptions(DEFAULT_CANDIDATES, ""), True),
        (None, None, True, None, CandidateOptions(DEFAULT_CANDIDATES, pick=True), True),
        (2, None, True, None, CandidateOptions(2, pick=True), True),
    ],
)
def test_who_is_to_choose_gets_several_answers_without_a_number(
    n: int | None,
    verify: str | None,
    pick: bool,
    timeout: float | None,
    options: CandidateOptions,
    selects: bool,
) -> None:
    assert CandidateOptions.of(n, verify, pick, timeout) == options
    assert options.needs_selection == selects


def test_who_is_to_run_answers_gets_several() -> None:
    options = CandidateOptions.of(None, None, False, None, check=True)
    assert options == CandidateOptions(DEFAULT_CANDIDATES, check=True)
    with pytest.raises(UsageError, match="--check needs at least two candidates"):
        CandidateOptions.of(1, None, False, None, check=True)


@pytest.mark.parametrize(
    ("n", "verify", "pick", "told"),
    [
        (0, None, False, "candidates cannot be 0; give a number from 1 to 16"),
        (17, "make", False, "candidates cannot be 17; give a number from 1 to 16"),
        (None, "make", True, "--verify and --pick both choose the answer; omit one of them"),
        (1, None, True, "--pick needs at least two candidates; ask for more with --candidates"),
    ],
)
def test_a_choice_without_meaning_is_refused(
    n: int | None, verify: str | None, pick: bool, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        CandidateOptions.of(n, verify, pick, None)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("keep_alive", "no_server", "seconds"),
    [
        (None, False, None),
        (None, True, 0.0),
        ("5m", False, 300.0),
        ("5m", True, 0.0),
        ("0", False, 0.0),
        ("-1", False, -1.0),
    ],
)
def test_without_a_server_no_model_is_kept(
    keep_alive: str | None, no_server: bool, seconds: float | None
) -> None:
    assert keep_alive_seconds(keep_alive, no_server) == seconds


@pytest.mark.parametrize("no_server", [False, True])
def test_what_is_no_time_is_refused_with_and_without_a_server(no_server: bool) -> None:
    with pytest.raises(UsageError):
        keep_alive_seconds("soon", no_server)


def test_a_family_of_an_endpoint_is_one_that_there_is() -> None:
    for family in ("", "starcoder2", "server"):
        assert EndpointOptions("http://127.0.0.1:1", family).fim == family
    with pytest.raises(UsageError, match="there is no family 'klingon'; give starcoder, .*server$"):
        EndpointOptions(fim="klingon")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (NoticeOptions(), False),
        (NoticeOptions(index="code.index"), False),
        (NoticeOptions(provenance=True), True),
        (NoticeOptions(trace=True), True),
    ],
)
def test_an_index_alone_asks_for_no_notice(options: NoticeOptions, wanted: bool) -> None:
    assert options.any == wanted


def test_a_model_is_looked_for_at_once_but_not_that_of_an_endpoint() -> None:
    assert Request(SMALL_MODEL, Sampling()).spec == find_model(SMALL_MODEL)
    with pytest.raises(InputError, match="there is no model file 'none.gguf'"):
        Request("none.gguf", Sampling())
    with pytest.raises(UsageError, match="'no-such' is not a model"):
        Request("no-such", Sampling())
    at = EndpointOptions("http://127.0.0.1:1")
    assert Request("no-such", Sampling(), endpoint=at).model == "no-such"


def test_an_answer_stays_as_it_is_where_it_is_raw_or_the_prompt() -> None:
    assert GREEDY.verbatim
    assert Request(SMALL_MODEL, Sampling(), InfillOptions(raw=True)).verbatim
    assert not Request(SMALL_MODEL, Sampling()).verbatim


def test_a_request_for_other_tokens_or_another_seed_is_the_same_otherwise() -> None:
    sampling = Sampling(5, 0.5, 0.9, 7, True)
    asked = replace(GREEDY, sampling=sampling)
    assert asked.with_max_tokens(6) == replace(asked, sampling=Sampling(6, 0.5, 0.9, 7, True))
    assert asked.with_seed(8) == replace(asked, sampling=Sampling(5, 0.5, 0.9, 8, True))


def test_chance_gets_a_seed_and_certainty_none() -> None:
    assert GREEDY.with_random_seed() == GREEDY
    chosen = replace(GREEDY, sampling=Sampling(temperature=0.5, seed=7))
    assert chosen.with_random_seed() == chosen
    warm = replace(GREEDY, sampling=Sampling(temperature=0.5))
    several = replace(GREEDY, candidates=CandidateOptions(2))
    for left in (warm, several):
        seeds = {left.with_random_seed().sampling.seed for _ in range(20)}
        assert len(seeds) > 15 and None not in seeds
