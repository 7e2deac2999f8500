"""A membership service on 127.0.0.1, which knows some texts, with the faults of real ones."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sites import Asked, Fault, Handler, Quiet, Site

RUN = 50


@dataclass
class Service(Site):
    """What it knows."""

    texts: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)

    @property
    def documents(self) -> list[str]:
        """What it was asked about."""
        return [asked.body["document"] for asked in self.asked]

    def spans(self, document: str) -> list[list[int]]:
        """Each run of a document that is in a text, one for each of its places."""
        runs = {text[at : at + RUN] for text in self.texts for at in range(len(text) - RUN + 1)}
        places = range(len(document) - RUN + 1)
        return [[at, at + RUN] for at in places if document[at : at + RUN] in runs]


class ServiceHandler(Handler):
    """Answers as the service does, or with its next fault."""

    def answer(self) -> None:
        service = self.site
        assert isinstance(service, Service)
        parsed = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service.asked.append(Asked(self.path, dict(self.headers), parsed))
        if service.faults:
            service.faults.pop(0)(self)
        elif (self.command, self.path) != ("POST", "/overlap"):
            self.send(404, {"detail": "Not Found"})
        else:
            self.send(200, {"spans": service.spans(parsed["document"])})


def endless(handler: Handler) -> None:
    """An answer without an end."""
    handler.head(200, "application/json")
    try:
        while True:
            handler.piece(b" " * 65536)
    except OSError:
        handler.site.left.set()


def slow(handler: Handler) -> None:
    """An answer of which a little comes now and then."""
    handler.head(200, "application/json")
    try:
        while True:
            handler.piece(b" ")
            time.sleep(0.05)
    except OSError:
        handler.site.left.set()


def hang_up(handler: Handler) -> None:
    """No answer."""
    handler.close_connection = True
    handler.connection.shutdown(2)


@contextmanager
def knowing(*texts: str, faults: tuple[Fault, ...] = ()) -> Iterator[Service]:
    """A service that knows some texts, on a port of its own while the context is open."""
    service = Service(texts=texts, faults=list(faults))
    handler = type("KnowingHandler", (ServiceHandler,), {"site": service})
    server = Quiet(("127.0.0.1", 0), handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
