"""A web server for one person on this machine: loopback only, and nobody without its token."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import secrets
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.text import one_line
from jaxgan.serve.pictures import Draw, to_png

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_BODY_BYTES = 2**16
IDLE_SECONDS = 60
"""After which a connection that says nothing is closed."""


class Site(NamedTuple):
    """What a server answers with.

    Attributes:
      page: HTML.
      policy: its Content-Security-Policy.
      draw: see `make_draw`; called for one picture at a time, as is `save`.
      save: see `make_save`.
    """

    page: str
    policy: str
    draw: Draw
    save: Callable[[bytes], str]


class Server(ThreadingHTTPServer):
    """A server that holds its port from the start, and answers once it has a site.

    Args:
      port: of the loopback interface; 0 for a free one.

    Raises:
      InputError: if the port is none, or cannot be had.

    Example:
      >>> with Server(0) as server:
      ...     server.address.partition("?")[0] == f"http://127.0.0.1:{server.port}/"
      True
    """

    daemon_threads = False  # one that JAX computes in must not be cut off at exit

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(24)
        self.site: Site | None = None
        self.device = threading.Lock()
        self._connections: set[Any] = set()
        if not 0 <= port <= 65535:
            raise InputError(bad_value("port", port, "from 0 to 65535"))
        super().__init__((HOST, port), _Handler, bind_and_activate=False)
        try:
            self.server_bind()
        except OSError as error:
            self.server_close()
            in_use = error.errno == errno.EADDRINUSE
            why = "in use" if in_use else one_line(error.strerror)
            raise InputError(f"port is {port}, which is {why}; 0 takes a free one") from error
        self.port: int = self.socket.getsockname()[1]

    def server_bind(self) -> None:
        """Takes the port; nothing is asked of a name server, as its base class would."""
        socketserver.TCPServer.server_bind(self)

    @property
    def address(self) -> str:
        """Where its page is."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def offer(self, site: Site) -> None:
        """Listens; `serve_forever` answers, until `shutdown` or an exception, as of Ctrl-C.

        Args:
          site: what to answer with.
        """
        self.site = site
        self.server_activate()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread of its own.

        Args:
          request: of the connection.
          client_address: likewise.
        """
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection.

        Args:
          request: of it.
        """
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Answers what was asked already, and closes."""
        for request in list(self._connections):
            with contextlib.suppress(OSError):  # it has ended
                request.shutdown(socket.SHUT_RD)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks off is no news; what is wrong in ours is logged elsewhere.

        Args:
          request: of the connection.
          client_address: likewise.
        """
        logger.debug("a connection ended early", exc_info=True)


class _RefusalError(Exception):
    """A request that is not answered."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"  # one connection for many pictures
    disable_nagle_algorithm = True  # or an answer waits 40 ms for its end
    wbufsize = -1
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._respond({"/": self._page})

    def do_POST(self) -> None:
        self._respond({"/picture": self._picture, "/save": self._save})

    def _respond(self, known: dict[str, Callable[[], None]]) -> None:
        try:
            self._check()
            if (path := self.path.partition("?")[0]) not in known:
                raise _RefusalError(HTTPStatus.NOT_FOUND, "there is no such page")
            known[path]()
        except _RefusalError as error:
            self.close_connection = True  # what else it sent was not read
            self._send(error.status, str(error))
        except InputError as error:
            self._send(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise  # nobody listens
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, one_line(error))
        except Exception as error:
            logger.exception("a picture could not be made")
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, one_line(error))

    def _check(self) -> None:
        """Raises unless it is our page that asks: another's could have its name point here."""
        hosts = [f"{name}:{self.server.port}" for name in (HOST, "localhost")]
        if self.headers.get("Host") not in hosts:
            raise _RefusalError(HTTPStatus.FORBIDDEN, f"the host must be {hosts[0]}")
        token = parse_qs(self.path.partition("?")[2]).get("token", [""])[0]
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            raise _RefusalError(
                HTTPStatus.FORBIDDEN, "the token of the address is missing or wrong"
            )

    def _body(self) -> bytes:
        if self.headers.get_content_type() != "application/json":
            raise _RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "settings must be JSON")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise _RefusalError(HTTPStatus.LENGTH_REQUIRED, "the length of the settings is missing")
        if len(length) > 9 or int(length) > MAX_BODY_BYTES:
            most = f"settings must have at most {MAX_BODY_BYTES} bytes"
            raise _RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, most)
        return self.rfile.read(int(length))

    def _page(self) -> None:
        self.close_connection = True
        self._send(HTTPStatus.OK, self._site.page, kind="text/html; charset=utf-8")

    def _picture(self) -> None:
        body, start = self._body(), time.perf_counter()
        with self.server.device:
            _, pixels = self._site.draw(body)
        png = to_png(pixels)
        took = f"picture;dur={1e3 * (time.perf_counter() - start):.2f}"
        self._send(HTTPStatus.OK, png, kind="image/png", more={"Server-Timing": took})

    def _save(self) -> None:
        body = self._body()
        with self.server.device:
            saved = self._site.save(body)
        self._send(HTTPStatus.OK, json.dumps({"saved": saved}), kind="application/json")

    @property
    def _site(self) -> Site:
        assert self.server.site is not None
        return self.server.site

    def _send(
        self,
        status: HTTPStatus,
        body: str | bytes,
        *,
        kind: str = "text/plain; charset=utf-8",
        more: dict[str, str] | None = None,
    ) -> None:
        data = body.encode("utf-8", "backslashreplace") if isinstance(body, str) else body
        policy = self._site.policy if kind.startswith("text/html") else "default-src 'none'"
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **(more or {}),
            **({"Connection": "close"} if self.close_connection else {}),
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def version_string(self) -> str:
        return "jaxgan"

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: addresses have the token."""
