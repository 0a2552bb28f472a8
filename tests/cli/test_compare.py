"""`gansmith compare`: where it finds reports, what it takes together, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gansmith.metrics import Figure, Report
from gansmith.metrics.score import _example


@pytest.fixture
def judged(tmp_path: Path):
    """Writes an evaluation into a run of the working folder."""

    def write(name: str, value: float, *, recipe: str | None = None, seed: int = 0, **protocol: object) -> str:
        figure = Figure(value=value, low=value - 0.2, high=value + 0.2, better="lower", measure="Frechet()")
        about = {"judged": name, "recipe_digest": recipe, "training_seed": seed}
        report = Report(replace(_example(), **protocol), {"Fréchet distance (pixels)": figure}, about)
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "evaluation.json").write_text(json.dumps(report.to_dict()))
        return name

    return write


def test_two_runs_side_by_side(gansmith, judged) -> None:
    answer = gansmith("compare", judged("one", 3.0), judged("two", 4.0))
    assert answer.code == 0, answer.err
    for words in ("3.0000 ± 0.2000 *", "4.0000 ± 0.2000", "one is better than two by more than the noise",
                  "100 samples, seed 0", "the noise of training is not in it"):  # fmt: skip
        assert words in answer.out


def test_files_and_folders_of_pages_will_do(gansmith, judged) -> None:
    judged("one/evaluation", 3.0)
    judged("two", 3.1)
    answer = gansmith("compare", "one/evaluation", "two/evaluation.json")
    assert answer.code == 0, answer.err
    assert "within the noise" in answer.out


def test_a_model_carries_its_report(gansmith, judged, tmp_path) -> None:
    """An exported folder has it in its description, and so have the models that travel along, known by their names."""
    judged("one", 3.0)
    report = json.loads(Path(judged("two", 4.0), "evaluation.json").read_text())
    for name, evaluation in (("model", report), ("unjudged", None)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"format": 1, "evaluation": evaluation}))
    answer = gansmith("compare", "one", "model")
    assert "one is better than model by more than the noise" in answer.out, answer.err
    assert "unjudged was never judged" in gansmith("compare", "one", "unjudged").err
    assert "one and digits differ in samples: 100 and 10,000" in gansmith("compare", "one", "digits").err


def test_seeds_of_a_recipe_are_taken_together(gansmith, judged) -> None:
    runs = [judged(f"a{seed}", 3.0 + seed, recipe="a", seed=seed) for seed in range(3)]
    other = judged("b", 9.0, recipe="b")
    found = json.loads(gansmith("compare", *runs, other, "--json").out)
    assert found["entries"] == ["a0 and 2 more", "b"]
    level = found["scores"]["Fréchet distance (pixels)"]["a0 and 2 more"]
    assert (level["value"], level["spread"], level["trainings"]) == (4.0, 1.0, 3)
    assert [run["training_seed"] for run in found["runs"]["a0 and 2 more"]] == [0, 1, 2]
    each = json.loads(gansmith("compare", *runs, "--each", "--json").out)
    assert each["entries"] == runs
    assert "add --each" in gansmith("compare", *runs).err


def test_the_same_seed_twice_is_no_second_training(gansmith, judged) -> None:
    runs = [judged(name, 3.0, recipe="a", seed=1) for name in ("x", "y")]
    assert json.loads(gansmith("compare", *runs, "--json").out)["entries"] == ["x", "y"]


def test_unlike_protocols_are_refused_in_a_sentence(gansmith, judged) -> None:
    runs = judged("one", 3.0), judged("two", 4.0, samples=50)
    answer = gansmith("compare", *runs)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "gansmith: one and two differ in samples: 100 and 50; evaluate both in the same way, or add --despite samples\n"
    )
    assert gansmith("compare", *runs, "--despite", "samples").code == 0


def test_a_run_that_nobody_judged(gansmith, judged, tmp_path) -> None:
    """A run keeps its scores, and images do not: each is told what makes them comparable."""
    for name in ("new", "images"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "config.yaml").write_text("steps: 1\n")
    one = judged("one", 3.0)
    for name, cure in (
        ("new", "gansmith evaluate new measures them"),
        (
            "images",
            "judge its images with gansmith evaluate images --data SPEC, and compare the folder that this writes",
        ),
    ):
        answer = gansmith("compare", one, name)
        assert (answer.code, answer.err) == (2, f"gansmith: {name} has no scores: {cure}\n")


def test_what_is_refused(gansmith, judged, tmp_path) -> None:
    one = judged("one", 3.0)
    (tmp_path / "odd.json").write_text("{")
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "old.json").write_text('{"scores": {"recall": 0.5}}')
    for words, sentence in (
        ([one], "at least two runs; got 1"),
        ([one, one], "one was given twice"),
        ([one, "two"], "there is no run, model or evaluation two"),
        ([one, "odd.json"], "odd.json is not a report of gansmith evaluate"),
        ([one, "a.png"], "a.png is not a report of gansmith evaluate: it is no text\n"),
        ([one, "old.json"], "old.json: this is no report of this version of gansmith: evaluate once more"),
    ):
        answer = gansmith("compare", *words)
        assert (answer.code, answer.out) == (2, "")
        assert sentence in answer.err


def test_runs_of_the_same_name_are_told_apart(gansmith, judged) -> None:
    runs = judged("here/run", 3.0), judged("there/run", 4.0)
    found = json.loads(gansmith("compare", *runs, "--json").out)
    assert found["entries"] == [str(Path("here", "run")), str(Path("there", "run"))]
