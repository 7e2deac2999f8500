"""Programs that a model wrote are run and judged here, where they can do no harm."""

from starcoder_cli.sandbox.detect import rung
from starcoder_cli.sandbox.isolation import Rung
from starcoder_cli.sandbox.judge import LANGUAGES, judge, missing
from starcoder_cli.sandbox.trial import Limits, Trial, Verdict

__all__ = ["LANGUAGES", "Limits", "Rung", "Trial", "Verdict", "judge", "missing", "rung"]
