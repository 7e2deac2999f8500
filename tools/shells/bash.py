"""The completion script for bash, 3.2 and later, which needs no bash-completion package.

Version 3.2 is that of macOS. There are no associative arrays, no `mapfile` and no `compopt` in it:
tables are `case` statements, and where `compopt` is missing readline offers files wherever we offer
nothing.
"""

from collections.abc import Iterator
from itertools import groupby

from shells.description import HEADER, Command, Parameter, Program
from shells.template import block, filled

SCRIPT = r"""# bash completion for @HEADER@
# Source this file, or put it where bash-completion looks. It starts no program.

_starcoder_languages='@LANGUAGES@'
_starcoder_models='@MODELS@'

# Sets `commands` and `options` for a command.
_starcoder_words() {
    case $1 in
@WORDS@
    esac
}

# Sets `kind` (and `choices`) of what belongs behind "COMMAND OPTION" or at "COMMAND POSITION".
_starcoder_kind() {
    kind=
    case $1 in
@KINDS@
    esac
}

# Offers those of the words that begin like the current one.
_starcoder_offer() {
    local word
    for word in "$@"; do
        [[ $word == "$current"* ]] && COMPREPLY+=("$word")
    done
}

# Offers the models in the folder of models: `--` in a folder's name stands for `/`.
_starcoder_offer_installed() {
    local folder=${STARCODER_MODELS_DIR:-} path name
    if [[ -z $folder ]]; then
        if [[ -z ${XDG_CACHE_HOME:-} && ${OSTYPE:-} == darwin* ]]; then
            folder=$HOME/Library/Caches/starcoder/models
        else
            folder=${XDG_CACHE_HOME:-$HOME/.cache}/starcoder/models
        fi
    fi
    while IFS= read -r path; do
        name=${path%/} name=${name##*/}
        [[ $name == [.-]* || $name == *[!A-Za-z0-9._-]* || " ${1:-} " == *" $name "* ]] && continue
        [[ -d $path ]] && _starcoder_offer "${name//--//}"
    done < <(shopt -u failglob && printf '%s\n' "$folder"/*/)
}

# Offers the projects in the index, as the list beside it names them.
_starcoder_offer_projects() {
    local data=${STARCODER_DATA_DIR:-} name
    if [[ -z $data ]]; then
        if [[ -z ${XDG_DATA_HOME:-} && ${OSTYPE:-} == darwin* ]]; then
            data=$HOME/Library/Application\ Support/starcoder
        else
            data=${XDG_DATA_HOME:-$HOME/.local/share}/starcoder
        fi
    fi
    while IFS= read -r name; do
        [[ $name == *[!A-Za-z0-9._@/+-]* ]] || _starcoder_offer "$name"
    done < <(cat -- "${STARCODER_INDEX:-$data/index.sqlite}.starcoder" 2>/dev/null)
}

# Offers GGUF files, and folders on the way to them where no name of a model fits.
_starcoder_offer_gguf() {
    local path found=${#COMPREPLY[@]}
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(compgen -f -X '!*.gguf' -- "$current"; ((found)) || compgen -d -- "$current")
    ((${#COMPREPLY[@]} > found)) && _starcoder_compopt filenames
}

# Offers folders alone.
_starcoder_offer_folders() {
    local path
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(compgen -d -- "$current")
    _starcoder_compopt filenames
}

# Leaves files to readline, which knows about quotes and `~`. Behind the `:` is a line number.
_starcoder_leave_files() {
    [[ $current == *:* ]] || _starcoder_compopt default
}

_starcoder_compopt() {
    ! type compopt >/dev/null 2>&1 || compopt -o "$1"
}

# Sets `words` to those up to the cursor: what bash 4 cuts apart at `:` and `=` is put together.
_starcoder_split() {
    local line=${COMP_LINE:0:COMP_POINT} word i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $line == [[:blank:]]* ]]; then
            line=${line#"${line%%[![:blank:]]*}"}
            words+=('')
        fi
        ((i == COMP_CWORD)) && word=$line
        words[${#words[@]}-1]+=$word
        line=${line#"$word"}
    done
}

# Sets `command`, and `kind` for the current word, from the words before it.
_starcoder_walk() {
    local word position=0
    command=starcoder kind= only=
    for word in "${words[@]:1:${#words[@]}-2}"; do
        if [[ -n $kind ]]; then
            kind=
        elif [[ -z $only && $word == -- ]]; then
            only=1
        elif [[ -z $only && $word == -?* ]]; then
            _starcoder_kind "$command $word"
        else
            _starcoder_words "$command"
            if [[ " $commands " == *" $word "* ]]; then
                command="$command $word"
            else
                position=$((position + 1))
            fi
        fi
    done
    _starcoder_words "$command"
    if [[ -n $kind ]]; then
        only=1
    elif [[ -z $only && $current == --*=* ]]; then
        before=${current%%=*}=
        _starcoder_kind "$command ${current%%=*}"
        current=${current#*=} only=1
    else
        _starcoder_kind "$command $position"
    fi
}

# Readline replaces only what is behind the last `:` or `=`, where it counts these as word breaks.
_starcoder_trim() {
    local breaks=${COMP_WORDBREAKS//[!:=]/} whole=$before$current kept= i
    [[ -n $breaks ]] && kept=${whole%"${whole##*[$breaks]}"}
    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
        COMPREPLY[i]=$before${COMPREPLY[i]}
        COMPREPLY[i]=${COMPREPLY[i]#"$kept"}
    done
}

_starcoder() {
    local IFS=$' \t\n' words current before= command kind choices only commands options
    COMPREPLY=()
    _starcoder_split
    current=${words[${#words[@]}-1]}
    _starcoder_walk
    if [[ -z $only && $current == -* ]]; then
        _starcoder_offer $options
        return
    fi
    case $kind in
    choice) _starcoder_offer $choices ;;
    language) _starcoder_offer $_starcoder_languages ;;
    installed) _starcoder_offer_installed ;;
    project)
        _starcoder_offer_projects
        _starcoder_leave_files
        ;;
    folder) _starcoder_offer_folders ;;
    model)
        _starcoder_offer $_starcoder_models
        _starcoder_offer_installed "$_starcoder_models"
        _starcoder_offer_gguf
        ;;
    file) _starcoder_leave_files ;;
    place)
        _starcoder_leave_files
        _starcoder_compopt nospace
        ;;
    '') _starcoder_offer $commands ;;
    esac
    _starcoder_trim
}

if type compopt >/dev/null 2>&1; then
    complete -F _starcoder starcoder
else
    complete -o default -F _starcoder starcoder
fi
"""


def script(program: Program) -> str:
    """The whole script."""
    every = list(program.root.every())
    return filled(
        SCRIPT,
        {
            "HEADER": HEADER,
            "LANGUAGES": " ".join(program.languages),
            "MODELS": " ".join(name for name, _ in program.models),
            "WORDS": block(4, (line for command in every for line in words(command))),
            "KINDS": block(4, kinds(every)),
        },
    )


def words(command: Command) -> Iterator[str]:
    """The branch with a command's own commands and options."""
    commands = " ".join(each.name for each in command.commands)
    options = " ".join(name for option in command.options for name in option.names)
    yield f"'{' '.join(command.path)}')"
    yield f"    commands='{commands}'"
    yield f"    options='{options}' ;;"


def kinds(commands: list[Command]) -> Iterator[str]:
    """The branches with what may be written where, one for each kind."""
    pairs = (pair for command in commands for pair in keys(command))
    rows = sorted((setting(parameter), key) for parameter, key in pairs)
    for found, group in groupby(rows, key=lambda row: row[0]):
        yield " | ".join(key for _, key in group) + ")"
        yield f"    {found} ;;"


def keys(command: Command) -> Iterator[tuple[Parameter, str]]:
    """Each option and argument of a command that takes a value, with the pattern it is found by."""
    path = " ".join(command.path)
    for option in command.options:
        if option.kind != "flag":
            yield from ((option, f"'{path} {name}'") for name in option.names)
    for position, argument in enumerate(command.arguments):
        yield argument, f"'{path} '[0-9]" if argument.many else f"'{path} {position}'"


def setting(parameter: Parameter) -> str:
    """What the script notes about a parameter."""
    choices = f" choices='{' '.join(parameter.choices)}'" if parameter.choices else ""
    return f"kind={parameter.kind}{choices}"
