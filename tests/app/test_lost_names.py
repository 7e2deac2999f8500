"""Definitions that an answer leaves out are told of, and those that it writes otherwise are not."""

import re

import pytest

from growth import HOSTILE_UNITS, grows_linearly
from starcoder_cli.app.losses import find_lost_code
from starcoder_cli.app.lost_names import list_blocks
from starcoder_cli.languages import find_language

LOSSES = [
    (
        "java",
        "class A {\n    int x;\n\n«    A(int x) {\n        this.x = x;\n    }\n»}\n",
    ),
    (
        "java",
        "class A {\n    int x;\n\n«    A(int x) {\n        this.x = x;\n    }\n\n»    A() {\n"
        "        this.x = 0;\n    }\n}\n",
    ),
    (
        "java",
        "class A {\n«    int add(double a) {\n        return second(a);\n    }\n\n"
        "»    int add(int a) {\n        return third(a);\n    }\n}\n",
    ),
    (
        "java",
        "class A {\n    int x;\n\n«    int two(double a)\n    {\n        return second(a);\n"
        "    }\n»}\n",
    ),
    (
        "java",
        "int x;\n\n«int add(double a) {\n    return second(a);\n}\n\n»int add(int a) {\n"
        "    return third(a);\n}\n",
    ),
    (
        "groovy",
        "class A {\n«    int add(double a) {\n        second(a)\n    }\n\n»    int add(int a) {\n"
        "        third(a)\n    }\n}\n",
    ),
    (
        "python",
        "class A:\n    @property\n    def x(self):\n        return self._x\n\n«    @x.setter\n"
        "    def x(self, value):\n        self._x = value\n\n»    def last(self):\n"
        "        return 3\n",
    ),
    (
        "python",
        "«@overload\ndef two(a: int) -> int: ...\n\n\n»def two(a):\n    return second(a)\n",
    ),
    (
        "python",
        "«two = lambda x: second(x)\n\n\n»def three():\n    return 3\n",
    ),
    (
        "python",
        "class A:\n«    def run(self):\n        return second(self)\n\n»    x = 1\n\n\nclass B:\n"
        "    def run(self):\n        return third(self)\n",
    ),
    (
        "typescript",
        "class A {\n  get two(): number {\n    return second(1);\n  }\n\n«  set two(v: number) {\n"
        "    store(v);\n  }\n»}\n",
    ),
    (
        "typescript",
        "get two() {\n  return second(1);\n}\n\n«set two(v) {\n  store(v);\n}\n»",
    ),
    (
        "typescript",
        "«function two(a: string): string;\n»function two(a: number): number;\n"
        "function two(a: any): any {\n  return third(a);\n}\n",
    ),
    (
        "typescript",
        "class A {\n«  two = (x: number): number => {\n    return second(x);\n  };\n\n»  x = 1;\n"
        "}\n",
    ),
    (
        "typescript",
        "«const Two = ({ x }: P) => {\n  return <p>{x}</p>;\n};\n\n»const Three = () => <p />;\n",
    ),
    (
        "javascript",
        "«exports.two = function (x) {\n  return second(x);\n};\n\n»run();\n",
    ),
    (
        "javascript",
        "«Foo.prototype.two = function (x) {\n  return second(x);\n};\n\n»run();\n",
    ),
    (
        "javascript",
        "const api = {\n  one() {\n    return first(1);\n  },\n«  two: (x) => second(x),\n»};\n",
    ),
    (
        "javascript",
        "const api = {\n«  two: async function (x) {\n    return second(x);\n  },\n»  one: 1,\n"
        "};\n",
    ),
    (
        "javascript",
        "class A {\n«  static two(x) {\n    return second(x);\n  }\n\n»  two(x) {\n"
        "    return third(x);\n  }\n}\n",
    ),
    (
        "vue",
        "<script>\nexport default {\n  methods: {\n    one() {\n      return first(1);\n    },\n"
        "«    two: (x) => second(x),\n»  },\n};\n</script>\n",
    ),
    (
        "go",
        "package p\n\n«func (b *B) Close() error {\n\treturn b.close()\n}\n\n"
        "»func (a *A) Close() error {\n\treturn a.close()\n}\n",
    ),
    (
        "go",
        "package p\n\n«func (s *S[T]) Len() int {\n\treturn len(s.items)\n}\n\n"
        "»func (q *Q[T]) Len() int {\n\treturn len(q.items)\n}\n",
    ),
    (
        "go",
        "package p\n\n«var two = func(x int) int {\n\treturn second(x)\n}\n\n»var x int\n",
    ),
    (
        "c",
        "«DEFINE_TEST(two)\n{\n    second(2);\n}\n\n»DEFINE_TEST(three)\n{\n    third(3);\n}\n",
    ),
    (
        "c",
        "«#ifdef WIN\nint two(int x)\n{\n    return win(x);\n}\n#else\n»int two(int x)\n{\n"
        "    return other(x);\n}\n«#endif\n»",
    ),
    (
        "cpp",
        "«int two(double a) {\n  return second(a);\n}\n\n»int two(int a) {\n  return third(a);\n"
        "}\n",
    ),
    (
        "cpp",
        "«int A::two(double a) {\n  return second(a);\n}\n\n»int B::two(double a) {\n"
        "  return third(a);\n}\n",
    ),
    (
        "cpp",
        "«int A::two(double a) {\n  return second(a);\n}\n\n»int B::three(double a) {\n"
        "  return third(a);\n}\n",
    ),
    (
        "cpp",
        "«A::A(int x) : x_(x) {\n  add(this);\n}\n\n»A::A() : x_(0) {\n}\n",
    ),
    (
        "cpp",
        "class A {\n«  ~A() {\n    close(x_);\n  }\n\n»  int x_;\n};\n",
    ),
    (
        "cpp",
        "«bool operator==(const A& a, const A& b) {\n  return a.x == b.x;\n}\n\n»int x;\n",
    ),
    (
        "cpp",
        "«TEST(A, Two) {\n  EXPECT_EQ(second(), 2);\n}\n\n»TEST(A, Three) {\n"
        "  EXPECT_EQ(third(), 3);\n}\n",
    ),
    (
        "c-sharp",
        "class A\n{\n«    int Add(double a)\n    {\n        return second(a);\n    }\n\n"
        "»    int Add(int a)\n    {\n        return third(a);\n    }\n}\n",
    ),
    (
        "c-sharp",
        "class A\n{\n«    public int X\n    {\n        get { return x; }\n"
        "        set { x = value; }\n    }\n\n»    int x;\n}\n",
    ),
    (
        "c-sharp",
        "class A\n{\n    public int X\n    {\n        get { return x; }\n"
        "«        set { x = value; }\n»    }\n\n    int x;\n}\n",
    ),
    (
        "c-sharp",
        "class A\n{\n«    public int Twice => second(x);\n\n»    int x;\n}\n",
    ),
    (
        "c-sharp",
        "class A\n{\n«    public A(int x)\n    {\n        this.x = x;\n    }\n\n»    int x;\n}\n",
    ),
    (
        "c-sharp",
        "class A\n{\n«    public int this[int i]\n    {\n        get { return data[i]; }\n    }\n"
        "\n»    int x;\n}\n",
    ),
    (
        "kotlin",
        "«fun two(a: Double): Int {\n    return second(a)\n}\n\n»fun two(a: Int): Int {\n"
        "    return third(a)\n}\n",
    ),
    (
        "kotlin",
        "«fun <T> List<T>.two(): T {\n    return second(this)\n}\n\n»fun Int.two(): Int {\n"
        "    return third(this)\n}\n",
    ),
    (
        "kotlin",
        "class A {\n«    constructor(y: String) {\n        x = y.toInt()\n    }\n\n"
        "»    var x = 0\n}\n",
    ),
    (
        "kotlin",
        "class A {\n«    val two: Int\n        get() {\n            return second(x)\n        }\n"
        "\n»    var x = 0\n}\n",
    ),
    (
        "scala",
        "object A {\n«  def two(a: Double): Int = {\n    second(a)\n  }\n\n"
        "»  def two(a: Int): Int = {\n    third(a)\n  }\n}\n",
    ),
    (
        "scala",
        "object A {\n«  val two = (a: Double) => {\n    second(a)\n  }\n\n»  val x = 1\n}\n",
    ),
    (
        "swift",
        "class A {\n«    func two(_ a: Double) -> Int {\n        return second(a)\n    }\n\n"
        "»    func two(_ a: Int) -> Int {\n        return third(a)\n    }\n}\n",
    ),
    (
        "swift",
        "class A {\n«    init(x: Int) {\n        self.x = x\n    }\n\n»    var x: Int\n}\n",
    ),
    (
        "swift",
        "«extension A {\n    func two() -> Int {\n        return second(a)\n    }\n}\n\n"
        "»extension B {\n    func two() -> Int {\n        return third(a)\n    }\n}\n",
    ),
    (
        "swift",
        "struct A {\n«    var two: Int {\n        return second(x)\n    }\n\n»    var x: Int\n}\n",
    ),
    (
        "ruby",
        "«class A\n  def two\n    second(1)\n  end\nend\n\n»class A\n  def three\n    third(1)\n"
        "  end\nend\n",
    ),
    (
        "ruby",
        "class A\n«  def self.two\n    second(1)\n  end\n\n»  def two\n    third(1)\n  end\nend\n",
    ),
    (
        "ruby",
        "«two = lambda { |x| second(x) }\n\n»def three\n  3\nend\n",
    ),
    (
        "rust",
        "«impl B {\n    fn new() -> Self {\n        B { x: 1 }\n    }\n}\n\n»impl A {\n"
        "    fn new() -> Self {\n        A { x: 1 }\n    }\n}\n",
    ),
    (
        "rust",
        "«impl Drop for B {\n    fn drop(&mut self) {\n        close(self.fd);\n    }\n}\n\n"
        "»impl Drop for A {\n    fn drop(&mut self) {\n        close(self.fd);\n    }\n}\n",
    ),
    (
        "php",
        "<?php\nclass A {\n    public $x;\n\n«    function two($a) {\n        return second($a);\n"
        "    }\n»}\n\nclass B {\n    function two($a) {\n        return third($a);\n    }\n}\n",
    ),
    (
        "php",
        "<?php\n«$two = function ($a) {\n    return second($a);\n};\n\n»run();\n",
    ),
    (
        "lua",
        "«function A.two(a)\n  return second(a)\nend\n\n»function B.two(a)\n  return third(a)\n"
        "end\n",
    ),
    (
        "lua",
        "«M.two = function(a)\n  return second(a)\nend\n\n»return M\n",
    ),
    (
        "elixir",
        "defmodule A do\n«  def two(0) do\n    second(0)\n  end\n\n»  def two(n) do\n"
        "    third(n)\n  end\nend\n",
    ),
    (
        "haskell",
        "two :: Int -> Int\n«two 0 = second 0\n»two n = third n\n",
    ),
    (
        "erlang",
        "«two(0) ->\n    second(0);\n»two(N) ->\n    third(N).\n",
    ),
    (
        "sql",
        "«CREATE FUNCTION two(a text) RETURNS int AS $$\n  SELECT second(a)\n$$ LANGUAGE sql;\n\n"
        "»CREATE FUNCTION two(a int) RETURNS int AS $$\n  SELECT third(a)\n$$ LANGUAGE sql;\n",
    ),
    (
        "shell",
        'if test -n "$A"; then\n«  two() {\n    second\n  }\n»  three\nelse\n  two() {\n'
        "    third\n  }\nfi\n",
    ),
    (
        "dart",
        "class A {\n«  A.named(int x) {\n    this.x = x;\n  }\n\n»  int x;\n}\n",
    ),
    (
        "objective-c",
        "@implementation A\n«- (int)two {\n  return second(1);\n}\n\n»- (int)three {\n"
        "  return third(1);\n}\n@end\n",
    ),
    (
        "perl",
        "«*two = sub {\n  return second(1);\n};\n\n»run();\n",
    ),
    (
        "r",
        "«two <- function(x) {\n  second(x)\n}\n\n»three <- function(x) {\n  third(x)\n}\n",
    ),
    (
        "julia",
        "«two(x::Int) = second(x)\n»two(x::String) = third(x)\n",
    ),
    (
        "ocaml",
        "«let two x =\n  second x\n\n»let three x =\n  third x\n",
    ),
    (
        "f-sharp",
        "«let two x =\n    second x\n\n»let three x =\n    third x\n",
    ),
    (
        "clojure",
        "«(defmethod area :square [x]\n  (second x))\n\n»(defmethod area :circle [x]\n"
        "  (third x))\n",
    ),
    (
        "fortran",
        "«subroutine two(x)\n  call second(x)\nend subroutine\n\n»subroutine three(x)\n"
        "  call third(x)\nend subroutine\n",
    ),
    *[
        (language, "".join(f"«{each}»" if "two" in each.lower() else each for each in parts))
        for language, form in {
            "terraform": 'variable "{0}" {{\n}}\n\n',
            "protocol-buffer": "message {0} {{\n  int32 a = 1;\n}}\n\n",
            "solidity": "contract {0} is Base {{\n    uint a;\n}}\n\n",
            "cmake": "function({0})\nendfunction()\n\n",
            "scala": "case class {0}(a: Int)\n\n",
            "haskell": "data {0} = {0}A | {0}B\n\n",
            "swift": "extension {0}: Codable {{\n}}\n\n",
            "zig": "const {0} = struct {{\n    a: i32,\n}};\n\n",
            "css": ".{0}:hover {{\n  a: 1;\n}}\n\n",
            "makefile": "{0}: all\n\tcc {0}.c\n\n",
        }.items()
        for parts in [[form.format(name) for name in ("One", "Two", "Three")]]
    ],
]
"""Code in which a definition stands between « and », that is lost."""

RESTRUCTURINGS = [
    (
        "kotlin",
        "Merge the overloads of add into one with a default parameter.",
        "fun add(a: Int): Int {\n    return add(a, 0)\n}\n\nfun add(a: Int, b: Int): Int {\n"
        "    return a + b\n}\n",
        "fun add(a: Int, b: Int = 0): Int {\n    return a + b\n}\n",
    ),
    (
        "kotlin",
        "Make b optional in add.",
        "fun add(a: Int): Int {\n    return add(a, 0)\n}\n\nfun add(a: Int, b: Int): Int {\n"
        "    return a + b\n}\n",
        "fun add(a: Int, b: Int = 0): Int {\n    return a + b\n}\n",
    ),
    (
        "cpp",
        "Give add a default parameter in place of the overload.",
        "int add(int a) {\n  return add(a, 0);\n}\n\nint add(int a, int b) {\n  return a + b;\n}\n",
        "int add(int a, int b = 0) {\n  return a + b;\n}\n",
    ),
    (
        "c-sharp",
        "Use a default parameter instead of the overload.",
        "class A\n{\n    int Add(int a)\n    {\n        return Add(a, 0);\n    }\n\n"
        "    int Add(int a, int b)\n    {\n        return a + b;\n    }\n}\n",
        "class A\n{\n    int Add(int a, int b = 0)\n    {\n        return a + b;\n    }\n}\n",
    ),
    (
        "python",
        "Turn the lambda into a def.",
        "two = lambda x: second(x)\n\n\ndef three():\n    return two(3)\n",
        "def two(x):\n    return second(x)\n\n\ndef three():\n    return two(3)\n",
    ),
    (
        "python",
        "Name the key function.",
        "xs.sort(key=lambda x: x.a)\nys.sort(key=lambda x: x.a)\n",
        "def by_a(x):\n    return x.a\n\n\nxs.sort(key=by_a)\nys.sort(key=by_a)\n",
    ),
    (
        "javascript",
        "Export everything at the end.",
        "exports.one = function () {\n  return first(1);\n};\n\nexports.two = function (x) {\n"
        "  return second(x);\n};\n",
        "function one() {\n  return first(1);\n}\n\nfunction two(x) {\n  return second(x);\n}\n\n"
        "module.exports = { one, two };\n",
    ),
    (
        "javascript",
        "Use ES modules.",
        "exports.one = function () {\n  return first(1);\n};\n\nexports.two = function (x) {\n"
        "  return second(x);\n};\n",
        "export function one() {\n  return first(1);\n}\n\nexport const two = (x) => second(x);\n",
    ),
    (
        "javascript",
        "Make Foo a class.",
        "function Foo(x) {\n  this.x = x;\n}\n\nFoo.prototype.one = function () {\n"
        "  return first(this.x);\n};\n\nFoo.prototype.two = function (y) {\n"
        "  return second(this.x, y);\n};\n",
        "class Foo {\n  constructor(x) {\n    this.x = x;\n  }\n\n  one() {\n"
        "    return first(this.x);\n  }\n\n  two(y) {\n    return second(this.x, y);\n  }\n}\n",
    ),
    (
        "python",
        "Turn the property x into a field.",
        "class A:\n    def __init__(self, x):\n        self._x = x\n\n    @property\n"
        "    def x(self):\n        return self._x\n\n    @x.setter\n    def x(self, value):\n"
        "        self._x = value\n\n    def last(self):\n        return self.x\n",
        "@dataclass\nclass A:\n    x: int\n\n    def last(self):\n        return self.x\n",
    ),
    (
        "python",
        "x can be a plain attribute.",
        "class A:\n    def __init__(self, x):\n        self._x = x\n\n    @property\n"
        "    def x(self):\n        return self._x\n\n    @x.setter\n    def x(self, value):\n"
        "        self._x = value\n\n    def last(self):\n        return self.x\n",
        "class A:\n    def __init__(self, x):\n        self.x = x\n\n    def last(self):\n"
        "        return self.x\n",
    ),
    (
        "typescript",
        "two can be a plain field.",
        "class A {\n  private _two = 1;\n\n  get two(): number {\n    return this._two;\n  }\n\n"
        "  set two(v: number) {\n    this._two = v;\n  }\n\n  one() {\n    return this.two;\n  }\n"
        "}\n",
        "class A {\n  two = 1;\n\n  one() {\n    return this.two;\n  }\n}\n",
    ),
    (
        "java",
        "Convert Point to a record.",
        "final class Point {\n    private final int x;\n    private final int y;\n\n"
        "    Point(int x, int y) {\n        this.x = x;\n        this.y = y;\n    }\n\n"
        "    int x() {\n        return x;\n    }\n\n    int y() {\n        return y;\n    }\n\n"
        "    int sum() {\n        return x + y;\n    }\n}\n",
        "record Point(int x, int y) {\n    int sum() {\n        return x + y;\n    }\n}\n",
    ),
    (
        "java",
        "Make Point a record.",
        "final class Point {\n    private final int x;\n    private final int y;\n\n"
        "    Point(int x, int y) {\n        this.x = x;\n        this.y = y;\n    }\n\n"
        "    int x() {\n        return x;\n    }\n\n    int y() {\n        return y;\n    }\n\n"
        "    int sum() {\n        return x + y;\n    }\n}\n",
        "record Point(int x, int y) {\n    int sum() {\n        return x + y;\n    }\n}\n",
    ),
    (
        "c-sharp",
        "Write it as a record.",
        "class Point\n{\n    public int X { get; }\n    public int Y { get; }\n\n"
        "    public Point(int x, int y)\n    {\n        X = x;\n        Y = y;\n    }\n}\n",
        "record Point(int X, int Y);\n",
    ),
    (
        "c-sharp",
        "Use auto-properties.",
        "class A\n{\n    private int x;\n    public int X\n    {\n        get { return x; }\n"
        "        set { x = value; }\n    }\n\n    private int y;\n    public int Y\n    {\n"
        "        get { return y; }\n        set { y = value; }\n    }\n}\n",
        "class A\n{\n    public int X { get; set; }\n    public int Y { get; set; }\n}\n",
    ),
    (
        "c-sharp",
        "X and Y should be read-only, with expression bodies.",
        "class A\n{\n    private int x;\n    public int X\n    {\n        get { return x; }\n"
        "    }\n\n    private int y;\n    public int Y\n    {\n        get { return y; }\n    }\n"
        "}\n",
        "class A\n{\n    private int x;\n    public int X => x;\n\n    private int y;\n"
        "    public int Y => y;\n}\n",
    ),
    (
        "python",
        "Move run from B to A.",
        "class A:\n    def stop(self):\n        return 1\n\n\nclass B:\n    def stop(self):\n"
        "        return 2\n\n    def run(self):\n        return self.stop()\n",
        "class A:\n    def stop(self):\n        return 1\n\n    def run(self):\n"
        "        return self.stop()\n\n\nclass B:\n    def stop(self):\n        return 2\n",
    ),
    (
        "python",
        "Pull run up into Base.",
        "class Base:\n    pass\n\n\nclass A(Base):\n    def run(self):\n        return self.go()\n"
        "\n    def a(self):\n        return 1\n\n\nclass B(Base):\n    def run(self):\n"
        "        return self.go()\n\n    def b(self):\n        return 1\n",
        "class Base:\n    def run(self):\n        return self.go()\n\n\nclass A(Base):\n"
        "    def a(self):\n        return 1\n\n\nclass B(Base):\n    def b(self):\n"
        "        return 1\n",
    ),
    (
        "go",
        "Rename Close of B to Shutdown.",
        "package p\n\nfunc (b *B) Close() error {\n\treturn b.close()\n}\n\n"
        "func (a *A) Close() error {\n\treturn a.close()\n}\n",
        "package p\n\nfunc (b *B) Shutdown() error {\n\treturn b.close()\n}\n\n"
        "func (a *A) Close() error {\n\treturn a.close()\n}\n",
    ),
    (
        "rust",
        "Make new generic with a macro.",
        "impl A {\n    fn new() -> Self {\n        A { x: 1 }\n    }\n}\n\nimpl B {\n"
        "    fn new() -> Self {\n        B { x: 1 }\n    }\n}\n",
        "macro_rules! with_new {\n    ($($t:ident),*) => {\n        $(impl $t {\n"
        "            fn new() -> Self {\n                $t { x: 1 }\n            }\n        })*\n"
        "    };\n}\n\nwith_new!(A, B);\n",
    ),
    (
        "elixir",
        "Replace the clauses of two by one with a case.",
        "defmodule A do\n  def two(0) do\n    zero()\n  end\n\n  def two(n) do\n    third(n)\n"
        "  end\nend\n",
        "defmodule A do\n  def two(n) do\n    case n do\n      0 -> zero()\n      n -> third(n)\n"
        "    end\n  end\nend\n",
    ),
    (
        "haskell",
        "Write fact with a fold.",
        "fact :: Integer -> Integer\nfact 0 = 1\nfact n = n * fact (n - 1)\n",
        "fact :: Integer -> Integer\nfact n = product [1..n]\n",
    ),
    (
        "erlang",
        "Write len with length.",
        "len([]) ->\n    0;\nlen([_ | T]) ->\n    1 + len(T).\n",
        "len(L) ->\n    length(L).\n",
    ),
    (
        "lua",
        "Put the functions into a table constructor.",
        "local M = {}\n\nfunction M.one()\n  return first(1)\nend\n\nfunction M.two(a)\n"
        "  return second(a)\nend\n\nreturn M\n",
        "return {\n  one = function()\n    return first(1)\n  end,\n  two = function(a)\n"
        "    return second(a)\n  end,\n}\n",
    ),
    (
        "python",
        "Remove class Legacy.",
        "class Legacy:\n    def __init__(self):\n        self.a = 1\n\n    def run(self):\n"
        "        return 1\n\n    def stop(self):\n        return 2\n\n\nclass New:\n"
        "    def __init__(self):\n        self.a = 2\n\n    def run(self):\n        return 3\n\n"
        "    def stop(self):\n        return 4\n",
        "class New:\n    def __init__(self):\n        self.a = 2\n\n    def run(self):\n"
        "        return 3\n\n    def stop(self):\n        return 4\n",
    ),
    (
        "go",
        "Remove type B.",
        "package p\n\ntype A struct{}\n\nfunc (a *A) Open() error {\n\treturn nil\n}\n\n"
        "func (a *A) Close() error {\n\treturn nil\n}\n\ntype B struct{}\n\n"
        "func (b *B) Open() error {\n\treturn nil\n}\n\nfunc (b *B) Close() error {\n"
        "\treturn nil\n}\n",
        "package p\n\ntype A struct{}\n\nfunc (a *A) Open() error {\n\treturn nil\n}\n\n"
        "func (a *A) Close() error {\n\treturn nil\n}\n",
    ),
    (
        "typescript",
        "Write one signature with a union.",
        "function two(a: string): string;\nfunction two(a: number): number;\n"
        "function two(a: any): any {\n  return third(a);\n}\n",
        "function two(a: string | number): string | number {\n  return third(a);\n}\n",
    ),
    (
        "javascript",
        "Use it.each.",
        'describe("add", () => {\n  it("adds one", function () {\n'
        '    expect(add(1)).toBe(2);\n  });\n\n  it("adds two", function () {\n'
        '    expect(add(2)).toBe(3);\n  });\n\n  it("adds three", function () {\n'
        "    expect(add(3)).toBe(4);\n  });\n});\n",
        'describe("add", () => {\n  it.each([[1, 2], [2, 3], [3, 4]])("adds %i", (a, b) => {\n'
        "    expect(add(a)).toBe(b);\n  });\n});\n",
    ),
    (
        "c-sharp",
        "Use LINQ.",
        "class A\n{\n    int Sum(int[] xs)\n    {\n        var sum = 0;\n"
        "        foreach (var x in xs) {\n            sum += x;\n        }\n        return sum;\n"
        "    }\n\n    int Max(int[] xs)\n    {\n        var max = 0;\n"
        "        foreach (var x in xs) {\n            if (x > max) max = x;\n        }\n"
        "        return max;\n    }\n}\n",
        "class A\n{\n    int Sum(int[] xs)\n    {\n        return xs.Sum();\n    }\n\n"
        "    int Max(int[] xs)\n    {\n        var max = 0;\n        foreach (var x in xs) {\n"
        "            if (x > max) max = x;\n        }\n        return max;\n    }\n}\n",
    ),
    (
        "java",
        "Close the streams with one try.",
        "class A {\n    void f() {\n        try (Reader a = open(1)) {\n            read(a);\n"
        "        }\n        try (Reader b = open(2)) {\n            read(b);\n        }\n    }\n"
        "}\n",
        "class A {\n    void f() {\n        try (Reader a = open(1); Reader b = open(2)) {\n"
        "            read(a);\n            read(b);\n        }\n    }\n}\n",
    ),
    (
        "javascript",
        "Await instead of callbacks.",
        "function wait(done) {\n  setTimeout(() => {\n    one();\n    setTimeout(() => {\n"
        "      two();\n      done();\n    }, 20);\n  }, 10);\n}\n",
        "async function wait() {\n  await sleep(10);\n  one();\n  await sleep(20);\n  two();\n}\n",
    ),
    (
        "java",
        "Chain the constructors.",
        "class A {\n    A(int x) {\n        this.x = x;\n        this.y = 0;\n    }\n\n"
        "    A(int x, int y) {\n        this.x = x;\n        this.y = y;\n    }\n}\n",
        "class A {\n    A(int x) {\n        this(x, 0);\n    }\n\n    A(int x, int y) {\n"
        "        this.x = x;\n        this.y = y;\n    }\n}\n",
    ),
    (
        "java",
        "Replace the constructor by Lombok.",
        "class A {\n    private final int x;\n\n    A(int x) {\n        this.x = x;\n    }\n\n"
        "    int getX() {\n        return x;\n    }\n}\n",
        "@RequiredArgsConstructor\nclass A {\n    private final int x;\n\n    int getX() {\n"
        "        return x;\n    }\n}\n",
    ),
    (
        "kotlin",
        "Use a primary constructor.",
        "class A {\n    val x: Int\n\n    constructor(x: Int) {\n        this.x = x\n    }\n\n"
        "    fun f() = x\n}\n",
        "class A(val x: Int) {\n    fun f() = x\n}\n",
    ),
    (
        "ruby",
        "Use attr_accessor.",
        "class A\n  def x\n    @x\n  end\n\n  def x=(value)\n    @x = value\n  end\n\n  def f\n"
        "    x + 1\n  end\nend\n",
        "class A\n  attr_accessor :x\n\n  def f\n    x + 1\n  end\nend\n",
    ),
    (
        "ruby",
        "Put both parts of A together.",
        "class A\n  def one\n    1\n  end\nend\n\nclass A\n  def two\n    2\n  end\nend\n",
        "class A\n  def one\n    1\n  end\n\n  def two\n    2\n  end\nend\n",
    ),
    (
        "rust",
        "Merge the two impl blocks.",
        "impl A {\n    fn one() -> i32 {\n        1\n    }\n}\n\nimpl A {\n    fn two() -> i32 {\n"
        "        2\n    }\n}\n",
        "impl A {\n    fn one() -> i32 {\n        1\n    }\n\n    fn two() -> i32 {\n        2\n"
        "    }\n}\n",
    ),
    (
        "cpp",
        "Move the bodies into the class.",
        "class A {\n public:\n  int one();\n  int two();\n};\n\nint A::one() {\n  return 1;\n}\n\n"
        "int A::two() {\n  return 2;\n}\n",
        "class A {\n public:\n  int one() {\n    return 1;\n  }\n  int two() {\n    return 2;\n"
        "  }\n};\n",
    ),
    (
        "cpp",
        "Default the destructor and the copy constructor.",
        "class A {\n public:\n  A(const A& a) : x(a.x) {\n  }\n\n  ~A() {\n  }\n\n  int x;\n};\n",
        "class A {\n public:\n  A(const A& a) = default;\n\n  ~A() = default;\n\n  int x;\n};\n",
    ),
    (
        "c",
        "Declare add before main.",
        "int add(int a, int b)\n{\n    return a + b;\n}\n\nint main(void)\n{\n"
        "    return add(1, 2);\n}\n",
        "int add(int a, int b);\n\nint main(void)\n{\n    return add(1, 2);\n}\n\n"
        "int add(int a, int b)\n{\n    return a + b;\n}\n",
    ),
    (
        "c",
        "Make the prototypes unnecessary.",
        "static int add(int a, int b);\nstatic int sub(int a, int b);\n\nint main(void)\n{\n"
        "    return add(1, sub(1, 2));\n}\n\nstatic int add(int a, int b)\n{\n    return a + b;\n"
        "}\n\nstatic int sub(int a, int b)\n{\n    return a - b;\n}\n",
        "static int add(int a, int b)\n{\n    return a + b;\n}\n\nstatic int sub(int a, int b)\n"
        "{\n    return a - b;\n}\n\nint main(void)\n{\n    return add(1, sub(1, 2));\n}\n",
    ),
    (
        "typescript",
        "Use one handler for both buttons.",
        'const A = () => {\n  const onSave = () => {\n    send("save");\n  };\n\n'
        '  const onLoad = () => {\n    send("load");\n  };\n\n'
        "  return <p><B on={onSave} /><B on={onLoad} /></p>;\n};\n",
        "const A = () => {\n  const onClick = (what: string) => {\n    send(what);\n  };\n\n"
        '  return <p><B on={() => onClick("save")} /><B on={() => onClick("load")} /></p>;\n'
        "};\n",
    ),
    (
        "javascript",
        "Call second directly.",
        "const two = (x) => second(x);\n\nrun(two(1), two(2));\n",
        "run(second(1), second(2));\n",
    ),
    (
        "javascript",
        "Give second itself.",
        "const api = {\n  one() {\n    return first(1);\n  },\n  two: (x) => second(x),\n};\n",
        "const api = {\n  one() {\n    return first(1);\n  },\n  two: second,\n};\n",
    ),
    (
        "python",
        "Use functools.singledispatch.",
        'class A:\n    def show(self):\n        return "a"\n\n\nclass B:\n    def show(self):\n'
        '        return "b"\n',
        "class A:\n    pass\n\n\nclass B:\n    pass\n\n\n@singledispatch\ndef show(x):\n"
        '    raise TypeError\n\n\n@show.register\ndef _(x: A):\n    return "a"\n\n\n'
        '@show.register\ndef _(x: B):\n    return "b"\n',
    ),
    (
        "sql",
        "Make one function of both with a default.",
        "CREATE FUNCTION two(a int) RETURNS int AS $$\n  SELECT a\n$$ LANGUAGE sql;\n\n"
        "CREATE FUNCTION two(a int, b int) RETURNS int AS $$\n  SELECT a + b\n$$ LANGUAGE sql;\n",
        "CREATE FUNCTION two(a int, b int DEFAULT 0) RETURNS int AS $$\n  SELECT a + b\n"
        "$$ LANGUAGE sql;\n",
    ),
    (
        "shell",
        "Choose with a variable in one function.",
        'if test -n "$A"; then\n  two() {\n    second "$1"\n  }\nelse\n  two() {\n'
        '    third "$1"\n  }\nfi\n',
        'two() {\n  if test -n "$A"; then\n    second "$1"\n  else\n    third "$1"\n  fi\n}\n',
    ),
    (
        "go",
        "Make Len one generic function.",
        "package p\n\nfunc (s Stack) Len() int {\n\treturn len(s.items)\n}\n\n"
        "func (q Queue) Len() int {\n\treturn len(q.items)\n}\n",
        "package p\n\ntype list struct {\n\titems []int\n}\n\nfunc (l list) Len() int {\n"
        "\treturn len(l.items)\n}\n",
    ),
    (
        "javascript",
        "Use fetch.",
        'function load(show) {\n  $.ajax({\n    url: "/a",\n    success: function (data) {\n'
        "      show(data);\n    },\n    error: function () {\n      show(null);\n    },\n"
        "  });\n}\n",
        'async function load(show) {\n  const reply = await fetch("/a");\n'
        "  show(reply.ok ? await reply.json() : null);\n}\n",
    ),
]
"""What an instruction asks for, and code before and after that."""


@pytest.mark.parametrize(("language", "text"), LOSSES)
def test_a_definition_that_is_gone_is_told_of(language: str, text: str) -> None:
    before = text.replace("«", "").replace("»", "")
    kept = re.sub("«[^»]*»", "", text)
    assert kept != before
    told = find_lost_code(kept, before, find_language(language), "Pass 2 to first.")
    assert told.startswith("the answer lacks")
    assert find_lost_code(before, before, find_language(language), "Pass 2 to first.") == ""


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("terraform", 'variable "one" {\n}\n', 'variable "two" {\n}\n'),
        ("css", ".one {\n  a: 1;\n}\n\n.two {\n  a: 1;\n}\n", ".one, .two {\n  a: 1;\n}\n"),
        ("css", ".a {\n}\n\n.a:hover {\n  b: 2;\n}\n\n.b {\n}\n", ".a {\n}\n\n.b {\n}\n"),
        ("makefile", "one:\n\tcc a\n\ntwo:\n\tcc b\n", "one two:\n\tcc $@\n"),
        ("protocol-buffer", "message One {\n  int32 a = 1;\n}\n", "enum One {\n  A = 0;\n}\n"),
        ("r", "f(1)\nfor (x in xs) {\n  f(x)\n}\ng(1)\n", "f(1)\ng(1)\n"),
        ("python", "f(1)\ndata = {\n    1: 2,\n}\ng(1)\n", "f(1)\ng(1)\n"),
    ],
)
def test_a_block_that_is_written_otherwise_is_not_gone(
    language: str, before: str, after: str
) -> None:
    assert find_lost_code(after, before, find_language(language), "Make it shorter.") == ""


def test_a_block_may_go_if_it_is_named() -> None:
    blocks = [f'variable "{name}" {{\n}}\n' for name in ("first", "second", "third")]
    before, after = "".join(blocks), blocks[0] + blocks[2]
    told = [
        find_lost_code(after, before, find_language("terraform"), instruction)
        for instruction in ("Remove second.", "Drop a variable.", "Add a default to first.")
    ]
    assert told == ["", "", "the answer lacks 'second', which the code defines"]


@pytest.mark.parametrize("unit", HOSTILE_UNITS)
@pytest.mark.parametrize("head", ["", "a", 'a "', "a: ", "a {"])
def test_blocks_are_found_in_time_that_grows_with_the_text(head: str, unit: str) -> None:
    assert grows_linearly(lambda text: list(list_blocks(text)), head, unit)


def test_what_goes_with_a_type_is_what_another_has_too() -> None:
    kept = "class A:\n" + "    def {0}(self):\n        return first(1)\n\n" * 4
    first = kept.replace("{0}", "run", 1).replace("{0}", "stop")
    second = "class B:\n    def run(self):\n        return 2\n\n    def {0}(self):\n        pass\n"
    told = [
        find_lost_code(first, first + second.format(name), find_language("python"), "Drop a class.")
        for name in ("stop", "halt")
    ]
    assert told == ["", "the answer lacks 'B', which the code defines"]


def test_one_of_several_is_told_by_its_line() -> None:
    twin = "    def run(self):\n        return {0}\n"
    before = f"class A:\n{twin.format(1)}\n\nclass B:\n{twin.format(2)}"
    idle = before.replace("return 2", "pass")
    less = f"class A:\n{twin.format(1)}\n\nclass B:\n    x = 1\n"
    told = [
        find_lost_code(after, before, find_language("python"), "Add x to B.")
        for after in (idle, less)
    ]
    assert told == [
        "the answer lacks the code of 'run'",
        "the answer lacks 'def run(self):', one of 2 that define 'run'",
    ]


@pytest.mark.parametrize(("language", "instruction", "before", "after"), RESTRUCTURINGS)
def test_what_is_written_otherwise_is_not_gone(
    language: str, instruction: str, before: str, after: str
) -> None:
    assert find_lost_code(after, before, find_language(language), instruction) == ""


@pytest.mark.parametrize(
    "instruction",
    ["Use f-strings.", "Add a test for four.", "Simplify second.", "Replace deprecated calls."],
)
@pytest.mark.parametrize("added", ["", "\n\ndef four():\n    return fourth(4)\n"])
def test_what_nobody_spoke_of_is_missed_whatever_is_new(instruction: str, added: str) -> None:
    kept = "def two():\n    return second(2)\n\n\n{0}def three():\n    return third(3)\n"
    before = kept.format("def one():\n    return first(1)\n\n\n")
    told = find_lost_code(kept.format("") + added, before, find_language("python"), instruction)
    assert told == "the answer lacks 'one', which the code defines"


def test_a_key_may_be_replaced_by_something_else() -> None:
    before, after = "on: push\npassword: x\n", "on: push  # trusted\n"
    told = [
        find_lost_code(after, before, find_language("yaml"), instruction)
        for instruction in ("Use trusted publishing.", "Change what it runs on.")
    ]
    assert told == ["", "the answer lacks 'password', which the code defines"]
