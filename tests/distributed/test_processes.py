"""How processes meet: what is refused before anything is opened, and what is opened to whom."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from jaxgan.core.errors import ProcessError
from jaxgan.distributed import processes
from jaxgan.distributed.processes import connect

RING = f"{Path(__file__).parents[2] / 'configs' / 'ring.py'}:smoke"


@pytest.mark.parametrize("seconds", [-5, 0])
def test_waiting_for_no_time_is_refused(seconds: int) -> None:
    with pytest.raises(ProcessError, match=f"connect_timeout is {seconds}; it must be at least 1"):
        connect("localhost:1234", 2, 0, timeout_seconds=seconds)


@pytest.mark.parametrize("port", ["0", "65536", "http", "", "-1"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ProcessError, match="it must be HOST:PORT, the port from 1 to 65535"):
        connect(f"localhost:{port}", 2, 0)


@pytest.mark.parametrize(
    ("coordinator", "expected"),
    [
        ("localhost:1234", "127.0.0.1:1234"),
        ("127.0.0.1:1234", "127.0.0.1:1234"),
        ("127.1.2.3:1234", "127.1.2.3:1234"),
        ("[::1]:1234", "[::1]:1234"),
        ("10.0.0.1:1234", None),
        ("node-0.cluster:1234", None),
    ],
)
def test_only_loopback_is_opened_where_all_are_there(
    coordinator: str, expected: str | None
) -> None:
    assert processes._bind_address(coordinator) == expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "node-0.cluster"])
def test_a_port_in_use_is_one_line(
    host: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_INET6 if host == "[::1]" else socket.AF_INET) as other:
        try:
            other.bind(("::1" if host == "[::1]" else "127.0.0.1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        other.listen()
        address = f"{host}:{other.getsockname()[1]}"
        flags = ["--coordinator", address, "--num-processes=2", "--process-id=0"]
        assert main(["train", "--config", RING, "--workdir", str(tmp_path / "a"), *flags]) == 2
    port = address.rpartition(":")[2]
    assert capfd.readouterr().err == (
        f"jaxgan: error: coordinator is {address!r}; port {port} is in use here, give another\n"
    )
    assert not (tmp_path / "a").exists()


def test_a_port_that_was_just_left_is_free() -> None:
    with socket.socket() as before:
        before.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        before.bind(("127.0.0.1", 0))
        before.listen()
        address = before.getsockname()
        caller = socket.create_connection(address)
        answered, _ = before.accept()
        answered.close()  # the side that closes first keeps the port for a while
        caller.close()
    processes._check_free(f"localhost:{address[1]}", f"127.0.0.1:{address[1]}")
