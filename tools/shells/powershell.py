"""The completion script for PowerShell, 5.1 and later: a table of commands, and a walk over it."""

from collections.abc import Iterator

from shells.description import HEADER, Command, Parameter, Program
from shells.template import block, filled

SCRIPT = r"""# PowerShell completion for @HEADER@
# Load this file in $PROFILE: . path/to/starcoder.ps1. It starts no program.

Register-ArgumentCompleter -Native -CommandName starcoder -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $languages = @(
        @LANGUAGES@
    )
    $models = @(
        @MODELS@
    )
    # Each command: the commands below it, its options and its arguments, with what they take.
    $table = @{
@TABLE@
    }

    # The models in the folder of models: `--` in a folder's name stands for `/`.
    function Get-Installed {
        $folder = $env:STARCODER_MODELS_DIR
        if (-not $folder) {
            if ($env:XDG_CACHE_HOME) { $folder = "$env:XDG_CACHE_HOME/starcoder/models" }
            elseif ($env:LOCALAPPDATA) { $folder = "$env:LOCALAPPDATA/starcoder/Cache/models" }
            elseif (Test-Path -LiteralPath "$HOME/Library/Caches") {
                $folder = "$HOME/Library/Caches/starcoder/models"
            }
            else { $folder = "$HOME/.cache/starcoder/models" }
        }
        Get-ChildItem -LiteralPath $folder -Directory -ErrorAction SilentlyContinue |
            Where-Object { $_.Name -match '^[A-Za-z0-9_][A-Za-z0-9._-]*$' } |
            ForEach-Object { $_.Name.Replace('--', '/') }
    }

    # The projects in the index, as the list beside it names them.
    function Get-Project {
        $index = $env:STARCODER_INDEX
        if (-not $index) {
            if ($env:STARCODER_DATA_DIR) { $data = $env:STARCODER_DATA_DIR }
            elseif ($env:XDG_DATA_HOME) { $data = "$env:XDG_DATA_HOME/starcoder" }
            elseif ($env:LOCALAPPDATA) { $data = "$env:LOCALAPPDATA/starcoder" }
            elseif (Test-Path -LiteralPath "$HOME/Library/Caches") {
                $data = "$HOME/Library/Application Support/starcoder"
            }
            else { $data = "$HOME/.local/share/starcoder" }
            $index = "$data/index.sqlite"
        }
        Get-Content -LiteralPath "$index.starcoder" -ErrorAction SilentlyContinue |
            Where-Object { $_ -match '^[A-Za-z0-9._@/+-]+$' }
    }

    function Get-File {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($current) |
            ForEach-Object {
                [System.Management.Automation.CompletionResult]::new(
                    "$before$($_.CompletionText)", $_.ListItemText, $_.ResultType, $_.ToolTip)
            }
    }

    function Get-Offer($words) {
        foreach ($word in $words) {
            if ($word.StartsWith($current)) {
                [System.Management.Automation.CompletionResult]::new(
                    "$before$word", $word, 'ParameterValue', $word)
            }
        }
    }

    $current = $wordToComplete
    $command = 'starcoder'
    $kind = ''
    $position = 0
    $only = $false
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $word = $element.Extent.Text
        $row = $table[$command]
        if ($kind) { $kind = '' }
        elseif ($word -ceq '--' -and -not $only) { $only = $true }
        elseif ($word -like '-?*' -and -not $only) {
            if ($row.Options.Contains($word)) { $kind = $row.Options[$word][0] }
        }
        elseif ($row.Commands.Contains($word)) { $command = "$command $word" }
        else { $position++ }
    }

    $row = $table[$command]
    $before = ''
    if (-not $kind -and -not $only -and $current -match '^(--[^=]+)=(.*)$') {
        $before = "$($Matches[1])="
        $current = $Matches[2]
        if ($row.Options.Contains($Matches[1])) { $kind = $row.Options[$Matches[1]][0] }
    }
    elseif (-not $kind -and -not $only -and $current -like '-*') {
        foreach ($name in $row.Options.Keys) {
            if ($name.StartsWith($current)) {
                [System.Management.Automation.CompletionResult]::new(
                    $name, $name, 'ParameterName', $row.Options[$name][1])
            }
        }
        return
    }
    elseif (-not $kind -and $row.Commands.Count) {
        foreach ($name in $row.Commands.Keys) {
            if ($name.StartsWith($current)) {
                [System.Management.Automation.CompletionResult]::new(
                    $name, $name, 'Command', $row.Commands[$name])
            }
        }
        return
    }
    elseif (-not $kind -and $position -lt $row.Arguments.Count) {
        $kind = $row.Arguments[$position]
    }

    switch ($kind) {
        '' { }
        'text' { }
        'file' { Get-File }
        'folder' { Get-File | Where-Object { $_.ResultType -eq 'ProviderContainer' } }
        'project' { Get-Offer @(Get-Project); Get-File }
        'place' { Get-File }
        'language' { Get-Offer $languages }
        'installed' { Get-Offer @(Get-Installed) }
        'model' {
            Get-Offer @($models + @(Get-Installed) | Select-Object -Unique)
            Get-File | Where-Object { $_.ResultType -eq 'ProviderContainer' -or
                $_.ListItemText -like '*.gguf' }
        }
        default { Get-Offer $kind.Split(' ') }
    }
}
"""


def script(program: Program) -> str:
    """The whole script."""
    rows = (line for command in program.root.every() for line in row(command))
    return filled(
        SCRIPT,
        {
            "HEADER": HEADER,
            "LANGUAGES": ", ".join(map(quoted, program.languages)),
            "MODELS": ", ".join(quoted(name) for name, _ in program.models),
            "TABLE": block(8, rows),
        },
    )


def row(command: Command) -> Iterator[str]:
    """A command's row of the table."""
    yield f"{quoted(' '.join(command.path))} = @{{"
    yield "    Commands = [ordered]@{"
    for below in command.commands:
        yield f"        {quoted(below.name)} = {quoted(below.help or below.name)}"
    yield "    }"
    yield "    Options = [ordered]@{"
    for option in command.options:
        for name in option.names:
            pair = f"{quoted(value(option))}, {quoted(option.help or name)}"
            yield f"        {quoted(name)} = @({pair})"
    yield "    }"
    yield f"    Arguments = @({', '.join(quoted(value(each)) for each in command.arguments)})"
    yield "}"


def value(parameter: Parameter) -> str:
    """What may be written behind an option: nothing, a kind, or one of some words."""
    return " ".join(parameter.choices) or parameter.kind.removesuffix("flag")


def quoted(text: str) -> str:
    """A text inside single quotes, where only they have a meaning."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
