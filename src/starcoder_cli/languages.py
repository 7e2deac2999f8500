"""The 86 languages StarCoder was trained on, a few others, and how to detect a file's language.

Names and file extensions are those of the training set, so that a language here means the code the
model saw. Newer extensions, such as `.mjs`, and files known by their whole name, such as Makefile,
are added.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from starcoder_cli.errors import UsageError

# name | title | comment: a line's start, or open and close | Pygments lexer | other names. Lexers
# are the closest available: Pygments has none for Bluespec, Yacc, R Markdown, Svelte or Literate
# CoffeeScript. The literate languages have no comments, as all that is not code is prose.
_TRAINED = """\
ada                   | Ada                   | --        | ada              |
agda                  | Agda                  | --        | agda             |
alloy                 | Alloy                 | //        | alloy            |
antlr                 | ANTLR                 | //        | antlr            | antlr4
applescript           | AppleScript           | --        | applescript      | osascript
assembly              | Assembly              | ;         | nasm             | assembler
augeas                | Augeas                | (* *)     | augeas           |
awk                   | Awk                   | #         | awk              |
batchfile             | Batchfile             | REM       | bat              | batch
bluespec              | Bluespec              | //        | systemverilog    |
c                     | C                     | //        | c                |
c-sharp               | C#                    | //        | csharp           | csharp
clojure               | Clojure               | ;         | clojure          | babashka bb
cmake                 | CMake                 | #         | cmake            |
coffeescript          | CoffeeScript          | #         | coffeescript     |
common-lisp           | Common Lisp           | ;         | common-lisp      | cl sbcl
cpp                   | C++                   | //        | cpp              | cplusplus
css                   | CSS                   | /* */     | css              |
cuda                  | Cuda                  | //        | cuda             |
dart                  | Dart                  | //        | dart             |
dockerfile            | Dockerfile            | #         | docker           | docker
elixir                | Elixir                | #         | elixir           |
elm                   | Elm                   | --        | elm              |
emacs-lisp            | Emacs Lisp            | ;         | emacs-lisp       | elisp
erlang                | Erlang                | %         | erlang           |
f-sharp               | F#                    | //        | fsharp           | fsharp
fortran               | FORTRAN               | !         | fortran          |
glsl                  | GLSL                  | //        | glsl             |
go                    | Go                    | //        | go               | golang
groovy                | Groovy                | //        | groovy           |
haskell               | Haskell               | --        | haskell          | runghc runhaskell
html                  | HTML                  | <!-- -->  | html             |
idris                 | Idris                 | --        | idris            |
isabelle              | Isabelle              | (* *)     | isabelle         |
java                  | Java                  | //        | java             |
java-server-pages     | Java Server Pages     | <%-- --%> | jsp              |
javascript            | JavaScript            | //        | javascript       | node nodejs bun
json                  | JSON                  |           | json             |
julia                 | Julia                 | #         | julia            |
kotlin                | Kotlin                | //        | kotlin           |
lean                  | Lean                  | --        | lean4            | lean4
literate-agda         | Literate Agda         |           | literate-agda    |
literate-coffeescript | Literate CoffeeScript |           | markdown         |
literate-haskell      | Literate Haskell      |           | literate-haskell |
lua                   | Lua                   | --        | lua              | luajit
makefile              | Makefile              | #         | make             | make gmake
maple                 | Maple                 | #         | maple            |
markdown              | Markdown              | <!-- -->  | markdown         |
mathematica           | Mathematica           | (* *)     | mathematica      | wolfram wolframscript
ocaml                 | OCaml                 | (* *)     | ocaml            |
pascal                | Pascal                | //        | delphi           | delphi instantfpc
perl                  | Perl                  | #         | perl             |
php                   | PHP                   | //        | php              |
powershell            | PowerShell            | #         | powershell       | pwsh
prolog                | Prolog                | %         | prolog           | swipl
protocol-buffer       | Protocol Buffer       | //        | protobuf         | protobuf
python                | Python                | #         | python           | python3 pypy
r                     | R                     | #         | r                | rscript
racket                | Racket                | ;         | racket           |
restructuredtext      | reStructuredText      | ..        | restructuredtext |
rmarkdown             | RMarkdown             | <!-- -->  | markdown         |
ruby                  | Ruby                  | #         | ruby             | jruby
rust                  | Rust                  | //        | rust             |
sas                   | SAS                   | /* */     | sas              |
scala                 | Scala                 | //        | scala            |
scheme                | Scheme                | ;         | scheme           | guile
shell                 | Shell                 | #         | bash             | ash dash shellscript
smalltalk             | Smalltalk             | " "       | smalltalk        | gst
solidity              | Solidity              | //        | solidity         |
sparql                | SPARQL                | #         | sparql           |
sql                   | SQL                   | --        | sql              | mysql sqlite
stan                  | Stan                  | //        | stan             |
standard-ml           | Standard ML           | (* *)     | sml              |
stata                 | Stata                 | //        | stata            |
systemverilog         | SystemVerilog         | //        | systemverilog    |
tcl                   | Tcl                   | #         | tcl              | expect tclsh wish
tcsh                  | Tcsh                  | #         | tcsh             |
tex                   | TeX                   | %         | tex              | latex
thrift                | Thrift                | //        | thrift           |
typescript            | TypeScript            | //        | typescript       | deno ts-node
vhdl                  | VHDL                  | --        | vhdl             |
visual-basic          | Visual Basic          | '         | vb.net           | vb.net vbscript
xslt                  | XSLT                  | <!-- -->  | xslt             |
yacc                  | Yacc                  | /* */     | c                | bison
yaml                  | YAML                  | #         | yaml             |
zig                   | Zig                   | //        | zig              |
"""

_UNTRAINED = """\
crystal               | Crystal               | #         | crystal          |
d                     | D                     | //        | d                | dlang
graphql               | GraphQL               | #         | graphql          |
matlab                | Matlab                | %         | matlab           | octave
nim                   | Nim                   | #         | nim              |
nix                   | Nix                   | #         | nix              |
objective-c           | Objective-C           | //        | objective-c      | objc objectivec
svelte                | Svelte                | <!-- -->  | html             |
swift                 | Swift                 | //        | swift            |
terraform             | Terraform             | #         | terraform        | tofu
text                  | Plain text            |           | text             | plain plaintext
toml                  | TOML                  | #         | toml             |
verilog               | Verilog               | //        | verilog          |
vue                   | Vue                   | <!-- -->  | vue              |
"""

# name | file extensions, as *.ext, and whole file names; an indented line continues the one above.
_FILES = """\
ada                   | *.adb *.ada *.ads
agda                  | *.agda
alloy                 | *.als
antlr                 | *.g4
applescript           | *.applescript *.scpt
assembly              | *.asm *.a51 *.nasm
augeas                | *.aug
awk                   | *.awk *.auk *.gawk *.mawk *.nawk
batchfile             | *.bat *.cmd
bluespec              | *.bsv
c                     | *.c *.cats *.h *.idc *.w
c-sharp               | *.cs *.cake *.cshtml *.csx
clojure               | *.clj *.boot *.cl2 *.cljc *.cljs *.cljs.hl *.cljscm *.cljx *.hic
cmake                 | *.cmake *.cmake.in CMakeLists.txt
coffeescript          | *.coffee *._coffee *.cjsx *.cson *.iced Cakefile
common-lisp           | *.lisp *.asd *.lsp *.ny *.podsl *.sexp .sbclrc
cpp                   | *.cpp *.c++ *.cc *.cp *.cxx *.h++ *.hh *.hpp *.hxx *.inl *.ipp *.tcc
                        *.tpp *.C *.H
css                   | *.css
cuda                  | *.cu *.cuh
dart                  | *.dart
dockerfile            | *.dockerfile Dockerfile dockerfile Containerfile
elixir                | *.ex *.exs mix.lock
elm                   | *.elm
emacs-lisp            | *.el *.emacs *.emacs.desktop .gnus .spacemacs Cask
erlang                | *.erl *.escript *.hrl *.xrl *.yrl Emakefile rebar.config rebar.lock
f-sharp               | *.fs *.fsi *.fsx
fortran               | *.f90 *.f *.f03 *.f08 *.f77 *.f95 *.for *.fpp
glsl                  | *.glsl *.fp *.frag *.frg *.fsh *.fshader *.geo *.geom *.glslv *.gshader
                        *.shader *.vert *.vrx *.vsh *.vshader
go                    | *.go
groovy                | *.groovy *.grt *.gtpl *.gvy *.gradle Jenkinsfile
haskell               | *.hs *.hsc .ghci
html                  | *.html *.htm *.html.hl *.xht *.xhtml
idris                 | *.idr *.lidr
isabelle              | *.thy
java                  | *.java
java-server-pages     | *.jsp
javascript            | *.js *._js *.bones *.es6 *.jake *.jsb *.jscad *.jsfl *.jsm *.jss *.njs
                        *.pac *.sjs *.ssjs *.xsjs *.xsjslib *.mjs *.cjs *.jsx Jakefile
json                  | *.json *.geojson *.lock *.topojson .babelrc .jshintrc .swcrc
                        .watchmanconfig
julia                 | *.jl
kotlin                | *.kt *.ktm *.kts
lean                  | *.lean *.hlean
literate-agda         | *.lagda
literate-coffeescript | *.litcoffee
literate-haskell      | *.lhs
lua                   | *.lua *.nse *.pd_lua *.rbxs *.wlua .luacheckrc
makefile              | *.mak *.mk *.mkfile Makefile makefile GNUmakefile BSDmakefile
maple                 | *.mpl
markdown              | *.md *.markdown *.mkd *.mkdn *.mkdown *.ron
mathematica           | *.mathematica *.cdf *.ma *.mt *.nb *.nbp *.wl *.wlt
ocaml                 | *.ml *.eliom *.eliomi *.ml4 *.mli *.mll *.mly .ocamlinit
pascal                | *.pas *.dfm *.dpr *.lpr
perl                  | *.pl *.al *.perl *.ph *.plx *.pm *.psgi *.t .latexmkrc cpanfile latexmkrc
php                   | *.php *.aw *.ctp *.php3 *.php4 *.php5 *.phps *.phpt
powershell            | *.ps1 *.psd1 *.psm1
prolog                | *.prolog *.yap
protocol-buffer       | *.proto
python                | *.py *.bzl *.gyp *.lmi *.pyde *.pyp *.pyt *.pyw *.tac *.wsgi *.xpy *.pyi
                        BUILD BUILD.bazel SConscript SConstruct Tiltfile WORKSPACE
                        WORKSPACE.bazel wscript
r                     | *.r *.rd *.rsx .Rprofile
racket                | *.rkt *.rktd *.rktl *.scrbl
restructuredtext      | *.rst *.rest *.rest.txt *.rst.txt
rmarkdown             | *.rmd
ruby                  | *.rb *.builder *.gemspec *.god *.irbrc *.jbuilder *.mspec *.podspec
                        *.rabl *.rake *.rbuild *.rbw *.rbx *.ru *.ruby *.thor *.watchr
                        .pryrc Appraisals Berksfile Brewfile Capfile Dangerfile Fastfile
                        Gemfile Guardfile Podfile Rakefile Thorfile Vagrantfile
rust                  | *.rs *.rs.in
sas                   | *.sas
scala                 | *.scala *.sbt
scheme                | *.scm *.sld *.sps *.ss .guile
shell                 | *.sh *.bash *.bats *.command *.ksh *.sh.in *.tmux *.tool *.zsh
                        .bash_aliases .bash_login .bash_logout .bash_profile .bashrc .envrc
                        .kshrc .profile .xinitrc .xprofile .zlogin .zlogout .zprofile .zshenv
                        .zshrc APKBUILD PKGBUILD
smalltalk             | *.st
solidity              | *.sol
sparql                | *.sparql *.rq
sql                   | *.pls *.pck *.pkb *.pks *.plb *.plsql *.sql *.cql *.ddl *.prc *.tab *.udf
                        *.viw *.db2
stan                  | *.stan
standard-ml           | *.ML *.fun *.sig *.sml
stata                 | *.do *.ado *.doh *.ihlp *.mata *.matah *.sthlp
systemverilog         | *.sv *.svh *.vh
tcl                   | *.tcl *.adp *.tm
tcsh                  | *.tcsh *.csh .cshrc .login .logout .tcshrc
tex                   | *.tex *.aux *.bbx *.bib *.cbx *.dtx *.ins *.lbx *.ltx *.mkii *.mkiv
                        *.mkvi *.sty *.toc
thrift                | *.thrift
typescript            | *.ts *.tsx *.cts *.mts
vhdl                  | *.vhdl *.vhd *.vhf *.vhi *.vho *.vhs *.vht *.vhw
visual-basic          | *.vb *.bas *.frm *.frx *.vba *.vbhtml *.vbs
xslt                  | *.xslt *.xsl
yacc                  | *.y *.yacc *.yy
yaml                  | *.yml *.reek *.rviz *.sublime-syntax *.syntax *.yaml *.yaml-tmlanguage
                        .clang-format .clang-tidy .clangd .gemrc
zig                   | *.zig
crystal               | *.cr
d                     | *.d *.di
graphql               | *.graphql *.gql *.graphqls
matlab                | *.matlab
nim                   | *.nim *.nimble *.nims
nix                   | *.nix
objective-c           | *.m *.mm
svelte                | *.svelte
swift                 | *.swift
terraform             | *.tf *.hcl *.tfvars
text                  | *.txt *.text AUTHORS CHANGELOG COPYING Gemfile.lock LICENSE NOTICE README
                        go.mod go.sum yarn.lock
toml                  | *.toml Cargo.lock Pipfile pdm.lock poetry.lock uv.lock
verilog               | *.v *.veo
vue                   | *.vue
"""


@dataclass(frozen=True)
class CommentSyntax:
    """The comment delimiters of a language: what opens a comment and, in block forms, closes it."""

    open: str
    close: str = ""

    def format_line(self, text: str) -> str:
        """Format `text` as a one-line comment, without anything that would end or extend it."""
        inner = " ".join(text.split())
        if self.close:
            inner = inner.replace(self.open, " ").replace(self.close, " ")
        # In C, Make and Tcl a trailing backslash makes the next line part of the comment.
        inner = inner.rstrip("\\ ")
        return f"{self.open} {inner} {self.close}".rstrip()

    def format_block(self, text: str) -> str:
        """Format `text` as a comment that keeps its lines and their indentation."""
        if self.close:
            inner = text.replace(self.open, " ").replace(self.close, " ")
            return f"{self.open}\n{inner}\n{self.close}"
        return "\n".join(f"{self.open} {line}".rstrip("\\ ") for line in text.split("\n"))


@dataclass(frozen=True)
class Language:
    """A language, its files, and what is needed to show and annotate its code.

    `name` is what `--lang` accepts; `comment` is None for a language without comments, like JSON.
    """

    name: str
    title: str
    comment: CommentSyntax | None
    lexer: str
    aliases: tuple[str, ...]
    extensions: tuple[str, ...]
    filenames: tuple[str, ...]
    is_trained: bool


@cache
def languages_by_name() -> Mapping[str, Language]:
    """All languages by name: the 86 in alphabetical order, then the untrained ones."""
    files = {name: cells.split() for name, cells in _parse_rows(_FILES)}
    return {
        row[0]: _parse_language(row, files[row[0]], is_trained)
        for table, is_trained in ((_TRAINED, True), (_UNTRAINED, False))
        for row in _parse_rows(table)
    }


def detect_language(filename: str, text: str = "") -> Language | None:
    """Detect a file's language by its whole name, longest known extension, stem or `#!` line.

    An exact-case match wins over one that ignores case: `.C` is C++, `.c` is C, `.PY` is Python.
    The stem is what makes `Dockerfile.dev` a Dockerfile.
    """
    name = PurePath(filename).name
    endings = [f"*{name[index:]}" for index, letter in enumerate(name) if letter == "."]
    cased = [pattern for ending in endings for pattern in (ending, ending.lower())]
    by_file = _languages_by_file()
    for pattern in (name, *cased, name.partition(".")[0]):
        if pattern in by_file:
            return by_file[pattern]
    return _languages_by_word().get(_parse_interpreter(text))


def find_language(name: str) -> Language:
    """Find a language by name, title, alias or file extension, ignoring case.

    Raises UsageError if there is none, with the nearest names in its hint.
    """
    word = name.strip().lower()
    by_word = _languages_by_word()
    language = by_word.get(word) or by_word.get(word.removeprefix("."))
    if language:
        return language
    import difflib

    close = difflib.get_close_matches(word, by_word)
    names = " or ".join(dict.fromkeys(f"`{by_word[match].name}`" for match in close))
    hint = f"did you mean {names}?" if names else "give a name or a file ending: `python` or `py`"
    raise UsageError(f"unknown language: {name!r}", hint)


def _parse_rows(table: str) -> Iterator[list[str]]:
    """Split each row into cells; a line that starts with a space continues the row above."""
    for line in table.replace("\n ", " ").splitlines():
        yield [cell.strip() for cell in line.split("|")]


def _parse_language(row: list[str], files: list[str], is_trained: bool) -> Language:
    """Build a language from its row in a language table and its row of files."""
    name, title, comment, lexer, aliases = row
    return Language(
        name,
        title,
        comment=CommentSyntax(*comment.split()) if comment else None,
        lexer=lexer,
        aliases=tuple(aliases.split()),
        extensions=tuple(file[1:] for file in files if file.startswith("*")),
        filenames=tuple(file for file in files if not file.startswith("*")),
        is_trained=is_trained,
    )


@cache
def _languages_by_file() -> Mapping[str, Language]:
    """Languages by whole file name and by extension, the latter written `*.py`."""
    return {
        file: language
        for language in languages_by_name().values()
        for file in (*(f"*{ending}" for ending in language.extensions), *language.filenames)
    }


@cache
def _languages_by_word() -> Mapping[str, Language]:
    """Languages by every word that `--lang` and `#!` lines use; a name wins over an extension."""
    known_languages = languages_by_name().values()
    words = {
        ending[1:]: language
        for language in known_languages
        for ending in language.extensions
        if ending.islower()
    }
    for language in known_languages:
        words |= dict.fromkeys((language.name, language.title.lower(), *language.aliases), language)
    return words


def _parse_interpreter(text: str) -> str:
    """The program in a `#!` line, without folder and version: `env -S python3.11` is python."""
    first = text.partition("\n")[0]
    if not first.startswith("#!"):
        return ""
    words = [word for word in first[2:].split() if word[0] != "-" and "=" not in word]
    programs = [word.rpartition("/")[2].lower() for word in words]
    program = next((program for program in programs if program != "env"), "")
    return program.rstrip("0123456789.-")
