"""Programs that define anew what tests of their language call: a wrong answer does not pass so."""

import pytest

from programs import ANSWERS
from starcoder_cli.sandbox import Limits, SandboxJob, judge, unsupported_reason

pytestmark = pytest.mark.usefixtures("rung")
LIMITS = Limits(seconds=30.0)

REDEFINED = {
    ("bash", "set"): "set() {\n  :\n}\n",
    ("bash", "all words"): "set() { :; }\nunset() { :; }\nbuiltin() { :; }\nexit() { :; }\n",
    ("bash", "read-only"): "set() { :; }\nreadonly -f set\n",
    ("bash", "aliases"): "shopt -s expand_aliases\nalias set=: '[[=true #' run_test=:\n",
    ("bash", "a trap"): "shopt -s extdebug\ntrap '[[ $BASH_COMMAND != run_test ]]' DEBUG\n",
    ("c", "assert"): "#include <assert.h>\n#undef assert\n#define assert(x) ((void)(x))\n",
    ("c++", "assert"): "#include <assert.h>\n#undef assert\n#define assert(x) ((void)(x))\n",
    ("c++", "NDEBUG"): "#define NDEBUG\n#include <cassert>\n",
    ("rust", "assert_eq"): "#[allow(unused_macros)]\n"
    "macro_rules! assert_eq { ($($any:tt)*) => { let _ = candidate; } }\n",
    ("perl", "eq_deeply"): "sub eq_deeply {\n  return 1;\n}\n",
    ("ruby", "assert_equal"): "def assert_equal(*)\nend\n",
}
# As MultiPL-E's tests use them, behind a header that its prompts begin with.
TESTS = {
    "c": "int main() {\n  assert(add(40, 2) == 42);\n}\n",
    "c++": "int main() {\n  auto candidate = add;\n  assert(candidate(40, 2) == 42);\n}\n",
    "perl": "use Test::Deep;\nif (eq_deeply(add(40, 2), 42)) {\n  print 'ok!' } else { exit 1; }\n",
}


@pytest.mark.parametrize(("language", "name"), REDEFINED)
def test_what_tests_call_is_the_languages_own(language: str, name: str) -> None:
    if reason := unsupported_reason(language):
        pytest.skip(reason)
    answer, redefined = ANSWERS[language], REDEFINED[language, name]
    program = "#include <assert.h>\n" * (language in ("c", "c++")) + answer.program
    tests = TESTS.get(language, answer.tests)
    assert judge(SandboxJob(language, program, tests), LIMITS).result == "passed"
    forged = program.replace(*answer.wrong) + redefined
    assert not judge(SandboxJob(language, forged, tests), LIMITS).passed
