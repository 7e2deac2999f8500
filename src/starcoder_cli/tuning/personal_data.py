"""Replaces personal data and secrets in code by placeholders, as The Stack did.

StarCoder's data had e-mail addresses, keys and network addresses replaced (Li et al. 2023,
arXiv:2305.06161, section 4). Names in copyright lines stay, because their licences require it.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping

from starcoder_cli.files.secrets import KEY_PLACEHOLDER, replace_secrets

EMAIL_PLACEHOLDER, IP_PLACEHOLDER = "<EMAIL>", "<IP_ADDRESS>"
PLACEHOLDERS = (EMAIL_PLACEHOLDER, IP_PLACEHOLDER, KEY_PLACEHOLDER)

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w@-])")
EXAMPLE_EMAIL = re.compile(r"@(?:[\w-]+\.)*(?:example(?:\.\w+)?|test|invalid|localhost)$", re.I)
IP_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f:]{1,39})(?![\w.:])"
)
VERSION_BEFORE = re.compile(r"(?:version|release|ver|rev|v)\W{0,6}$", re.IGNORECASE)


def replace_personal_data(text: str) -> tuple[str, Mapping[str, int]]:
    """A text without secrets and personal data, and how many of each kind were replaced."""
    counts: Counter[str] = Counter()
    text, counts["key"] = replace_secrets(text)

    def replace_email(match: re.Match[str]) -> str:
        if EXAMPLE_EMAIL.search(match[0]):
            return match[0]
        counts["e-mail address"] += 1
        return EMAIL_PLACEHOLDER

    def replace_address(match: re.Match[str]) -> str:
        before = match.string[max(match.start() - 16, 0) : match.start()]
        if VERSION_BEFORE.search(before) or not is_public_address(match[0]):
            return match[0]
        counts["IP address"] += 1
        return IP_PLACEHOLDER

    text = IP_ADDRESS.sub(replace_address, EMAIL.sub(replace_email, text))
    return text, +counts


def is_public_address(text: str) -> bool:
    """Whether a text is a public network address, not a local or an example one."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
