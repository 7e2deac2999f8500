"""Which tests CI may skip: those that need what `.ci/run` cannot install, and no others."""

import re
import subprocess

from starcoder_cli.catalog import SMALL_MODEL
from starcoder_cli.sandbox.detect import unavailable_reason
from starcoder_cli.sandbox.inside.landlock import landlock_version
from starcoder_cli.sandbox.isolation import SandboxKind

ALLOWED_REASONS = (
    "needs a CUDA device",
    "needs .*, which is beside the checkout only",
    f"(?!{re.escape(SMALL_MODEL)} ).* is not here, and tests do not use the network",
    "(pwsh|nvim) is not installed",
    "(go|node|rustc|cc) does not work here",
    "(?!bash |lua |luaunit ).* not found; Debian has it in the package .*",
    "root reads everything",
    "only root can .*",
    "mounting is not allowed here",
    "this file system has no extended attributes",
    "on this processor a step of several rows gives other numbers",
    "the kernel has no (bubblewrap|landlock) .*; (bubblewrap|landlock) is tested",
)
BARE_BUBBLEWRAP = "bwrap --unshare-ipc --unshare-pid --unshare-net --ro-bind / / --proc /proc true"


def is_allowed(reason: str) -> bool:
    """Whether CI may skip a test for a reason."""
    return any(re.fullmatch(pattern, reason, re.DOTALL) for pattern in ALLOWED_REASONS)


def complaint(test: str, reason: str) -> str:
    """What is wrong where CI skips a test for any other reason."""
    return f"{test} is skipped in CI, which has to have what it needs: {reason}"


def sandbox_report() -> str:
    """What the detection of sandboxes says about each kind."""
    kinds = [f"{kind} ({unavailable_reason(kind) or 'works'})" for kind in SandboxKind]
    return f"sandboxes: {', '.join(kinds)}"


def missing_sandbox(kind: SandboxKind, reason: str) -> str:
    """Why tests of a kind are skipped: the kernel's fault where nothing of ours could use it.

    That excuses a kind only where another one works.
    """
    others = [other for other in SandboxKind if other != kind and not unavailable_reason(other)]
    refused = kernel_refusal(kind)
    if refused and others:
        return f"the kernel has no {kind} ({refused}); {others[0]} is tested"
    return f"{kind}: {reason}"


def kernel_refusal(kind: SandboxKind) -> str:
    """What the kernel refuses that a kind of sandbox is made of; nothing where it has all of it."""
    if kind is SandboxKind.LANDLOCK:
        return "" if landlock_version() else "Landlock is off"
    try:
        done = subprocess.run(BARE_BUBBLEWRAP.split(), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stderr.strip() if done.returncode else ""
