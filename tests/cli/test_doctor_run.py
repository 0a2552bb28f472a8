"""`doctor RUN`: what a run suffers from, told from what it wrote down, whatever state it is in."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gansmith.cli.app import FAILING
from gansmith.training.quality import Quality

HEALTHY = {
    "watch/accuracy": 0.7,
    "watch/accuracy_held_out": 0.69,
    "watch/logit_gap": 1.0,
    "watch/logit_gap_held_out": 0.95,
    "watch/overfitting": 0.05,
    "watch/reach": 1.0,
    "watch/saturated": 0.1,
    "watch/distance": 0.02,
    "watch/diversity": 1.0,
    "watch/local_diversity": 1.0,
    "watch/missed": 0.0,
    "watch/kl": 0.02,
    "watch/nearest": 1.0,
    "watch/batch_correlation": 0.0,
    "watch/non_finite": 0.0,
}
COLLAPSED = {**HEALTHY, "watch/diversity": 0.05, "watch/local_diversity": 0.02, "watch/distance": 0.6}


def written(run: Path, copy: Path, records: list[dict[str, Any]], *, steps: int = 3000) -> Path:
    """A run with another history."""
    shutil.copytree(run, copy)
    config = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(re.sub(r"(?m)^steps: .*$", f"steps: {steps}", config))
    (copy / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return copy


def collapsing(until: int = 3000) -> list[dict[str, Any]]:
    """Well until step 1,000, one picture from then on."""
    return [{"step": s, **(HEALTHY if s <= 1000 else COLLAPSED), "state": ""} for s in range(0, until + 1, 100)]


def test_a_collapse_is_told_with_evidence_and_the_flag_that_helps(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    run = written(tiny_run, tmp_path / "bad", collapsing())
    answer = gansmith("doctor", run)
    assert answer.code == FAILING
    first = answer.out.splitlines()[0]
    assert first.startswith(f"{run} at step 3,000 of 3,000: mode collapse since step 1,")
    assert "samples are 0.05 times as far apart as real images" in answer.out
    assert re.search(r"what to do: .*--", answer.out)
    page = (run / "doctor" / "index.html").read_text()
    assert "mode collapse" in page
    assert page.count('src="data:image/png;base64,') >= 2
    assert not re.search(r'(src|href)="(?!data:)', page)  # nothing is fetched
    assert page.count("<img ") == len(re.findall(r'<img [^>]* alt="[^"]+"', page))
    assert re.search(r"What to do:</strong> [^<]*<code>--[a-z]", page)
    assert (run / "doctor" / "1-mode-collapse.png").read_bytes().startswith(b"\x89PNG")


def test_as_json(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    run = written(tiny_run, tmp_path / "bad", collapsing())
    answer = gansmith("doctor", run, "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["failing"], found["known"], found["step"]) == (FAILING, True, True, 3000)
    (verdict, *_) = found["verdicts"]
    assert verdict["disorder"] == "mode collapse"
    assert 1000 < verdict["began"] <= verdict["seen"] < 2000
    assert verdict["remedy"]["settings"]
    assert found["signals"]["watch/diversity"] == 0.05
    assert Path(found["page"]).is_file()


def test_a_healthy_run_is_healthy(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    run = written(tiny_run, tmp_path / "good", [{"step": s, **HEALTHY, "state": ""} for s in range(0, 3001, 100)])
    answer = gansmith("doctor", run)
    assert answer.code == 0
    assert answer.out.splitlines()[0] == f"{run} at step 3,000 of 3,000: healthy"
    assert "0.7" in (run / "doctor" / "index.html").read_text()


def test_a_run_that_is_going_on_may_be_asked_and_a_torn_line_does_not_matter(
    gansmith, tiny_run: Path, tmp_path: Path
) -> None:
    run = written(tiny_run, tmp_path / "now", collapsing(2000))
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2025, "cost/gen')
    answer = gansmith("doctor", run)
    assert answer.code == FAILING
    assert f"{run} at step 2,000 of 3,000: mode collapse" in answer.out


def test_of_a_run_that_nobody_watched_costs_and_quality_are_told(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    figures = [{"step": 500, Quality.name: 4.0}, {"step": 1000, Quality.name: 2.0}, {"step": 1500, Quality.name: 9.0}]
    run = written(tiny_run, tmp_path / "old", [*figures, {"step": 1500, "cost/generator": 0.7, "accuracy": 0.99}])
    answer = gansmith("doctor", run)
    assert answer.code == 0
    assert "too early to say" in answer.out
    assert "--probe" in answer.out
    assert "It was best at step 1,000, 2, and is 9 now: it has got worse" in answer.out
    assert "--checkpoint best" in answer.out
    assert "the discriminator is far ahead" in answer.out


def test_a_cost_that_was_not_finite_needs_no_watch(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    run = written(tiny_run, tmp_path / "nan", [{"step": 25, "cost/generator": "nan"}])
    answer = gansmith("doctor", run)
    assert answer.code == FAILING
    assert "divergence since step 25" in answer.out
    assert "the generator's cost is not finite" in answer.out


def test_what_the_run_did_by_itself_is_told(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    run = written(tiny_run, tmp_path / "back", [{"step": s, **HEALTHY, "state": ""} for s in range(0, 3001, 100)])
    lr = "dynamics.alternating.optimizer.adam.lr"
    decision = {"step": 900, "what": "went back", "disorder": "mode collapse", "to": 500}
    decision |= {"settings": {lr: 0.001}, "remedy": "Lower the learning rate: --lr 0.001"}
    (run / "decisions.jsonl").write_text(json.dumps(decision) + "\n")
    answer = gansmith("doctor", run)
    said = "At step 900 the run went back to step 500 (mode collapse): Lower the learning rate: --lr 0.001."
    assert said in answer.out


def test_a_page_that_cannot_be_written_hides_no_diagnosis(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    run = written(tiny_run, tmp_path / "bad", collapsing())
    (run / "doctor").write_text("not a folder")
    answer = gansmith("doctor", run)
    assert answer.code == FAILING
    assert "mode collapse since step 1," in answer.out
    assert "With pictures" not in answer.out
    assert "the page could not be written to" in answer.err


@pytest.mark.smoke
def test_signals_can_be_taken_now(gansmith, tiny_run: Path, tmp_path: Path) -> None:
    """Of the newest checkpoint, with its data; nothing of the run changes but its page."""
    shutil.copytree(tiny_run, tmp_path / "run")
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    answer = gansmith("doctor", tmp_path / "run", "--probe", "--json")
    found = json.loads(answer.out)
    assert answer.code in (0, FAILING)
    assert found["signals"]["watch/diversity"] > 0
    after = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file() and p.parent.name != "doctor"}
    assert after == before


def test_one_look_at_a_run_that_nobody_watched_is_judged_as_one_look(
    gansmith, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collapsed samples at step 1,500 of 3,000: whether that lasts cannot be told, and is not claimed."""
    look = {"step": 1500, "watch/diversity": 0.1, "watch/local_diversity": 0.1, "watch/distance": 0.6}
    run = written(tiny_run, tmp_path / "run", [{"step": 1500, "cost/generator": 0.7}])
    monkeypatch.setattr("gansmith.training.checkup.looked_at", lambda *_, **__: look)
    answer = gansmith("doctor", run, "--probe")
    assert answer.code == FAILING
    assert "mode collapse, since step 1,500" in answer.out
    assert "This rests on one look" in answer.out
    well = {"step": 1500, "watch/diversity": 0.9, "watch/local_diversity": 0.9, "watch/distance": 0.01}
    monkeypatch.setattr("gansmith.training.checkup.looked_at", lambda *_, **__: well)
    assert gansmith("doctor", run, "--probe").code == 0


def test_what_cannot_be_looked_at_is_said(
    gansmith, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for a look and gets none must not read that all is well."""

    def broken(session: object) -> None:
        raise ZeroDivisionError("no such network")

    monkeypatch.setattr("gansmith.training.watch.probe_of", broken)
    shutil.copytree(tiny_run, tmp_path / "run")
    answer = gansmith("doctor", tmp_path / "run", "--probe")
    assert answer.code == 2
    assert "the run cannot be looked at: no such network" in answer.err


def test_a_failing_run_is_no_mistake_and_no_accident(gansmith) -> None:
    """Scripts tell by the exit code what was found from what went wrong; that of a failing run is train's own."""
    assert FAILING == 4
    assert "4 the run is failing" in gansmith("doctor", "--help").out


def test_where_there_is_no_run_and_flags_without_one(gansmith, tmp_path: Path) -> None:
    answer = gansmith("doctor", tmp_path / "nothing")
    assert answer.code == 2
    assert "there is no run at" in answer.err
    assert gansmith("doctor", "--probe").code == 2
    answer = gansmith("doctor", tmp_path, "--quick")
    assert (answer.code, answer.err) == (2, "gansmith: --quick is of the machine: leave it out, or the run\n")
