"""Detect likely secrets: names of files and variables, and keys in their text.

It errs on the side of caution. A file taken for a secret is only left out of the files that are
included automatically, and a variable is only hidden from other programs.
"""

import re
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import PurePosixPath

SECRET_FILE_PATTERNS = (
    *(".env*", "*.env", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd"),
    *(".git-credentials", ".dockercfg", "credentials", "credentials.*", "credentials_*"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "*.jks", "*.keystore", "*.ppk", "*.ovpn"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.tfvars", "*.tfstate*"),
    *("wp-config.php", "auth.json", ".my.cnf", "*-key.json", "*.tfvars.json"),
    *("secret.*", "secrets.json", "secrets.toml", "secrets.y*ml", "secrets.ini", "secrets.rb"),
)

KEY_PATTERN = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",  # Amazon
            r"\bAIza[0-9A-Za-z_-]{35}",  # Google
            r"\bgh[pousr]_[0-9A-Za-z]{30,}",  # GitHub
            r"\bgithub_pat_[0-9A-Za-z_]{40,}",
            r"\bglpat-[0-9A-Za-z_-]{20,}",  # GitLab
            r"\bhf_[0-9A-Za-z]{30,}",  # Hugging Face
            r"\bnpm_[0-9A-Za-z]{36}\b",
            r"\bpypi-[0-9A-Za-z_-]{50,}",
            r"\bsk-[0-9A-Za-z_-]{32,}",  # OpenAI and others
            r"\b(?:[rs]k_(?:live|test)|whsec)_[0-9A-Za-z]{20,}",  # Stripe
            r"\bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}",  # SendGrid
            r"\bAC[0-9a-f]{32}\b",  # Twilio
            r"\bdo[opr]_v1_[0-9a-f]{40,}",  # DigitalOcean
            r"\bshp(?:at|ca|pa|ss)_[0-9A-Fa-f]{24,}",  # Shopify
            r"\bdapi[0-9a-f]{32}",  # Databricks
            r"\bhv[sbr]\.[0-9A-Za-z_-]{20,}",  # Vault
            r"\bdckr_(?:pat|oat)_[0-9A-Za-z_-]{20,}",  # Docker
            r"\bgl(?:sa|c)_[0-9A-Za-z_-]{20,}",  # Grafana
            r"\bGOCSPX-[0-9A-Za-z_-]{20,}|\bya29\.[0-9A-Za-z_-]{20,}",  # Google
            r"\b[0-9]{8,10}:AA[0-9A-Za-z_-]{33}\b",  # Telegram
            r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}|\bPuTTY-User-Key-File-",
            r"\bAPP_KEY=base64:[0-9A-Za-z+/]{20,}",  # Laravel
            r"\bxox[abeprs]-[0-9A-Za-z-]{10,}",  # Slack
            r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Za-z/]{8,}",
            r"\bdiscord(?:app)?\.com/api/webhooks/[0-9]+/[0-9A-Za-z_-]{20,}",
            r"\b(?:Account|SharedAccess)Key=[0-9A-Za-z+/]{20,}",  # Azure
            r"[?&;]sig=[0-9A-Za-z%+/]{30,}",
            r"(?<![\w-])eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10}",  # JSON Web Token
            r"(?i:authorization)['\"]?\s{0,8}[:=,]\s{0,8}['\"]?(?i:bearer|basic|token)\s"
            r"(?=[\w.+/=-]*[0-9])[\w.+/=-]{16,200}(?=['\"\s]|$)",
            r"\bauth\s{0,4}=\s{0,4}\(\s{0,4}['\"][^'\"\s]{1,80}['\"]\s{0,4},\s{0,4}['\"][^'\"\s{}]{6,80}['\"]",
            r"\b[a-z][a-z0-9+]{1,20}://[^\s:/@'\"]{0,80}:[^\s:/@'\"{}$<>]{8,80}@",
            r"(?i:;\s{0,4}(?:password|pwd)=)[^;\s'\"{}$<>]{8,80};",  # of a connection string
        )
    )
)
SECRET_NAME = (
    r"(?i:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential"
    r"|auth_key|logged_in_key|nonce_key|_salt)"
)
GIVEN = r"['\"]?\s{0,8}(?::=|=>|[:=])\s{0,8}"
ASSIGNMENT_PATTERN = re.compile(
    rf"{SECRET_NAME}\w{{0,30}}{GIVEN}"
    r"(?:'([^'\s]{16,200})'|\"([^\"\s]{16,200})\"|([0-9A-Za-z+/_-]{20,200}={0,2})(?=[\s,;]|$))"
)
CALL_PATTERN = re.compile(
    rf"\(\s{{0,4}}['\"]\w{{0,30}}{SECRET_NAME}\w{{0,30}}['\"]\s{{0,4}},\s{{0,4}}"
    r"(?:'([^'\s]{8,200})'|\"([^\"\s]{8,200})\")\s{0,4}\)"
)
PASSWORD_PATTERN = re.compile(
    rf"(?i:passw(?:or)?d|passphrase){GIVEN}"
    r"(?:'([^'\s]{8,15})'|\"([^\"\s]{8,15})\"|([^\s'\",;()]{8,15})$)",
    re.MULTILINE,
)
PATTERNS = (ASSIGNMENT_PATTERN, CALL_PATTERN, PASSWORD_PATTERN)
SIGN = re.compile(r"[^\w\s./:$%{}<>()\[\]-]")
"""A character that does not occur in names, paths or placeholders."""

ESCAPED_QUOTE = re.compile(r"\\(['\"])")

SECRET_VARIABLE = re.compile(
    r"SECRET|CREDENTIAL|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|COOKIE|JWT|AUTHORIZATION|DSN|WEBHOOK"
    r"|AUTH_?CONFIG|AUTH_?TOKEN|CONN(?:ECTION)?_?STR(?:ING)?|NETRC|MNEMONIC|KEYTAB|KRB5CCNAME"
    r"|(?:ACCESS|ACCOUNT|API|AUTH|ENCRYPTION|MASTER|PRIVATE|SIGNING|STORAGE)_?KEY|_SAS(?:_|$)"
    r"|(?:TOKENS?|PASS|_PWD|_PW|KEYS?|KEY_ID|_PAT|_AUTH|_CREDS?|_SK|_OTP)"
    r"(?:_?[0-9]+)?(?:_(?:BASE64|B64|FILE|JSON|PATH|PEM))?$"
    r"|PASSFILE$|AUTH_SOCK$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"://[^/\s@]*:[^/\s@]+@|https?://[^/\s@]+@"
    r"|(?:^|;)\s*(?:password|pwd|accountkey|sharedaccesskey|sharedaccesssignature)\s*=\s*[^;\s]"
    r"|\"(?:auths?|password|client_secret|private_key)\"\s*:"  # of Docker, Google and others
    r"|\bmachine\s+\S+\s+login\s|\b[rs]k_(?:live|test)_",
    re.IGNORECASE,
)


def has_secret_name(path: str) -> bool:
    """Whether a file's name suggests that it holds secrets."""
    name = PurePosixPath(path).name.lower()
    if path.endswith(".docker/config.json"):
        return True
    return any(fnmatchcase(name, pattern) for pattern in SECRET_FILE_PATTERNS)


def may_hold_secret(path: str, text: str) -> bool:
    """Whether a file's name or text suggests that it holds secrets."""
    return has_secret_name(path) or contains_secret(text)


def is_secret_variable(name: str, value: str) -> bool:
    """Whether an environment variable seems to hold a secret, or lead to one."""
    return bool(SECRET_VARIABLE.search(name) or SECRET_VALUE.search(value)) or contains_secret(
        value
    )


def contains_secret(text: str) -> bool:
    """Whether a text has a private key, a known token format, or a random-looking secret value.

    Quotes may be escaped, as those of code in a notebook or another JSON file are.
    """
    text = ESCAPED_QUOTE.sub(r"\1", text)
    if KEY_PATTERN.search(text):
        return True
    found = chain.from_iterable(pattern.finditer(text) for pattern in PATTERNS)
    return any(looks_random(next(filter(None, match.groups()))) for match in found)


KEY_PLACEHOLDER = "<KEY>"
KEY_BLOCK = re.compile(
    r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY[A-Z ]*)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)


def replace_secrets(text: str) -> tuple[str, int]:
    """Replace each secret that `contains_secret` finds, and return how many were replaced."""
    text, count = KEY_BLOCK.subn(KEY_PLACEHOLDER, text)
    text, more = KEY_PATTERN.subn(KEY_PLACEHOLDER, text)
    count += more
    for pattern in PATTERNS:
        pieces, end = list[str](), 0
        for match in pattern.finditer(text):
            group = next(number for number, value in enumerate(match.groups(), 1) if value)
            if looks_random(match[group]):
                pieces += (text[end : match.start(group)], KEY_PLACEHOLDER)
                end, count = match.end(group), count + 1
        text = "".join(pieces) + text[end:]
    return text, count


def looks_random(value: str) -> bool:
    """Whether a value looks generated: no words, and not the name of something else."""
    if re.fullmatch("[0-9a-fA-F]{32,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        return True
    if re.fullmatch("[0-9a-z]{32,}", value):  # names do not alternate between letters and digits
        return len(re.findall("[a-z][0-9]|[0-9][a-z]", value)) > len(value) // 5
    kinds = sum(bool(re.search(kind, value)) for kind in ("[0-9]", "[a-z]", "[A-Z]", SIGN))
    return kinds >= 3 and len(set(value)) >= min(10, len(value) - 2)
