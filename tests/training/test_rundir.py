"""A run's directory: found, made, locked, written and rewound."""

import json
import multiprocessing
import os
import platform
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gansmith.training.checkpoints import CheckpointError
from gansmith.training.environment import describe_environment
from gansmith.training.rundir import RunDirectory, RunError

fork = multiprocessing.get_context("fork")
# Python 3.12 warns of forks in a process with threads; these children only lock and sleep.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory.create(tmp_path / "run", "digits")
    run.write("config.yaml", "name: digits\n")
    return run


def records(run: RunDirectory) -> list[dict]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def test_a_new_run_has_its_places(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "a" / "b", "digits")
    assert run.path == tmp_path / "a" / "b"
    assert {p.name for p in run.path.iterdir()} == {"samples", "checkpoints"}
    assert (run.samples, run.export) == (run.path / "samples", run.path / "export")
    assert run.checkpoints().folder == run.path / "checkpoints"
    assert RunDirectory.open(run.path) == run


def test_numbers_go_up_and_names_are_made_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunDirectory.create(None, "digits").path == Path("runs/00001-digits")
    (tmp_path / "runs" / "00041-old").mkdir()
    (tmp_path / "runs" / "notes").mkdir()
    assert RunDirectory.create(None, "a b/../c").path == Path("runs/00042-a-b-..-c")
    assert RunDirectory.create(None, "///").path == Path("runs/00043-run")
    assert (tmp_path / "runs" / "00042-a-b-..-c" / "checkpoints").is_dir()


def test_no_number_is_given_out_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda i: RunDirectory.create(None, f"name{i % 3}").path.name, range(24)))
    assert sorted(int(p[:5]) for p in paths) == list(range(1, 25))


def test_what_is_taken_is_refused_with_what_to_do(tmp_path: Path, run: RunDirectory) -> None:
    run.checkpoints().save(0, {})
    with pytest.raises(RunError, match=f"already holds a run; go on with gansmith resume {re.escape(str(run.path))}"):
        RunDirectory.create(run.path, "digits")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(RunError, match="is not empty and not a run"):
        RunDirectory.create(tmp_path / "mine", "digits")
    with pytest.raises(RunError, match="is a file"):
        RunDirectory.create(tmp_path / "mine" / "thesis.txt", "digits")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("text", "why"), [(b"", "it is empty"), (b"{{{", "line 1"), (b"\xff\xfe", "")])
def test_a_damaged_configuration_is_named(run: RunDirectory, text: bytes, why: str) -> None:
    (run.path / "config.yaml").write_bytes(text)
    with pytest.raises(RunError, match=f"config.yaml is not what the run wrote: .*{why}"):
        run.config()


def test_of_metrics_that_are_no_text_no_line_is_read(run: RunDirectory) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'\xff\xfe\x00\n{"step": 3, "cost": 1.0}\n')
    assert run.trace().step == 3


def test_an_empty_folder_is_taken_and_so_is_a_run_killed_before_its_first_checkpoint(
    tmp_path: Path, run: RunDirectory
) -> None:
    (tmp_path / "empty").mkdir()
    RunDirectory.create(tmp_path / "empty", "digits")
    run.write("environment.json", "{}")
    (run.path / "checkpoints" / ".saving-step-0000000-1-ab").mkdir()
    (run.path / "checkpoints" / ".saving-step-0000000-1-ab" / "tree.json").write_text("{")
    RunDirectory.create(run.path, "digits")
    (run.samples / "step-00000000.png").write_bytes(b"")
    with pytest.raises(RunError, match="already holds a run"):
        RunDirectory.create(run.path, "digits")


def test_a_missing_run_is_an_error_that_names_the_nearest(tmp_path: Path, run: RunDirectory) -> None:
    for name in ("00001-digits", "00002-avatars"):
        RunDirectory.create(tmp_path / name, "x")
    with pytest.raises(RunError, match=r"there is no run at .*avatar; did you mean .*/00002-avatars\?"):
        RunDirectory.open(tmp_path / "0002-avatar")
    with pytest.raises(RunError, match=r"is not a run; did you mean .*/run, in which it is\?"):
        RunDirectory.open(run.samples)
    with pytest.raises(RunError, match=r"there is no run at .*; give the directory that gansmith train printed"):
        RunDirectory.open(tmp_path / "nowhere" / "at" / "all")


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a pickle"):
        RunDirectory.open(tmp_path / "stylegan.pkl")


def hold(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with RunDirectory(path).lock():
        ready.set()
        time.sleep(60)


def test_a_second_process_is_refused_and_a_dead_ones_lock_is_recovered(run: RunDirectory) -> None:
    ready = fork.Event()
    holder = fork.Process(target=hold, args=(run.path, ready))
    holder.start()
    try:
        assert ready.wait(20)
        with (
            pytest.raises(RunError, match=f"in use by process {holder.pid} on {re.escape(platform.node())}"),
            run.lock(),
        ):
            pass
        assert holder.pid is not None
        os.kill(holder.pid, signal.SIGKILL)
    finally:
        holder.kill()
        holder.join(20)
    assert (run.path / ".lock").exists()  # the file stays, the lock does not
    with run.lock():
        assert json.loads((run.path / ".lock").read_text())["pid"] == os.getpid()


def test_the_lock_excludes_the_same_process_too_and_ends_with_an_error(run: RunDirectory) -> None:
    def fail() -> None:
        with run.lock():
            with pytest.raises(RunError, match=f"process {os.getpid()}"), run.lock():
                pass
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with run.lock():
        pass


def test_an_error_inside_the_lock_is_passed_on_as_it_is(run: RunDirectory) -> None:
    """A BlockingIOError of the body's own is not mistaken for a lock that is taken."""
    with pytest.raises(BlockingIOError, match="mine"), run.lock():
        raise BlockingIOError("mine")


def test_taking_the_lock_cleans_what_a_dead_process_left(run: RunDirectory) -> None:
    dead = fork.Process(target=os._exit, args=(0,))
    dead.start()
    dead.join(20)
    leftovers = [run.path / f".{dead.pid}-config.yaml", run.samples / f".{dead.pid}-step-00000010.png"]
    others = [run.path / f".{os.getpid()}-config.yaml", run.path / ".hidden", run.samples / ".12x-y"]
    for file in leftovers + others:
        file.write_text("half")
    (run.path / "checkpoints" / ".saving-step-0000002-1-ab").mkdir()
    with run.lock():
        assert not any(file.exists() for file in leftovers)
        assert all(file.exists() for file in others)
        assert not any((run.path / "checkpoints").iterdir())


def test_text_is_replaced_whole(run: RunDirectory) -> None:
    run.write("config.yaml", "name: ü\n")
    run.write("evidence/step.json", "{}")
    assert (run.path / "config.yaml").read_text(encoding="utf-8") == "name: ü\n"
    assert (run.path / "evidence" / "step.json").read_text() == "{}"
    assert not list(run.path.rglob(".*"))


def test_records_are_lines_of_json(run: RunDirectory) -> None:
    run.record({"step": 25, "cost/generator": 0.5, "nan": float("nan"), "inf": float("inf"), "less": -float("inf")})
    run.record({"step": 50, "text": "a\nb", "flag": True, "none": None})
    assert records(run) == [
        {"step": 25, "cost/generator": 0.5, "nan": "nan", "inf": "inf", "less": "-inf"},
        {"step": 50, "text": "a\nb", "flag": True, "none": None},
    ]


def test_rewinding_drops_what_will_be_made_again_and_a_torn_line(run: RunDirectory) -> None:
    run.rewind(0)  # nothing there yet
    for step in (10, 20, 30):
        run.record({"step": step})
    run.record({"note": "without a step"})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "co')
    run.rewind(20)
    assert records(run) == [{"step": 10}, {"step": 20}, {"note": "without a step"}]
    before = (run.path / "metrics.jsonl").stat().st_ino
    run.rewind(20)
    assert (run.path / "metrics.jsonl").stat().st_ino == before  # nothing to do: not written


def test_rewinding_drops_a_whole_line_that_is_not_ours(run: RunDirectory) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'{"step": 1}\n\xff\xfe\n[1]\n\n{"step": 2}')
    run.rewind(9)
    assert records(run) == [{"step": 1}]  # the last one is torn: its line has no end


def test_notes_carry_the_time_and_never_fail(run: RunDirectory) -> None:
    run.note("hello")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d hello\n", (run.path / "log.txt").read_text())
    (run.path / "log.txt").unlink()
    (run.path / "log.txt").mkdir()
    run.note("lost, and no matter")


def test_what_cannot_be_written_is_named(run: RunDirectory) -> None:
    (run.path / "metrics.jsonl").mkdir()
    with pytest.raises(
        RunError, match=r"metrics\.jsonl could not be written: is a directory; the checkpoints are intact"
    ):
        run.record({"step": 1})
    with pytest.raises(RunError, match=r"metrics\.jsonl could not be rewritten"):
        run.rewind(1)
    (run.path / "environment.json").mkdir()
    with pytest.raises(RunError, match=r"environment\.json could not be written: is a directory"):
        run.write("environment.json", "{}")
    (run.path / ".lock").mkdir()
    with pytest.raises(RunError, match="lock could not be written: is a directory"), run.lock():
        pass
    with pytest.raises(RunError, match=r"could not be made at .*not a directory"):
        RunDirectory.create(Path("/dev/null/x"), "x")


def test_the_environment_is_plain_json() -> None:
    described = describe_environment()
    assert json.loads(json.dumps(described)) == described
    assert described["packages"]["torch"]
    assert described["cpu"]
    assert described["cores"] >= 1
    assert described["commit"] is None or re.fullmatch(r"[0-9a-f]{40,64}\+?", described["commit"])
