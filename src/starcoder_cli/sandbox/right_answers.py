"""A right answer in each language, in MultiPL-E's form: if it fails, no answer can pass.

Its tests use the same libraries as MultiPL-E's.
"""

RIGHT_ANSWERS = {
    "c": (
        "#include <assert.h>\nint add(int a, int b) {\n    return a + b;\n",
        "}\nint main() {\n    assert(add(40, 2) == 42);\n}\n",
    ),
    "cpp": (
        "#include<assert.h>\n#include<bits/stdc++.h>\n"
        "std::vector<long> sum(std::vector<long> a, long b) {\n    a[0] += b;\n    return a;\n",
        "}\nint main() {\n    auto candidate = sum;\n"
        "    assert(candidate((std::vector<long>({(long)40})), (2)) == "
        "(std::vector<long>({(long)42})));\n}\n",
    ),
    "go": (
        'package add_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n'
        "func add(a int, b int) int {\n    return a + b\n}\n",
        "func TestAdd(t *testing.T) {\n  candidate := add\n"
        '  if fmt.Sprintf("%v", candidate(40, 2)) != fmt.Sprintf("%v", 42) {\n'
        '    t.Errorf("wrong")\n  }\n}\n',
    ),
    "java": (
        "import java.util.*;\nimport java.lang.reflect.*;\nimport org.javatuples.*;\n"
        "import java.security.*;\nimport java.math.*;\nimport java.io.*;\n"
        "import java.util.stream.*;\nclass Problem {\n"
        "    public static Pair<Long, Long> add(long a, long b) {\n"
        "        return Pair.with(a + b, b);\n",
        "    }\n    public static void main(String[] args) {\n"
        "    assert(add((40l), (2l)).equals((Pair.with(42l, 2l))));\n    }\n}\n",
    ),
    "javascript": (
        "function add(a, b){\n  return [a + b]\n}\n",
        "const assert = require('node:assert');\n\nfunction test() {\n  let candidate = add;\n"
        "  assert.deepEqual(candidate(40, 2),[42]);\n}\n\ntest();\n",
    ),
    "lua": (
        "local function add(a, b)\n    return {a + b}\nend\n",
        "lu = require('luaunit')\n\nfunction test_humaneval()\nlocal candidate = add\n"
        "    lu.assertEquals(candidate(40, 2), {42})\nend\n\nos.exit(lu.LuaUnit.run())\n",
    ),
    "perl": (
        "sub add {\n    my($a, $b) = @_;\n    return [$a + $b];\n}\n",
        "use Test::Deep;\n\nsub testhumaneval {\n    my $candidate = \\&add;\n"
        '        if(eq_deeply($candidate->(40, 2),[42])) {\n        print "ok!" }else{\n'
        "        exit 1;\n        }\n}\n\ntesthumaneval();\n",
    ),
    "php": (
        "<?php\nfunction add($a, $b) {\n    return array($a + $b);\n}\n",
        "function candidate(...$args) {\n    return add(...$args);\n}\n\n"
        "function test(): void {\n"
        '    if (candidate(40, 2) !== array(42)) { throw new Exception("Test failed!"); }\n}\n\n'
        "test();\n",
    ),
    "ruby": (
        "def add(a, b)\n  [a + b]\nend\n",
        "require 'test/unit'\nclass TestHumanEval < Test::Unit::TestCase\n  def test_add\n"
        "    candidate = method(:add)\n    assert_equal([42], candidate.call(40, 2))\n  end\nend\n",
    ),
    "rust": (
        "use std::collections::HashMap;\n\nfn add(a: isize, b: isize) -> Vec<isize> {\n"
        "    let sums = HashMap::from([(a, a + b)]);\n    vec![sums[&a]]\n",
        "}\n\nfn main() {\n    let candidate = add;\n"
        "    assert_eq!(candidate(40, 2), vec![42]);\n}\n",
    ),
    "shell": (
        "#!/bin/bash\nadd() {\n    echo $(($1 + $2))\n",
        '}\n\ncandidate() {\n    add "$@"\n}\n\nset -e\nrun_test() {\n'
        '    [[ $(candidate "40" "2") = "42" ]]\n}\n\nrun_test\n',
    ),
    "typescript": (
        "function add(a: number, b: number): number[] {\n  return [a + b];\n}\n",
        "declare var require: any;\nconst assert = require('node:assert');\n\n"
        "function test() {\n  let candidate = add;\n"
        "  assert.deepEqual(candidate(40, 2),[42]);\n}\n\ntest();\n",
    ),
}
