"""Long measurements one beside the other, in processes of their own that do not outlive the command."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import TypeVar

Job = TypeVar("Job")
Found = TypeVar("Found")


def finished(
    function: Callable[[Job], Found], jobs: Iterable[Job], *, workers: int, minutes: float = float("inf")
) -> Iterator[tuple[Job, Found]]:
    """Each job with what the function makes of it, as they come.

    Args:
        function: by a name that other processes can import.
        jobs: begun in this order.
        workers: processes at a time; each uses one thread.
        minutes: none is begun after them; those that were begun are waited for.
    """
    until, left = time.monotonic() + 60 * minutes, iter(jobs)
    going: dict[Future[Found], Job] = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(os.getpid(),)) as pool:
        while True:
            # Asked only for what can begin at once: a job that was not begun is not lost.
            while len(going) < workers and time.monotonic() < until and (job := next(left, None)) is not None:
                going[pool.submit(function, job)] = job
            if not going:
                return
            for future in wait(going, return_when=FIRST_COMPLETED).done:
                yield going.pop(future), future.result()


def _begin(parent: int) -> None:
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)
