"""Names and texts that are taken for secrets, and ordinary code that is not.

The keys here are made up; they are put together so that no scanner takes them for real ones.
"""

import pytest

from growth import HOSTILE_UNITS, grows_linearly
from starcoder_cli.files.secrets import (
    contains_secret,
    has_secret_name,
    is_secret_variable,
    replace_secrets,
)


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        "deploy/production.env",
        "server.pem",
        "tls/Server.KEY",
        "id_rsa",
        "id_ed25519.pub",
        ".npmrc",
        ".netrc",
        ".pypirc",
        ".git-credentials",
        "credentials",
        "aws/credentials.json",
        "credentials_test.py",
        "config/secrets.yml",
        "terraform.tfstate.backup",
        "keys.kdbx",
        "blog/wp-config.php",
        ".docker/config.json",
        "auth.json",
        ".my.cnf",
        "gcp-key.json",
        "prod.tfvars.json",
    ],
)
def test_names_of_files_with_secrets(name: str) -> None:
    assert has_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "environment.py",
        "key.py",
        "docker/config.json",
        "monkey.json",
        "secrets.py",
        "tokens.py",
        "src/keyboard.c",
        "id.go",
        "pem.rs",
    ],
)
def test_names_of_ordinary_files(name: str) -> None:
    assert not has_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " + "PRIVATE KEY-----",
        "-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3Bl",
        "aws = '" + "AKIA" + "ABCDEFGHIJKLMNOP'",
        "AIza" + "a1B2" * 9,
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 20,
        "glpat-" + "a1B2" * 5,
        "hf_" + "aB" * 17,
        "npm_" + "a1B2" * 9,
        "sk-" + "a1B2" * 12,
        "sk_live_" + "a1B2" * 6,
        "xoxb-" + "1234567890-abc",
        "https://hooks.slack.com/" + "services/T0AB12CD3/B0AB12CD3/aB3dE5fG7hJ9kL1mN3pQ",
        "https://discord.com/api/" + "webhooks/123456789012345678/aB3dE5fG7hJ9kL1mN3pQ",
        "AccountName=shop;" + "AccountKey=" + "aB3d" * 20 + "==;EndpointSuffix=core.windows.net",
        "https://shop.blob.core.windows.net/a?sv=2024" + "&sig=" + "aB3%2F" * 8,
        'headers = {"Authorization": "Bearer ' + "0123456789abcdef" * 2 + '"}',
        "curl -H 'Authorization: Basic " + "dXNlcjpodW50ZXIyMg=='",
        '{"X-Api-Key": "' + "0123456789abcdef" * 2 + '"}',
        'get(url, auth=("admin", "' + "hunter22" + '"))',
        "eyJ" + "hbGciOiJIUzI1.eyJ" + "zdWIiOiIxMjM0.sig",
        "DATABASE = 'postgres://shop:" + "hunter22hunter22@db/shop'",
        "password = 'aB3dE5fG7hJ9kL1m'",
        'PASSWORD="aB3dE5fG7hJ9kL1m"',
        'api_key: "aB3dE5fG7hJ9kL1m"',
        '{"client_secret": "aB3dE5fG7hJ9kL1m"}',
        "API_TOKEN=aB3dE5fG7hJ9kL1mN3pQ",
        'secret := `x`\nAccessKey := "aB3dE5fG7hJ9kL1m"',
        "token = '" + "0123456789abcdef" * 2 + "'",
        "SECRET_KEY = 'django-insecure-" + "3x@q7!w0p%t^_k&z5m$n1r2(b8c-v4h+e6y9u'",
        "SECRET_KEY = '" + "3x@q7!w0p%t^_k&z5m$n1r2(b8c-v4h+e6y9u=dj#lfgsoia_i'",
        "'PASSWORD': '" + "Tr0ub4dor&3x',",
        'password: "' + "hunter2!A" + '"',
        "SG." + "aB3dE5fG7hJ9kL1m" + "." + "aB3dE5fG7hJ9kL1mN3pQ",
        "AC" + "0123456789abcdef" * 2,
        "dop_v1_" + "0123456789abcdef" * 4,
        "shpat_" + "0123456789abcdef" * 2,
        "dapi" + "0123456789abcdef" * 2,
        "hvs." + "aB3dE5fG7hJ9kL1mN3pQ",
        "dckr_pat_" + "aB3dE5fG7hJ9kL1mN3pQ",
        "glsa_" + "aB3dE5fG7hJ9kL1mN3pQ",
        "GOCSPX-" + "aB3dE5fG7hJ9kL1mN3pQ",
        "ya29." + "aB3dE5fG7hJ9kL1mN3pQ",
        "sk_test_" + "aB3dE5fG7hJ9kL1mN3pQ",
        "whsec_" + "aB3dE5fG7hJ9kL1mN3pQ",
        "123456789:AA" + "aB3dE5fG7hJ" * 3,
        "AGE-SECRET-KEY-1" + "A1B2C3D4E5" * 3,
        "PuTTY-User-Key-File-3: ssh-ed25519",
        "APP_KEY=base64:" + "aB3dE5fG7hJ9kL1mN3pQ" * 2,
        'api_key="' + "j0jblq7x2m9k4w1z8c5v3n6b0h2g5f8d1s4a7q0w" + '"',
        'api_token="' + "7c9e6679-7425-40de-944b-e07fc1f90ae7" + '"',
        "define('DB_PASSWORD', '" + "Tr0ub4dor&3xyz!9');",
        "define( 'DB_PASSWORD', '" + "Tr0ub4dor&3' );",
        "define('AUTH_KEY', '" + "3x@q7!w0p%t^_k&z5m$n1r2(b8c-v4h+e6y9u');",
        "spring.datasource.password=" + "Tr0ub4dor&3xyz",
        "redis://:" + "hunter22hunter22@cache:6379/0",
        "Server=db;User Id=sa;" + "Password=" + "hunter22!A;",
        'p.setProperty("password", "' + "Tr0ub4dor&3" + '");',
    ],
)
def test_texts_with_a_secret(text: str) -> None:
    assert contains_secret(text)
    assert contains_secret(f"# some code\nx = 1\n{text}\ny = 2\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "password = getpass()",
        "password = 'correct horse'",
        "token = tokenizer.token_for_something_2(x)",
        "secret_name = os.environ['THE_NAME_OF_A_SECRET_2']",
        "token_count = number_of_tokens_in_the_prompt",
        'raise UsageError("the password is wrong")',
        "url = 'https://example.org/a:b@c'",
        "AKIA = 1",
        'headers = {"Authorization": f"Bearer {token}"}',
        "Authorization: Bearer YOUR-TOKEN-GOES-HERE",
        "auth=(user, password)",
        'auth=("user", "{password}")',
        "ssh = '-----BEGIN " + "PUBLIC KEY-----'",
        "digest = '" + "0123456789abcdef" * 4 + "'",
        "password = 'password1'",
        "PASSWORD: '${DB_PASSWORD_2}'",
        "password_field = 'UserPassword1'",
        "secret_path = '/run/secrets/db_password_1'",
        "token_url = 'https://example.org/oauth2/token'",
        "PASSWORD = '<your-password-1>'",
    ],
)
def test_texts_without_a_secret(text: str) -> None:
    assert not contains_secret(text)


def test_a_long_text_of_one_kind_is_looked_through_quickly() -> None:
    """Every part of the patterns is bounded: none of them goes back over the whole text."""
    for piece in ("a", "token", "a://", "eyJ", "= ", "token = '", "\n"):
        assert not contains_secret(piece * (200_000 // len(piece)))


HEADS = ("", "password = '", "secret", "-----BEGIN ", "eyJ", "sk-", "http://", "postgres://a:")


@pytest.mark.parametrize("head", HEADS)
def test_a_long_line_takes_time_in_proportion(head: str) -> None:
    """A text is looked through whatever it is."""
    units = (*HOSTILE_UNITS, "secret", "token ", "http://", "-----BEGIN ", "a+")
    assert [unit for unit in units if not grows_linearly(contains_secret, head, unit)] == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "DOCKER_AUTH_CONFIG",
            "AZURE_STORAGE_CONNECTION_STRING",
            "SLACK_WEBHOOK_URL",
            "STRIPE_SK",
        ),
        *("HF_TOKEN", "npm_config__authToken", "AWS_WEB_IDENTITY_TOKEN_FILE", "GH_TOKEN_2"),
        *(
            "OPENAI_API_KEY",
            "API_KEY_1",
            "AZURE_STORAGE_KEY",
            "SIGNING_KEY_BASE64",
            "GCP_SA_KEY_JSON",
        ),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SHARED_CREDENTIALS_FILE"),
        *("DB_PASSWORD_TEST", "MYSQL_PWD", "PGPASSFILE", "GPG_PASSPHRASE", "ADMIN_PASSCODE"),
        *("SENTRY_DSN", "SQL_CONN_STR", "AZURE_SAS_URL", "STORAGE_SAS", "NETRC", "KRB5CCNAME"),
        *(
            "DB_PW",
            "LDAP_BIND_PW",
            "GOOGLE_CREDS",
            "GH_PAT",
            "SSH_AUTH_SOCK",
            "SESSION_COOKIE",
            "WALLET_MNEMONIC",
        ),
    ],
)
def test_names_of_variables_with_secrets(name: str) -> None:
    assert is_secret_variable(name, "x")
    assert is_secret_variable(name.lower(), "x")


@pytest.mark.parametrize(
    "value",
    [
        "postgres://me:secret@127.0.0.1/db",
        "https://secret@example.org/x",
        "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abcd==",
        "Server=db;User Id=me;Password=hunter2",
        "Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey=abcd=",
        '{"auths":{"r":{"auth":"c2VjcmV0"}}}',
        '{"type": "service_account", "private_key": "x"}',
        "machine example.org login me password hunter2",
        "sk_" + "live_x",
        "xoxb-" + "1234567890-abc",
        "ghp_" + "a1B2" * 9,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "-----BEGIN " + "RSA PRIVATE KEY-----",
    ],
)
def test_values_of_variables_with_secrets(value: str) -> None:
    assert is_secret_variable("VALUE", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/home/me/.local/bin:/usr/bin"),
        ("PWD", "/home/me/token/secret"),
        ("HOME", "/home/me"),
        ("LANG", "C.UTF-8"),
        ("VIRTUAL_ENV", "/home/me/.venv"),
        ("JAVA_HOME", "/usr/lib/jvm/java-21"),
        ("JAVA_OPTS", "-Xmx2g -Djavax.net.ssl.trustStorePassword=changeit"),
        ("CFLAGS", "-O2 -DKEY=1 -I/usr/include"),
        ("PKG_CONFIG_PATH", "/usr/lib/pkgconfig"),
        ("SSL_CERT_FILE", "/etc/ssl/cert.pem"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("DATABASE_URL", "postgres://me@127.0.0.1:80/db"),
        ("HTTPS_PROXY", "http://proxy.example.org:3128"),
        ("XDG_SESSION_ID", "c1"),
        ("KUBECONFIG", "/home/me/.kube/config"),
        ("AWS_PROFILE", "test"),
        ("LS_COLORS", "di=01;34:ln=01;36:*.tar=01;31"),
    ],
)
def test_variables_that_builds_need(name: str, value: str) -> None:
    assert not is_secret_variable(name, value)


TOKEN = "gh" + "p_" + "a1B2c3D4e5" * 4


@pytest.mark.parametrize(
    ("text", "replaced", "count"),
    [
        ("a = 1", "a = 1", 0),
        (f"a = '{TOKEN}' + '{TOKEN}'", "a = '<KEY>' + '<KEY>'", 2),
        ("password = 'aB3$xYz9Qw7!kL2m'\nb", "password = '<KEY>'\nb", 1),
        ("password = 'please'", "password = 'please'", 0),
        ("-----BEGIN " + "PRIVATE KEY-----\nMII\nno end", "<KEY>", 1),
        ("-----BEGIN " + "EC PRIVATE KEY-----\nM\n-----END EC PRIVATE KEY-----\nb", "<KEY>\nb", 1),
    ],
)
def test_secrets_are_replaced_and_counted(text: str, replaced: str, count: int) -> None:
    assert replace_secrets(text) == (replaced, count)
    assert not contains_secret(replaced)
