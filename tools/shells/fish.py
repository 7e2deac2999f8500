"""The completion script for fish: one line an option, with a condition that names its command."""

from collections.abc import Iterator, Mapping

from shells.description import HEADER, Command, Kind, Parameter, Program
from shells.template import block, filled

SCRIPT = r"""# fish completion for @HEADER@
# Put this file into ~/.config/fish/completions. It starts no program.

# Whether the words before the cursor lead to this command.
function __starcoder_at
    set -l command starcoder
    set -l words (commandline -opc)
    for word in $words[2..]
        contains -- "$command" @GROUPS@; or break
        string match -q -- '-*' $word; or set command "$command $word"
    end
    test "$command" = "$argv"
end

# The models in the folder of models: `--` in a folder's name stands for `/`.
function __starcoder_installed
    set -l folder $STARCODER_MODELS_DIR
    if test -z "$folder"
        set -l cache $XDG_CACHE_HOME
        if test -z "$cache"
            set cache ~/.cache
            test -d ~/Library/Caches; and set cache ~/Library/Caches
        end
        set folder $cache/starcoder/models
    end
    for path in $folder/*/
        set -l name (string match -r -- '(?<=/)[A-Za-z0-9_][A-Za-z0-9._-]*(?=/$)' $path)
        or continue
        contains -- "$name" $argv; or string replace -a -- -- / $name
    end
end

# The projects in the index, as the list beside it names them.
function __starcoder_projects
    set -l index $STARCODER_INDEX
    if test -z "$index"
        set -l data $STARCODER_DATA_DIR
        if test -z "$data"
            set data $XDG_DATA_HOME
            if test -z "$data"
                set data ~/.local/share
                test -d ~/Library/Caches; and set data ~/Library/Application\ Support
            end
            set data $data/starcoder
        end
        set index $data/index.sqlite
    end
    test -r $index.starcoder; and string match -r '^[A-Za-z0-9._@/+-]+$' <$index.starcoder
end

function __starcoder_models
    set -l models \
@MODELS@
    printf '%s\t%s\n' $models
    __starcoder_installed $models
    __fish_complete_suffix .gguf | string match -r '^[^\t]*(?:\.gguf|/)(?:\t.*)?$'
end

set -l languages @LANGUAGES@

complete -c starcoder -f
@COMPLETIONS@
"""

VALUES: Mapping[Kind, str] = {
    "flag": "",
    "text": "-x",
    "file": "-r -F",
    "folder": "-x -a '(__fish_complete_directories)'",
    "place": "-r -F",
    "language": '-x -a "$languages"',
    "model": "-x -a '(__starcoder_models)'",
    "installed": "-x -a '(__starcoder_installed)'",
    "project": "-r -F -a '(__starcoder_projects)'",
}


def script(program: Program) -> str:
    """The whole script."""
    every = list(program.root.every())
    models = (f"{quoted(name)} {quoted(summary)}" for name, summary in program.models)
    return filled(
        SCRIPT,
        {
            "HEADER": HEADER,
            "GROUPS": " ".join(quoted(" ".join(each.path)) for each in every if each.commands),
            "MODELS": block(8, models, " \\"),
            "LANGUAGES": " ".join(program.languages),
            "COMPLETIONS": block(0, (line for command in every for line in lines(command))),
        },
    )


def lines(command: Command) -> Iterator[str]:
    """What belongs behind a command."""
    start = f"complete -c starcoder -n {quoted('__starcoder_at ' + ' '.join(command.path))}"
    for below in command.commands:
        yield f"{start} -a {below.name} -d {quoted(below.help)}"
    for argument in command.arguments:
        if argument.kind != "text":
            yield f"{start} {values(argument)}".replace(" -r ", " ")
    for option in command.options:
        parts = (start, *map(spelling, option.names), values(option), f"-d {quoted(option.help)}")
        yield " ".join(part for part in parts if part)


def spelling(name: str) -> str:
    """One name of an option: `-l model`, `-s m`."""
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def values(parameter: Parameter) -> str:
    """What may be written behind an option."""
    if parameter.choices:
        return f"-x -a {quoted(' '.join(parameter.choices))}"
    return VALUES[parameter.kind]


def quoted(text: str) -> str:
    """A text inside single quotes, where only they and the backslash have a meaning."""
    escaped = text.replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"
