"""Tuples for programs in Java: what MultiPL-E's programs and tests do with them."""

import pytest

from starcoder_cli.sandbox import Limits, SandboxJob, judge, unsupported_reason
from starcoder_cli.sandbox.javatuples import TUPLE_NAMES, tuple_source, tuple_sources

PROGRAM = """\
import java.util.*;
import org.javatuples.*;
class Problem {
    public static Pair<Optional<Long>, ArrayList<Long>> f(long n) {
        Pair<Long, Long> pair = new Pair<>(n, 2 * n).setAt1(7L);
        Triplet<String, Long, Float> triplet = Triplet.with("a", pair.getValue1(), 1.5f);
        return Pair.with(Optional.of(triplet.getValue1() + pair.getValue0()),
            new ArrayList<Long>(Arrays.asList(n)));
    }
"""
TESTS = """\
    public static void main(String[] args) {
    assert(f((1l)).equals((Pair.with(Optional.of(8l), new ArrayList<Long>(Arrays.asList(1l))))));
    assert(!Pair.with(1, 2).equals(Pair.with(2, 1)) && !Pair.with(1, 1).equals(List.of(1, 1)));
    assert(Pair.with(1, "x").hashCode() == Pair.with(1, "x").hashCode());
    assert(Pair.with(1, 2).compareTo(Pair.with(1, 3)) < 0);
    assert(Quartet.with(1, 2, 3, 4).toString().equals("[1, 2, 3, 4]"));
    assert(Decade.with(0, 1, 2, 3, 4, 5, 6, 7, 8, 9).getValue(9).equals(9));
    assert(Unit.with("x").contains("x") && Unit.with("x").getSize() == 1);
    int sum = 0;
    for (Object value : Triplet.with(1, 2, 3)) sum += (Integer) value;
    assert(sum == 6);
    }
}
"""


def test_each_class_has_a_file_of_its_name() -> None:
    sources = tuple_sources()
    assert set(sources) == {f"org/javatuples/{name}.java" for name in ("Tuple", *TUPLE_NAMES)}
    assert all(source.startswith("package org.javatuples;\n") for source in sources.values())


def test_a_class_is_written_for_its_size() -> None:
    source = tuple_source("Pair", 2)
    assert "public final class Pair<T0, T1> extends Tuple {" in source
    assert "public <X> Pair<T0, X> setAt1(X value) {" in source and "getValue2" not in source


@pytest.mark.usefixtures("rung")
def test_tuples_are_there_for_who_imports_them() -> None:
    if reason := unsupported_reason("java"):
        pytest.skip(reason)
    job = SandboxJob("java", PROGRAM, TESTS)
    judged = judge(job, Limits(seconds=60.0))
    assert (judged.result, judged.detail) == ("passed", "")
    assert not judge(SandboxJob("java", PROGRAM.replace("7L", "6L"), TESTS)).passed
