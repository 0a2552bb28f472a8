"""One file from the web, from a server on this machine: whole and as published, or not at all."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gansmith.metrics import published
from gansmith.metrics.extractors import named_extractor
from gansmith.web import fetch

BODY = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def address() -> Iterator[str]:
    """Serves the file at /good; a turned bit at /bad, a byte too many at /long, one too few at /cut."""
    bodies = {"/good": BODY, "/bad": b"\1" + BODY[1:], "/long": BODY + b"\0", "/cut": BODY[:-1]}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY) if self.path == "/cut" else len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_file_comes_whole_and_says_how_far_it_is(address: str, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = fetch(
        f"{address}/good", tmp_path / "deep" / "file", sha256=SHA256, size=len(BODY), progress=lambda *x: told.append(x)
    )
    assert path.read_bytes() == BODY
    assert told[-1] == ("downloading file", len(BODY), len(BODY))
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("/bad", "SHA-256 differs"),
        ("/long", "longer than the 512000 bytes"),
        ("/cut", "ended after 511999 of 512000|IncompleteRead"),
        ("/none", "Not Found"),
    ],
)
def test_any_other_file_leaves_nothing(address: str, tmp_path: Path, page: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        fetch(address + page, tmp_path / "file", sha256=SHA256, size=len(BODY))
    assert list(tmp_path.iterdir()) == []


def test_only_the_web_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a web address"):
        fetch(f"file://{tmp_path}/x", tmp_path / "file", sha256=SHA256, size=1)


def test_published_weights_are_kept_in_the_cache(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path))
    monkeypatch.setattr(published, "ADDRESS", f"{address}/none")
    with pytest.raises(ValueError, match=r"could not be downloaded .*Not Found.* give it as inception:PATH, or put it"):
        named_extractor("inception")
    monkeypatch.setattr(published, "ADDRESS", f"{address}/good")
    monkeypatch.setattr(published, "SHA256", SHA256)
    monkeypatch.setattr(published, "SIZE", len(BODY))
    path = published.inception_file()
    assert path == tmp_path / "downloads" / "inception" / published.FILE
    monkeypatch.setattr(published, "ADDRESS", f"{address}/none")
    assert published.inception_file().read_bytes() == BODY  # not asked for again
