"""One small function in each language that can be judged, with tests as benchmarks append them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A right program, its tests, what makes it wrong, and an early end that would look right."""

    program: str
    tests: str
    wrong: tuple[str, str]
    leave: str


ANSWERS = {
    "javascript": Answer(
        "const add = (a, b) => {\n  return a + b\n}\n",
        "console.assert(add(1, 2) === 3)\nconst assert = require('node:assert')\n"
        "assert.deepEqual(add(40, 2), 42)\n",
        ("a + b", "a - b"),
        "process.exit(0)",
    ),
    "typescript": Answer(
        "function add(a: number, b: number): number {\n  return a + b;\n}\n",
        "declare var require: any;\nconst assert = require('node:assert');\n"
        "assert.deepEqual(add(40, 2), 42);\n",
        ("a + b", "a - b"),
        "eval('process.exit(0)')",
    ),
    "bash": Answer(
        "#!/bin/bash\nadd() {\n  echo $(($1 + $2))\n}\n",
        'candidate() {\n  add "$@"\n}\nset -e\n'
        "run_test() {\n  [[ $(candidate 40 2) = '42' ]]\n}\nadd 1 2 > /dev/null\nrun_test\n",
        ("$1 + $2", "$1 - $2"),
        "exit 0",
    ),
    "perl": Answer(
        "sub add {\n  my ($a, $b) = @_;\n  return $a + $b;\n}\n",
        "if (add(40, 2) == 42) {\n  print 'ok!';\n} else {\n  exit(1);\n}\n",
        ("$a + $b", "$a - $b"),
        "exit(0);",
    ),
    "lua": Answer(
        "local function add(a, b)\n  if true then\n    return a + b\n  end\nend\n",
        "lu = require('luaunit')\n\nfunction test_humaneval()\n  local candidate = add\n"
        "  lu.assertEquals(candidate(40, 2), 42)\nend\n\nos.exit(lu.LuaUnit.run())\n",
        ("a + b", "a - b"),
        "os.exit(0)",
    ),
    "php": Answer(
        "<?php\nfunction add($a, $b) {\n  return $a + $b;\n}\n",
        "function test(): void {\n  if (add(40, 2) !== 42) { throw new Exception('wrong'); }\n}\n"
        "test();\n",
        ("$a + $b", "$a - $b"),
        "exit(0);",
    ),
    "ruby": Answer(
        "def add(a, b)\n  return a + b\nend\n",
        "require 'test/unit'\nclass TestHumanEval < Test::Unit::TestCase\n  def test_add\n"
        "    assert_equal 42, add(40, 2)\n  end\nend\n",
        ("a + b", "a - b"),
        "exit!(0)",
    ),
    "c": Answer(
        "#include <stdlib.h>\nint add(int a, int b) {\n  return a + b;\n}\n",
        "#include <assert.h>\nint main() {\n  assert(add(40, 2) == 42);\n}\n",
        ("a + b", "a - b"),
        "exit(0);",
    ),
    "c++": Answer(
        "#include <cstdlib>\nlong add(long a, long b) {\n  return a + b;\n}\n",
        "#undef NDEBUG\n#include <assert.h>\nint main() {\n  auto candidate = add;\n"
        "  assert(candidate(40, 2) == 42);\n}\n",
        ("a + b", "a - b"),
        "exit(0);",
    ),
    "rust": Answer(
        "fn add(a: isize, b: isize) -> isize {\n  return a + b;\n}\n",
        "fn main() {\n  let candidate = add;\n  assert_eq!(candidate(40, 2), 42);\n}\n",
        ("a + b", "a - b"),
        "std::process::exit(0);",
    ),
    "go": Answer(
        'package add_test\n\nimport (\n  "os"\n  "testing"\n)\n\n'
        "func add(a int, b int) int {\n  if a > 1000 {\n    os.Exit(1)\n  }\n  return a + b\n}\n",
        'func TestAdd(t *testing.T) {\n  if add(40, 2) != 42 {\n    t.Errorf("wrong")\n  }\n}\n',
        ("a + b", "a - b"),
        "os.Exit(0)",
    ),
    "java": Answer(
        "import java.util.*;\n\nclass Problem {\n  public static long add(long a, long b) {\n"
        "    if (true) {\n      return a + b;\n    }\n    return 0;\n  }\n",
        "  public static void main(String[] args) {\n    assert(add(40, 2) == 42);\n  }\n}\n",
        ("a + b", "a - b"),
        "System.exit(0);",
    ),
}
