"""What `gansmith doctor` looks at, with the standard library alone."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gansmith.files import cache_folder
from gansmith.memory import allowed

__all__ = [
    "FAIL",
    "NOTE",
    "OK",
    "Check",
    "disks",
    "hardware",
    "packages",
    "python",
    "torch",
    "training",
]

OK, NOTE, FAIL = "ok", "note", "fail"
GIB = 1 << 30
LEAST_PYTHON, LEAST_TORCH = (3, 11), (2, 10)
LEAST_MEMORY, LEAST_DISK = 2 * GIB, GIB
SECONDS = 120.0
EXTRAS = {
    "onnx": (("onnx", "onnxruntime", "onnxscript"), "gansmith export --onnx"),
    "avatars": (("python_avatars", "resvg_py"), "gansmith train avatars"),
    "hub": (("huggingface_hub",), "models from the Hugging Face Hub"),
    "tensorboard": (("tensorboard",), "TensorBoard logs"),
}
REQUIRED = ("numpy", "PIL", "pydantic", "yaml", "rich", "safetensors", "matplotlib", "mlxtend")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: what.
        state: ``ok``, ``note`` for what training can do without, or ``fail``.
        found: what there is, for people.
        fix: what to do about it, in one line; empty where there is nothing to do.
    """

    name: str
    state: str
    found: str
    fix: str = ""


def python() -> Check:
    """The interpreter."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < LEAST_PYTHON:
        return Check("python", FAIL, found, "gansmith needs Python 3.11 or newer: make an environment with one")
    return Check("python", OK, found)


def hardware() -> Iterator[Check]:
    """Cores and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Check("cores", OK, f"{cores} ({platform.machine()}, {platform.system()})")
    memory = allowed()
    if memory is None:
        yield Check("memory", NOTE, "unknown on this system")
    elif memory < LEAST_MEMORY:
        yield Check("memory", NOTE, f"{memory / GIB:.1f} GiB", "train with a small --batch, or raise --run.pieces")
    else:
        yield Check("memory", OK, f"{memory / GIB:.1f} GiB")


def disks() -> Iterator[Check]:
    """Room, and whether files can be written so that they survive a crash, here and in the cache."""
    yield _disk("disk here", Path.cwd(), "change to a folder that you may write to, or give --out", FAIL)
    yield _disk("disk cache", cache_folder(), "set GANSMITH_CACHE to a folder on a disk with room", NOTE)


def _disk(name: str, folder: Path, fix: str, worst: str) -> Check:
    try:
        free = shutil.disk_usage(_there(folder)).free
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".gansmith-doctor-") as inside:
            before, after = Path(inside, "before"), Path(inside, "after")
            with before.open("wb") as file:
                file.write(b"\0" * (1 << 20))
                file.flush()
                os.fsync(file.fileno())
            before.rename(after)
            whole = after.stat().st_size == 1 << 20
    except OSError as error:
        return Check(name, worst, f"{folder}: {error.strerror or error}", fix)
    if not whole:
        return Check(name, worst, f"{folder}: what was written did not come back", "check that disk")
    found = f"{folder}: {free / GIB:.1f} GiB free; write, fsync and rename work"
    return Check(name, OK, found) if free >= LEAST_DISK else Check(name, NOTE, found, "make room, or " + fix)


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


TORCH = """
import json, torch
from gansmith.training.engine import has_fast_bfloat16, pick_device
device = pick_device()
print(json.dumps({
    "version": torch.__version__, "threads": torch.get_num_threads(), "device": str(device),
    "name": torch.cuda.get_device_name(device) if device.type == "cuda" else "",
    "bf16": has_fast_bfloat16(device), "sum": float(torch.ones(8, 8).matmul(torch.ones(8, 8)).sum()),
}))
"""


def torch() -> Iterator[Check]:
    """PyTorch, the device it will use, and whether bfloat16 is fast there."""
    found, trouble = _asked(TORCH)
    if found is None:
        yield Check("torch", FAIL, trouble, _cure(trouble))
        return
    version = str(found["version"])
    if tuple(int(part) for part in version.split("+")[0].split(".")[:2]) < LEAST_TORCH:
        yield Check("torch", FAIL, version, "gansmith needs PyTorch 2.10 or newer: pip install --upgrade 'torch>=2.10'")
        return
    yield Check("torch", OK, f"{version}, {found['threads']} threads")
    yield Check("device", OK, f"{found['device']} {found['name']}".strip())
    if found["bf16"]:
        yield Check("bfloat16", OK, "fast here, and used")
    else:
        yield Check("bfloat16", NOTE, "not fast on this processor; training runs in float32")


def _cure(trouble: str) -> str:
    if "No module named 'torch'" in trouble:
        return "install PyTorch: pip install torch (for the CPU alone, see pytorch.org/get-started)"
    if "No module named" in trouble:
        return "install gansmith again with everything that it needs: pip install --force-reinstall gansmith"
    return "install PyTorch again in a fresh environment: pip install --force-reinstall torch"


def packages() -> Iterator[Check]:
    """What gansmith needs besides PyTorch, and what it can use."""
    lacking = [name for name in REQUIRED if find_spec(name) is None]
    if lacking:
        yield Check(
            "packages", FAIL, f"not installed: {', '.join(lacking)}", "install gansmith again: pip install gansmith"
        )
    else:
        yield Check("packages", OK, "all that is needed")
    for extra, (modules, use) in EXTRAS.items():
        if all(find_spec(module) for module in modules):
            yield Check(extra, OK, f"for {use}")
        else:
            yield Check(extra, NOTE, f"not installed; only for {use}", f"pip install 'gansmith[{extra}]'")


TRAINING = """
import json, time, tempfile
from pathlib import Path
import numpy as np
from gansmith.data.images import from_array
from gansmith.networks import DCGAN
from gansmith.training import Recipe, Schedules, load, resume, train
from gansmith.training.display import Silent

images = from_array(np.random.default_rng(0).integers(0, 256, (64, 16, 16), np.uint8), name="noise")
recipe = Recipe(name="doctor", networks=DCGAN(width=8), latent=8, batch=16, steps=60,
                every=Schedules(log=10, sample=60, save=30))
with tempfile.TemporaryDirectory() as folder:
    start = time.monotonic()
    train(recipe, out=Path(folder, "run"), data=images, display=Silent())
    speed = 60 * 16 / (time.monotonic() - start)
    resume(Path(folder, "run"), steps=70, data=images, display=Silent())
    load(Path(folder, "run")).sample(4)
print(json.dumps({"speed": speed}))
"""


def training() -> Check:
    """A tiny network, trained, saved, resumed and sampled."""
    found, trouble = _asked(TRAINING)
    if found is None:
        return Check("training", FAIL, trouble, "run it again with gansmith train --steps 20 and see where it stops")
    return Check(
        "training", OK, f"a tiny network was trained, saved, resumed and sampled ({found['speed']:.0f} images/s)"
    )


def _asked(program: str) -> tuple[dict[str, Any] | None, str]:
    """What a program prints as its last line, in a process of its own; or None and what went wrong."""
    home = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), home)))
    # -P: a torch.py in the current folder is not the one that training would import.
    command = [sys.executable, "-P", "-c", program]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer in {SECONDS:.0f} s"
    except OSError as error:
        return None, f"no process could be started: {error.strerror or error}"
    if done.returncode < 0:
        return None, f"the process was ended by signal {-done.returncode}"
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return None, said[-1] if said else f"exit code {done.returncode}"
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer, ""
