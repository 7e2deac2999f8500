"""Questions to the Hugging Face hub that it answers in JSON: https://huggingface.co/docs/hub/api.

The library's own calls read an answer of any size, however much a small one unpacks to.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.errors import UnavailableError
from starcoder_cli.models.hub import hub_url
from starcoder_cli.models.transfer import RESPONSE_TIMEOUT_SECONDS
from starcoder_cli.net.clients import read_body

if TYPE_CHECKING:
    from httpx2 import Response

Query: TypeAlias = Mapping[str, str | int | Sequence[str]]

MAX_HUB_ANSWER_BYTES = 1 << 24


def ask_hub(path: str, query: Query | None = None) -> object:
    """The hub's answer to GET `path`, parsed.

    Raises HfHubHTTPError for a status from 400 on, the errors of httpx2 if the hub cannot be
    reached, and UnavailableError if what it sends is not JSON.
    """
    from huggingface_hub import get_session
    from huggingface_hub.utils import (  # type: ignore[attr-defined] # documented, not listed
        build_hf_headers,
    )

    with get_session().stream(
        "GET",
        hub_url() + path,
        params=query,
        headers=build_hf_headers(),
        timeout=RESPONSE_TIMEOUT_SECONDS,
        follow_redirects=True,
    ) as response:
        content = read_body(response.iter_bytes(), MAX_HUB_ANSWER_BYTES)
    _raise_for_status(response, content)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise UnavailableError("what answers there is not a hub") from None


def _raise_for_status(response: "Response", content: bytes) -> None:
    """Raise the library's error for a status; of an open response it would read the whole body."""
    from httpx2 import Response
    from huggingface_hub.utils import (  # type: ignore[attr-defined] # documented, not listed
        hf_raise_for_status,
    )

    headers = [pair for pair in response.headers.multi_items() if pair[0] != "content-encoding"]
    hf_raise_for_status(
        Response(response.status_code, headers=headers, content=content, request=response.request)
    )
