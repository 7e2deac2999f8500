"""Runs and judges programs written by a model where they can do no harm."""

from starcoder_cli.sandbox.detect import detect_sandbox
from starcoder_cli.sandbox.isolation import SandboxKind
from starcoder_cli.sandbox.judge import JUDGED_LANGUAGES, judge, unsupported_reason, unusable_reason
from starcoder_cli.sandbox.trial import Limits, SandboxJob, Verdict

__all__ = [
    "JUDGED_LANGUAGES",
    "Limits",
    "SandboxJob",
    "SandboxKind",
    "Verdict",
    "detect_sandbox",
    "judge",
    "unsupported_reason",
    "unusable_reason",
]
