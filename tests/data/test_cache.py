"""A cache that is cut short, altered, contended, full or read-only."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import DataError, ImageSet, open_images
from gansmith.data import cache as module
from gansmith.data import hashes as hashes_module
from gansmith.data.hashes import file_hashes


def stored(cache: Path) -> Path:
    """The directory of the one prepared set."""
    (directory,) = (path for path in (cache / "prepared").iterdir() if path.is_dir())
    return directory


def prepared(folder: Path, cache: Path) -> tuple[ImageSet, bool]:
    """The set, and whether its images had to be decoded."""
    stages: list[str] = []
    images = open_images(str(folder), cache=cache, progress=lambda stage, done, total: stages.append(stage))
    return images, "preparing" in stages


def test_the_second_opening_decodes_nothing_and_is_a_memory_map(grey_folder: Path, cache: Path) -> None:
    first, decoded = prepared(grey_folder, cache)
    again, decoded_again = prepared(grey_folder, cache)
    assert (decoded, decoded_again) == (True, False)
    assert again.fingerprint == first.fingerprint
    assert isinstance(again.images, np.memmap)
    assert not again.images.flags.writeable


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize("file", ["images.bin", "labels.bin", "manifest.json"])
def test_a_damaged_cache_is_noticed_and_made_again(
    grey_folder: Path, cache: Path, file: str, damage: Callable[[Path], None]
) -> None:
    first, _ = prepared(grey_folder, cache)
    expected = first.images.tobytes()
    del first
    damage(stored(cache) / file)
    again, decoded = prepared(grey_folder, cache)
    assert decoded
    assert again.images.tobytes() == expected
    assert again.labels is not None
    assert any("damaged and were made again" in note for note in again.notes)
    assert not prepared(grey_folder, cache)[1]


def test_a_manifest_of_another_format_is_not_used(
    grey_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(grey_folder, cache)
    monkeypatch.setattr(module, "FORMAT", 2)
    assert prepared(grey_folder, cache)[1]
    assert json.loads((stored(cache) / "manifest.json").read_text())["manifest"]["format"] == 2


def test_a_kill_while_preparing_leaves_nothing_that_counts(grey_folder: Path, cache: Path) -> None:
    program = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from gansmith.data import open_images
        def die(stage, done, total):
            if stage == "preparing" and done == 6:
                os.kill(os.getpid(), signal.SIGKILL)
        open_images({str(grey_folder)!r}, cache=Path({str(cache)!r}), progress=die)
        """
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert ".tmp-" in stored(cache).name  # the killed process could not tidy up
    images, decoded = prepared(grey_folder, cache)
    assert decoded
    assert len(images) == 12
    assert ".tmp-" not in stored(cache).name  # the next build did


def test_a_full_disk_is_said_and_leaves_no_fragment(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    for i in range(4):
        Image.new("RGB", (200, 200), (i, 0, 1)).save(folder / f"{i}.png")
    # The system refuses this process files beyond 64 kB, in the middle of writing 480 kB of images.
    program = textwrap.dedent(
        f"""
        import resource
        from pathlib import Path
        from gansmith.data import DataError, open_images
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        try:
            open_images({str(folder)!r}, cache=Path({str(cache)!r}))
        except DataError as error:
            print(error)
        """
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "cannot be written" in said
    assert "File too large" in said
    assert "GANSMITH_CACHE" in said
    assert [path.name for path in (cache / "prepared").iterdir() if path.is_dir()] == []


def test_too_little_room_is_said_before_decoding(
    grey_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = module.shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=959))
    with pytest.raises(DataError, match=r"where 0\.00 GB are free"):  # 12 images of 10×8 bytes are 960
        prepared(grey_folder, cache)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=960))
    assert len(prepared(grey_folder, cache)[0]) == 12


def test_a_cache_that_cannot_be_written_is_replaced_with_a_note(
    grey_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    images = open_images(str(grey_folder))
    assert "cannot be written (Not a directory)" in images.notes[0]
    assert list((tmp_path / "temporary").glob("gansmith-cache-*/prepared/*/images.bin"))


def test_the_default_cache_is_the_variable_or_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "mine"))
    assert module.writable_cache() == (tmp_path / "mine", ())
    monkeypatch.delenv("GANSMITH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert module.writable_cache() == (tmp_path / ".cache" / "gansmith", ())


def test_of_several_at_once_one_decodes_and_all_are_served(grey_folder: Path, cache: Path) -> None:
    results: list[tuple[ImageSet, bool]] = []
    threads = [threading.Thread(target=lambda: results.append(prepared(grey_folder, cache))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({images.fingerprint for images, _ in results}) == 1
    assert [decoded for _, decoded in results].count(True) == 1


def test_hashes_are_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in "ab":
        (folder / name).write_text(name)
    monkeypatch.setattr(hashes_module, "_SETTLED", -3600.0)
    first = file_hashes(folder, ("a", "b"), cache=tmp_path)
    assert first["a"] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # the known SHA-256 of "a"
    reads: list[object] = []
    real = hashes_module.hashlib.file_digest
    monkeypatch.setattr(hashes_module.hashlib, "file_digest", lambda *args: reads.append(args) or real(*args))
    assert file_hashes(folder, ("a", "b"), cache=tmp_path) == first
    assert reads == []
    stat = (folder / "a").stat()
    (folder / "a").write_text("z")
    os.utime(folder / "a", ns=(stat.st_atime_ns, stat.st_mtime_ns))  # same size and modification time: not fooled
    assert file_hashes(folder, ("a", "b"), cache=tmp_path)["a"] != first["a"]
    assert len(reads) == 1


def test_a_file_changed_just_now_is_hashed_again(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a").write_text("1")
    file_hashes(folder, ("a",), cache=tmp_path)
    assert all(json.loads(path.read_text()) == {} for path in (tmp_path / "hashes").glob("*.json"))
