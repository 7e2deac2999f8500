"""What the hub's library keeps for its user, shared with other programs: a token and a cache."""

from pathlib import Path

from starcoder_cli.errors import RefusedError, UnavailableError
from starcoder_cli.models import hub


def cache() -> Path:
    """The folder of checkpoints: HF_HUB_CACHE, else in HF_HOME, else in the user's cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def has_token() -> bool:
    """Whether there is a token: in HF_TOKEN, or from `hf auth login`."""
    from huggingface_hub import get_token

    return get_token() is not None


def user() -> str:
    """The name of the account that the token belongs to.

    Raises RefusedError where the hub does not take the token, UnavailableError where it does not
    answer as a hub.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        account = HfApi(endpoint=hub.endpoint()).whoami()
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise RefusedError(
                "the hub does not take the token",
                "log in again with `hf auth login`, or unset HF_TOKEN",
            ) from None  # the library's error may hold what was sent
        raise UnavailableError(f"it answered with status {status}") from error
    except (HTTPError, ValueError) as error:
        raise UnavailableError(f"it did not say ({type(error).__name__})") from error
    return str(account.get("name", "?"))
