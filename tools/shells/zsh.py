"""The completion script for zsh: one function a command, in the words of `_arguments`."""

import re
from collections.abc import Iterator, Mapping

from shells.description import HEADER, Command, Kind, Parameter, Program
from shells.template import block, filled

SCRIPT = r"""#compdef starcoder
# zsh completion for @HEADER@
# Put this file into a folder of $fpath. It starts no program.

_starcoder_languages() {
    local -a names=(
        @LANGUAGES@
    )
    local expl
    _wanted languages expl language compadd "$@" -a names
}

# The models in the folder of models: `--` in a folder's name stands for `/`.
_starcoder_installed() {
    local folder=${STARCODER_MODELS_DIR:-} cache=${XDG_CACHE_HOME:-$HOME/.cache} expl
    [[ -z ${XDG_CACHE_HOME:-} && $OSTYPE == darwin* ]] && cache=$HOME/Library/Caches
    local -a names=(${folder:-$cache/starcoder/models}/*(N-/:t))
    names=(${${names:#*[^A-Za-z0-9._-]*}:#-*})
    names=(${names//--/\/})
    _wanted installed expl 'model that is here' compadd "$@" -a names
}

# The projects in the index, as the list beside it names them.
_starcoder_projects() {
    local data=${XDG_DATA_HOME:-$HOME/.local/share} expl
    [[ -z ${XDG_DATA_HOME:-} && $OSTYPE == darwin* ]] && data="$HOME/Library/Application Support"
    local list=${STARCODER_INDEX:-${STARCODER_DATA_DIR:-$data/starcoder}/index.sqlite}.starcoder
    local -a names
    [[ -r $list ]] && names=(${(f)"$(<$list)"})
    names=(${names:#*[^A-Za-z0-9._@/+-]*})
    _wanted projects expl project compadd "$@" -a names
}

_starcoder_projects_and_files() {
    _alternative 'projects:project:_starcoder_projects' 'files:file:_files'
}

_starcoder_catalog() {
    local -a names=(
@MODELS@
    )
    _describe -t models model names
}

_starcoder_models() {
    _alternative \
        'installed:model that is here:_starcoder_installed' \
        'models:model:_starcoder_catalog' \
        'files:GGUF file:_files -g "*.gguf(-.)"'
}

# A file without a space behind it: a line number follows.
_starcoder_places() {
    _alternative \
        'files:file:_path_files -S "" -g "*(-^/)"' \
        'directories:folder:_path_files -/'
}

@FUNCTIONS@

if [[ $funcstack[1] == _starcoder ]]; then
    _starcoder "$@"
else
    compdef _starcoder starcoder
fi
"""

LEAF = r"""@FUNCTION@() {
    _arguments -s -S : \
@SPECIFICATIONS@
}"""

GROUP = r"""@FUNCTION@() {
    local curcontext=$curcontext state line ret=1
    local -A opt_args
    _arguments -C -s -S : \
@SPECIFICATIONS@ \
        '1:command:->command' \
        '*::argument:->argument' && ret=0
    case $state in
        command)
            local -a commands=(
@COMMANDS@
            )
            _describe -t commands command commands && ret=0
            ;;
        argument)
            case $words[1] in
@BRANCHES@
            esac
            ;;
    esac
    return ret
}"""

ACTIONS: Mapping[Kind, str] = {
    "text": " ",
    "file": "_files",
    "folder": "_path_files -/",
    "place": "_starcoder_places",
    "language": "_starcoder_languages",
    "model": "_starcoder_models",
    "installed": "_starcoder_installed",
    "project": "_starcoder_projects_and_files",
}


# Behind these nothing else counts.
LAST_WORDS = {"--help", "--version"}


def script(program: Program) -> str:
    """The whole script."""
    return filled(
        SCRIPT,
        {
            "HEADER": HEADER,
            "LANGUAGES": " ".join(program.languages),
            "MODELS": block(8, (pair(name, summary) for name, summary in program.models)),
            "FUNCTIONS": "\n\n".join(function(command) for command in program.root.every()),
        },
    )


def function(command: Command) -> str:
    """The function that completes what is behind a command."""
    below = command.commands
    return filled(
        GROUP if below else LEAF,
        {
            "FUNCTION": function_name(command),
            "SPECIFICATIONS": block(8, specifications(command), " \\"),
            "COMMANDS": block(16, (pair(each.name, each.help) for each in below)),
            "BRANCHES": block(
                16, (f"{each.name}) {function_name(each)} && ret=0 ;;" for each in below)
            ),
        },
    )


def function_name(command: Command) -> str:
    """`_starcoder-models-rm`."""
    return "_" + "-".join(command.path)


def specifications(command: Command) -> Iterator[str]:
    """What `_arguments` is told about each option and argument."""
    for option in command.options:
        yield specification(option)
    for position, argument in enumerate(command.arguments, 1):
        place = "*" if argument.many else str(position)
        yield f"'{place}:{plain(argument.names[0])}:{action(argument)}'"


def specification(option: Parameter) -> str:
    """An option in the form `'(-m --model)'{-m+,--model=}'[help]:model:action'`."""
    names = option.names
    if LAST_WORDS & set(names):
        before = "(- *)"
    elif option.many:
        before = "*"
    else:
        before = f"({' '.join(names)})"
    after = f"[{plain(option.help)}]"
    if option.kind != "flag":
        names = tuple(f"{name}=" if name.startswith("--") else f"{name}+" for name in names)
        after += f":{plain(option.names[0].lstrip('-'))}:{action(option)}"
    if len(names) == 1:
        return f"'{before}{names[0]}{after}'"
    return f"'{before}'{{{','.join(names)}}}'{after}'"


def action(parameter: Parameter) -> str:
    """What completes a value."""
    return f"({' '.join(parameter.choices)})" if parameter.choices else ACTIONS[parameter.kind]


def pair(name: str, help: str) -> str:
    """A word and its description, for `_describe`."""
    return f"'{plain(name)}:{plain(help)}'"


def plain(text: str) -> str:
    """A text inside single quotes in which no character has a meaning."""
    return re.sub(r"[][:\\]", r"\\\g<0>", text).replace("'", r"'\''")
