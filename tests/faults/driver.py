"""Runs that can be killed: a process that has imported everything forks one for each of them.

Importing torch takes longer than the runs. The forks come from a process that has computed nothing, so that they share
no thread pool with anyone, and they are processes like any other: SIGKILL ends them where they stand.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

DURABLE = ("fsync", "mkdir", "rename", "replace", "unlink", "rmdir")
"""The calls of the operating system that change what a crash leaves behind."""


class Child:
    """A run in a process of its own; what it prints is in `log`."""

    def __init__(self, zygote: Zygote, pid: int, log: Path) -> None:
        self.zygote, self.pid, self.log, self.code = zygote, pid, log, None

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        if self.code is None:
            self.code = self.zygote.ask({"poll": self.pid})
        return self.code

    def wait(self, seconds: float = 120) -> int:
        until(lambda: self.poll() is not None, seconds, f"process {self.pid} did not end", self)
        assert self.code is not None
        return self.code

    def kill(self, signum: int = signal.SIGKILL) -> None:
        """Send a signal; SIGKILL waits until the process is gone."""
        if self.poll() is None:
            os.kill(self.pid, signum)
            if signum == signal.SIGKILL:
                self.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Zygote:
    """The process that forks."""

    def __init__(self, cache: Path) -> None:
        # One thread, because the runs are tiny and a fork cannot take a thread pool along.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "GANSMITH_CACHE": str(cache)}
        self.folder, self.count = cache, 0
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.children: list[Child] = []

    def ask(self, question: Mapping[str, Any]) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the forking process has ended")
        return json.loads(answer)

    def start(self, function: str, **arguments: Any) -> Child:
        """Fork a process that calls a function of this module."""
        self.count += 1
        log = self.folder / f"log-{self.count}.txt"
        question = {"fork": function, "arguments": arguments, "log": str(log)}
        child = Child(self, self.ask(json.loads(json.dumps(question, default=str))), log)
        self.children.append(child)
        return child

    def gansmith(self, *words: object, **hooks: Any) -> Child:
        """The command line in a fork; hooks are arguments of `cli`."""
        return self.start("cli", words=[str(word) for word in words], **hooks)

    def close(self) -> None:
        for child in self.children:
            child.kill()
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait(20)
        self.process.stdout.close()  # type: ignore[union-attr]


def until(true: Callable[[], bool], seconds: float, otherwise: str, child: Child | None = None) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        ended = child is not None and child.poll() is not None and not true()
        if ended or time.monotonic() > deadline:
            raise AssertionError(otherwise + (f"; it said:\n{child.said()}" if child else ""))
        time.sleep(0.005)


# What follows runs in the forks.


def cli(
    words: list[str],
    pictures: bool = False,
    pause: dict[str, Any] | None = None,
    limit: int = 0,
    hook: str = "",
    environment: Mapping[str, str] | None = None,
) -> int:
    """The command line; perhaps with a pause in a save, a limit on the size of files, or a hook."""
    os.environ.update(environment or {})
    from gansmith.cli import main
    from gansmith.training.studio import Studio

    if not pictures:  # they take longer than all the rest
        Studio.visit = lambda self: {"step": self.session.step}  # type: ignore[method-assign]
        Studio.finish = lambda self: None  # type: ignore[method-assign]
    if limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with contextlib.ExitStack() as stack:
        if pause:
            stack.enter_context(pausing(**pause))
        if hook:
            globals()[hook]()
        return main(words)


def save_thrice(folder: str, marker: str, at: int) -> int:
    """Save steps 1, 2 and 3, keeping one, and pause in the third at the durable call number `at`."""
    from gansmith.training.checkpoints import Checkpoints

    checkpoints = Checkpoints(Path(folder), keep=1)
    for step in (1, 2):
        checkpoints.save(step, some_tree(step))
    with pausing(marker, at):
        checkpoints.save(3, some_tree(3))
    return 0


def overwrite(file: str) -> int:
    """Save 20 MB over the same file again and again, as is usual."""
    import torch

    state = {"w": torch.zeros(5_000_000)}
    while True:
        torch.save(state, file)
        print("saved", flush=True)


def some_tree(step: int) -> dict[str, Any]:
    import torch

    return {"step": step, "w": torch.randn(500, 7, generator=torch.Generator().manual_seed(step))}


def slow_steps() -> None:
    """Every step takes a fifth of a second more."""
    from gansmith.training.session import Session

    advance = Session.advance

    def slowly(self: Session) -> Any:
        time.sleep(0.2)
        return advance(self)

    Session.advance = slowly  # type: ignore[method-assign]


def hanging_step() -> None:
    """The third step does not end."""
    from gansmith.training.session import Session

    advance = Session.advance

    def hang(self: Session) -> Any:
        if self.step == 2:
            print("hanging", flush=True)
            while True:
                time.sleep(60)
        return advance(self)

    Session.advance = hang  # type: ignore[method-assign]


def _after_step(action: Callable[[Any, Any], Any]) -> None:
    """Do something with the session and the result after every step; what it returns is the result."""
    from gansmith.training.session import Session

    advance = Session.advance
    Session.advance = lambda self: action(self, advance(self))  # type: ignore[method-assign]


def nan_cost_once() -> None:
    """The generator's cost of step 6 is not a number, unless the noise is other noise."""
    _after_step(lambda session, result: _poisoned(result) if (session.step, session.attempt) == (6, 0) else result)


def nan_cost_once_slowly() -> None:
    """The same, with time to be killed in."""
    nan_cost_once()
    slow_steps()


def nan_cost_always() -> None:
    """The generator's cost of step 6 is not a number, whatever the noise."""
    _after_step(lambda session, result: _poisoned(result) if session.step == 6 else result)


def infinite_weight_at_a_save() -> None:
    """At step 8, when a checkpoint is due, a weight of the discriminator is infinite though every cost was finite."""

    def spoil(session: Any, result: Any) -> Any:
        if session.step == 8 and session.attempt == 0:
            next(session.players["discriminator"].parameters()).data.fill_(float("inf"))
        return result

    _after_step(spoil)


def nan_statistic_at_a_save() -> None:
    """The same in a buffer of the averaged generator."""

    def spoil(session: Any, result: Any) -> Any:
        if session.step == 8 and session.attempt == 0:
            next(b for b in session.average.module.buffers() if b.is_floating_point()).fill_(float("nan"))
        return result

    _after_step(spoil)


def _poisoned(result: Any) -> Any:
    costs = dict(result.costs)
    return replace(result, costs=costs | {"generator": costs["generator"] * float("nan")})


def cuda_out_of_memory() -> None:
    """Step 7 finds no memory on the device."""
    _fail_after(6, lambda torch: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))


def cpu_out_of_memory() -> None:
    """Step 7 finds no memory on the machine."""
    text = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
    _fail_after(6, lambda torch: RuntimeError(text + "allocate 9000000000 bytes. Error code 12"))


def another_failure() -> None:
    """Step 7 fails for a reason that has nothing to do with memory."""
    _fail_after(6, lambda torch: RuntimeError("a fault of the program"))


def _fail_after(step: int, error: Callable[[Any], Exception]) -> None:
    import torch

    from gansmith.training.session import Session

    advance = Session.advance

    def fail(self: Session) -> Any:
        if self.step == step:
            raise error(torch)
        return advance(self)

    Session.advance = fail  # type: ignore[method-assign]


def little_memory() -> None:
    """The process may have 300 MB more than it has now."""
    import resource

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + 300 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def with_timeout(words: list[str], seconds: float, environment: Mapping[str, str], hook: str = "") -> int:
    """The command line with another patience for lost processes."""
    from gansmith.training import runs

    original = runs._engine
    runs._engine = lambda recipe, timeout: original(recipe, seconds)  # type: ignore[assignment]
    return cli(words, environment=environment, hook=hook)


def known_old_format() -> None:
    """The format before this one can be read: it is the same."""
    from gansmith.training import manifest

    manifest.MIGRATIONS[manifest.FORMAT - 1] = lambda tree, facts: (tree, facts)


@contextlib.contextmanager
def pausing(marker: str | Path, at: int) -> Iterator[None]:
    """Stand still before the durable call number `at`, counted from 0, and leave a marker."""

    def check(count: int, name: str) -> None:
        if count == at:
            Path(marker).write_text(name)
            time.sleep(600)

    with durable_calls(check):
        yield


@contextlib.contextmanager
def durable_calls(before: Callable[[int, str], None]) -> Iterator[None]:
    """Call `before` with a number and a name before every durable call."""
    count = 0
    originals = {name: getattr(os, name) for name in DURABLE}

    def wrapped(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            before(count - 1, name)
            return originals[name](*args, **kwargs)

        return call

    for name in DURABLE:
        setattr(os, name, wrapped(name))
    try:
        yield
    finally:
        for name in DURABLE:
            setattr(os, name, originals[name])


# Recipes and runs small enough to be killed by the dozen.


def make_data(path: Path, *, seed: int = 0, n: int = 40, side: int = 16, channels: int = 3) -> Path:
    """A little file of random images with two classes."""
    import numpy as np

    pick = np.random.default_rng(seed)
    images = pick.integers(0, 256, (n, side, side, channels), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(n) % 2)
    return path


def small(name: str, data: Path, **changes: Any) -> Any:
    """A recipe at reduced width on a little data: a step takes milliseconds."""
    from gansmith.networks import Maxout, Residual
    from gansmith.recipes import RECIPES
    from gansmith.training import Execution, Schedules

    recipe = RECIPES[name]
    narrow: dict[str, Any] = {"width": 4, "max_width": 8, "embedding": 4}
    if isinstance(recipe.networks, Residual):
        narrow = {"width": 4, "max_width": 8, "group_size": 4, "embedding": 4}
    if isinstance(recipe.networks, Maxout):
        narrow = {"width": 4, "units": 4, "embedding": 4}
    settings: dict[str, Any] = {
        "networks": replace(recipe.networks, **narrow), "data": str(data), "size": (16, 16), "channels": 3, "latent": 8,
        "batch": 8, "steps": 12, "run": Execution(device="cpu", precision="float32", threads=1),
        "every": Schedules(log=1, sample=1000, save=4),
    }  # fmt: skip
    return replace(recipe, **(settings | changes))


def recorded(run: Path) -> list[int]:
    """The steps whose costs are in the run's metrics; a line that is being written does not count."""
    try:
        text = (run / "metrics.jsonl").read_text()
    except FileNotFoundError:
        return []
    records = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [record["step"] for record in records if "seconds" in record]


def newest_step(run: Path) -> int:
    """The step of the newest checkpoint by its name, -1 where there is none."""
    names = (p.name for p in (run / "checkpoints").glob("step-*"))
    return max((int(re.split("[-.]", name)[1]) for name in names), default=-1)


def serve() -> None:
    """Read questions, fork, answer."""
    import torch
    import torch._dynamo

    import gansmith.cli.train
    import gansmith.metrics
    import gansmith.recipes
    import gansmith.training.history  # noqa: F401

    torch.set_num_threads(1)
    for line in sys.stdin:
        question = json.loads(line)
        answer = _fork(question) if "fork" in question else _poll(question["poll"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _fork(question: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        log = os.open(question["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = globals()[question["fork"]](**question["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    return 0


def _poll(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


if __name__ == "__main__":
    serve()
