"""Who is answered, and with what: requests by hand, pictures read by Pillow."""

from __future__ import annotations

import http.client
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.core.errors import InputError
from jaxgan.core.pixels import to_uint8
from jaxgan.serve import Server, Site
from tests.serve.sites import controls_of, draw, make_site, plain, served

START = {"seed": 0, "number": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saved") / "pictures"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with served(make_site("plain", folder)) as server:
        yield server


def ask(
    server: Server,
    body: Any = None,
    *,
    path: str = "/picture",
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """(status, body, headers) of a request: a POST where it has a body, else a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    address = f"{path}?token={server.token if token is None else token}"
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    connection.request(
        method, address, data, {"Content-Type": "application/json", **(headers or {})}
    )
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.headers
    connection.close()
    return found


def test_a_picture_is_that_of_the_generator(server: Server) -> None:
    status, png, headers = ask(server, {"start": START, "coordinates": {"2": 0.5}})
    assert (status, headers["Content-Type"]) == (200, "image/png")
    z = draw(0, 4)[[1]]
    z[0, 2] += 0.5
    expected = to_uint8(plain({"latent": z}, np.zeros(1, int)))[0, ..., 0]
    with Image.open(io.BytesIO(png)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected)


def test_nobody_is_answered_without_the_token_or_by_another_name(server: Server) -> None:
    settings = {"start": START}
    port, foreign = server.port, {"Host": "evil.example"}
    assert ask(server, settings, headers={"Host": f"localhost:{port}"})[0] == 200
    for path, body in (("/", None), ("/picture", settings), ("/save", settings), ("/x", None)):
        for token in ("", "x", "é", server.token[:-1], server.token + "a"):
            status, text, headers = ask(server, body, path=path, token=token.replace("é", "%C3%A9"))
            assert (status, headers["Content-Type"]) == (403, "text/plain; charset=utf-8")
            assert server.token.encode() not in text
        for host in (foreign, {"Host": f"evil.example:{port}"}, {"Host": "127.0.0.1"}):
            assert ask(server, body, path=path, headers=host)[0] == 403
    assert ask(server, path="//[", token="x")[0] == 403
    assert ask(server, path="//[")[0] == ask(server, path="/x")[0] == 404
    assert ask(server, settings, path="/x")[0] == 404
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_the_page_may_run_its_own_script_alone(server: Server) -> None:
    status, page, headers = ask(server, path="/")
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data: blob:; script-src 'sha256-")
    assert "unsafe" not in policy
    assert policy.endswith("connect-src 'self'; frame-ancestors 'none'")
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert b"http" not in page  # it refers to nothing


BAD: list[tuple[bytes, str]] = [
    (b"{", "settings: it is damaged: no JSON"),
    (b"\xff", "settings: it is damaged: no JSON"),
    (b"[" * 60_000, "settings: it is damaged: no JSON"),
    (b"[]", "settings: it is a list; it must be an object"),
    (b"{}", "settings: it lacks start"),
    (b'{"start": 3}', "settings: start is 3; it must be an object"),
    (b'{"start": {"seed": 0}}', "settings: start lacks number"),
    (b'{"start": {"seed": 0, "number": true}}', "start.number is True; it must be an integer"),
    (b'{"start": {"seed": -1, "number": 0}}', "start.seed is -1; it must be from 0 to 2147483647"),
    (b'{"start": {"seed": 1e9, "number": 0}}', "start.seed is 1000000000.0; it must be an integer"),
    (b'{"start": {"seed": 0, "number": 4}}', "start.number is 4; it must be from 0 to 3"),
    (b'{"start": {"seed": 0, "number": 0, "x": 1}}', "a name in start is 'x'; it must be 'seed'"),
    (b'{"lable": 1}', "did you mean label?"),
    (b'{"share": NaN}', "share is nan; it must be from 0 to 1"),
    (b'{"share": 1e999}', "share is inf; it must be from 0 to 1"),
    (b'{"share": 1' + b"0" * 400 + b"}", "share is 1000"),
    (b'{"share": 0.5}', "end is missing; share and layers need it"),
    (b'{"share": "0.5"}', "share is '0.5'; it must be a number"),
    (b'{"label": 1}', "label is 1; the run is unconditional"),
    (b'{"layers": [1]}', "layers is [1]; the run is without styles"),
    (b'{"truncation": 0}', "truncation is 0; it must be from 0.01 to 10"),
    (b'{"codes": {"a": 1}}', "a name in codes is 'a'; it must be left out"),
    (b'{"coordinates": {"6": 1}}', "a name in coordinates is '6'; it must be '0', '1'"),
    (b'{"coordinates": {"-1": 1}}', "a name in coordinates is '-1'"),
    (b'{"coordinates": {"0": 1e30}}', "coordinates.0 is 1e+30; it must be from -10 to 10"),
    (b'{"directions": {"0": NaN}}', "directions.0 is nan; it must be from -10 to 10"),
    (b'{"directions": [1]}', "directions is a list; it must be an object"),
]


def test_bad_settings_are_one_line(server: Server, folder: Path) -> None:
    for body, message in BAD:
        if body.startswith(b'{"') and b"start" not in body:
            body = body[:-1] + b', "start": {"seed": 0, "number": 0}}'
        for path in ("/picture", "/save"):
            status, text, _ = ask(server, body, path=path)
            assert (status, text.decode().isprintable()) == (400, True), body
            assert message in text.decode()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Length": "x"}, 411),
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "65537"}, 413),
        ({"Content-Length": "9" * 5000}, 413),
    ],
)
def test_bad_requests_are_refused(server: Server, headers: dict[str, str], status: int) -> None:
    found, text, more = ask(server, b"{}", headers=headers)
    assert (found, more["Connection"]) == (status, "close")
    assert b"settings" in text


def test_what_is_saved_makes_the_picture_again(server: Server, folder: Path) -> None:
    settings = {"start": START, "directions": {"0": -0.25}}
    saved = [Path(json.loads(ask(server, settings, path="/save")[1])["saved"]) for _ in range(2)]
    assert saved == [folder / "0001.png", folder / "0002.png"]
    kept = json.loads((folder / "0002.json").read_text())
    assert kept == {"run": "a", "settings": settings}
    again = to_uint8(controls_of("plain").picture(kept["settings"]))
    with Image.open(saved[1]) as picture:
        np.testing.assert_array_equal(np.asarray(picture), again[..., 0])
    assert len(list(folder.iterdir())) == 4


def test_a_fault_of_ours_is_one_line_and_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(body: bytes) -> Any:
        raise RuntimeError("two\nlines")

    def full(body: bytes) -> str:
        raise OSError(28, "No space left on device", "a.png")

    with served(Site("", "", fail, full)) as server:
        assert ask(server, {})[:2] == (500, b"two lines")
        status, text, _ = ask(server, {}, path="/save")
    assert (status, text) == (500, b"[Errno 28] No space left on device: 'a.png'")
    assert caplog.text.count("Traceback") == 1


def test_a_connection_that_says_nothing_does_not_keep_it_open(tmp_path: Path) -> None:
    with served(make_site("plain", tmp_path)) as server:
        silent = socket.create_connection(("127.0.0.1", server.port))
        half = socket.create_connection(("127.0.0.1", server.port))
        half.sendall(b"POST /picture HTTP/1.1\r\n")
        assert ask(server, path="/")[0] == 200
    assert (silent.recv(1), half.recv(12)) == (b"", b"HTTP/1.1 403")
    silent.close()
    half.close()


@pytest.mark.parametrize(
    ("port", "message"),
    [(-1, "port is -1; it must be from 0 to 65535"), (65536, "port is 65536")],
)
def test_a_port_that_is_none(port: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Server(port)


def test_a_port_in_use(server: Server) -> None:
    with pytest.raises(InputError, match=f"port is {server.port}, which is in use; 0 takes a free"):
        Server(server.port)
