"""How every benchmark writes its result: JSON, with what is needed to judge it and to run it again."""

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from gansmith.files import write_atomically

RESULTS = Path(__file__).parent / "results"


def write_result(name: str, payload: dict[str, Any]) -> Path:
    """Write `benchmarks/results/NAME.json`: the payload, below the command, commit, machine, load and date.

    Args:
        name: of the file, without its suffix.
        payload: the measurements, and under "protocol" how they were taken.

    Returns:
        The file.
    """
    path = RESULTS / f"{name}.json"
    text = json.dumps({**circumstances(), **payload}, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode())
    print(f"wrote {path.relative_to(path.parents[2])}")
    return path


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share that was counted; (0, 1) of nothing."""
    from gansmith import metrics

    return metrics.wilson(right, of) if of else (0.0, 1.0)


def circumstances() -> dict[str, Any]:
    """The command line, the commit, the machine, its load average and the date."""
    script = Path(sys.argv[0])
    inside = script.resolve().is_relative_to(RESULTS.parents[1])
    name = script.resolve().relative_to(RESULTS.parents[1]).as_posix() if inside else script.name
    return {
        "command": " ".join(["python", name, *(_portable(argument) for argument in sys.argv[1:])]),
        "commit": BEGUN_AT,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "load_average": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def where() -> str:
    """The processor and how many cores of it there are, for a run that stands beside those of other machines."""
    found = machine()
    return f"{found['processor']}, {found['cores']} cores"


def commit() -> str:
    """The commit, with "+changes" where tracked files of the library or the benchmarks differ from it."""
    root = RESULTS.parents[1]
    head = _git(root, "rev-parse", "--short=12", "HEAD")
    if not head:
        return "unknown"
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks/*.py")
    return f"{head}+changes" if changed else head


def machine() -> dict[str, Any]:
    """Processor, cores, threads that torch uses, and versions."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "torch_threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _portable(argument: str) -> str:
    """An argument as anybody may read it: of a path that only this machine has, its name."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


BEGUN_AT = commit()  # the code that a long measurement ran, and not what the tree holds when it ends
