"""Show in the client that a model is working, if the client supports it and it takes long."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lsprotocol import types

from starcoder_cli.lsp.session import EditorSession

QUIET_SECONDS = 1.0
"""Nothing is shown for work that takes no longer than this."""


@asynccontextmanager
async def show_progress(session: EditorSession, activity: str) -> AsyncIterator[None]:
    """Show that the body is running, from a second after its start to its end."""
    window = session.client_capabilities.window
    if not (window and window.work_done_progress):
        yield
        return
    token = str(uuid.uuid4())
    beginning = asyncio.create_task(begin(session, token, activity))
    try:
        yield
    finally:
        if beginning.done():
            session.progress(types.ProgressParams(token, types.WorkDoneProgressEnd()))
        beginning.cancel()


async def begin(session: EditorSession, token: str, activity: str) -> None:
    """Start showing progress after a while."""
    await asyncio.sleep(QUIET_SECONDS)
    await session.window_work_done_progress_create_async(types.WorkDoneProgressCreateParams(token))
    begun = types.WorkDoneProgressBegin(f"starcoder is {activity}")
    session.progress(types.ProgressParams(token, begun))
