"""The doctor, tried as a diagnostic test is: does it see the runs that fail, in time, and leave the others alone?

    python benchmarks/doctor.py                                     # everything; hours
    python benchmarks/doctor.py --data spots --seeds 1 --minutes 30
    python benchmarks/doctor.py --scenarios "one latent" "minimax" base
    python benchmarks/doctor.py --judge-only                        # from the stored traces, without any training
    python benchmarks/doctor.py --judge-only --lines missed=0.5     # the same with other lines
    python benchmarks/doctor.py --rescue                            # and roll back those that can be rescued

Failures are planted in several ways, a third of them at the border, beside as many healthy runs, a third of which look
strange (`scenarios.py`). Whether a run fails, and since when, is measured on pictures whose kinds are known and which
neither the players nor the doctor ever see (`truth.py`); where a fault comes in the middle, nothing before it counts.
Runs whose truth is between the lines, or that fail for a while and recover, are counted apart. The doctor reads the
trace probe by probe, as it does during training, and the first time that it speaks counts.

Which half a run belongs to is a function of its scenario and seed: the doctor's lines may be drawn on the first half,
and the second is for the report. Traces are kept in benchmarks/results/doctor/, one file a run, and not made again: the
command can be stopped at any time and repeated.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))  # for whoever imports this file rather than runs it

from scenarios import SCENARIOS, Scenario, base
from truth import DATA, Truth, state_of

import gansmith as gs
from gansmith.files import write_atomically
from gansmith.types import key_seed

LOOKS, MARKS = 50, 25  # how often the doctor looks, and how often the truth is taken
TRACES = Path(__file__).parent / "results" / "doctor"
IN_TIME = 0.1  # of the run, after the onset
GROUPS = ("first", "second")


class Job(NamedTuple):
    """One training."""

    data: str
    scenario: str
    seed: int
    steps: int

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Job:
        return cls(found["data"], found["scenario"], found["seed"], found["steps"])

    @property
    def path(self) -> Path:
        name = re.sub("[^a-z0-9]+", "-", self.scenario.lower()).strip("-")
        return TRACES / f"{self.data}-{self.steps}-{name}-{self.seed}.json.gz"


def half(scenario: str, data: str, seed: int) -> str:
    """Which half a run belongs to, for good."""
    return GROUPS[key_seed("half", scenario, data, seed) % 2]


def recipe_of(scenario: Scenario, data: str, steps: int, seed: int) -> Any:
    from gansmith.training.recipe import settled

    recipe = scenario.change(base(data, steps, seed))
    looks = max(1, steps // LOOKS)
    return settled(replace(recipe, every=replace(recipe.every, log=looks, watch=looks, sample=10**9)))


class Now(NamedTuple):
    """A training after one of its steps."""

    session: Any
    records: list[dict[str, Any]]  # what was written down since the step before
    broken: bool = False  # something is not finite: the training ends here


def course(job: Job, images: Any) -> Iterator[Now]:
    """One training, watched by the doctor, from before its first step."""
    from gansmith.training.engine import DeviceEngine
    from gansmith.training.meter import Meter
    from gansmith.training.model import Model
    from gansmith.training.session import Session
    from gansmith.training.watch import probe_of

    data, name, seed, steps = job
    scenario, recipe = SCENARIOS[name], recipe_of(SCENARIOS[name], data, steps, seed)
    session = Session.start(recipe, images, DeviceEngine(precision="float32"))
    probe, meter = probe_of(session), Meter(recipe.batch)
    yield Now(session, [])
    while session.step < steps:
        if scenario.fault is not None and session.step == int(scenario.at * steps):
            scenario.fault(session)
        meter.add(session.advance())
        records: list[dict[str, Any]] = []
        if not meter.finite() or (session.step % 10 == 0 and session.broken()):
            records.append({"step": session.step, **{f"cost/{player}": math.nan for player in session.players}})
            yield Now(session, records, broken=True)
            return
        if session.step % recipe.every.watch == 0:
            records.append(meter.record(session.step, steps))
            memory = session.dynamics.get("memory")
            seen = probe(session.recipe.game, session.players, Model.of(session), step=session.step, memory=memory)
            records.append({"step": session.step, **seen})
        yield Now(session, records)


def run(job: Job) -> dict[str, Any]:
    """One training with everything that the doctor and the truth see of it, in a process of its own."""
    from gansmith.training.config import flattened

    data, name, seed, steps = job
    truth, started = Truth.of(data), time.perf_counter()
    images = SCENARIOS[name].images(DATA[data].train())
    records: list[dict[str, Any]] = []
    marks, broken = [], None
    for now in course(job, images):
        step, records = now.session.step, [*records, *now.records]
        if now.broken:
            broken = step
        elif step % max(1, steps // MARKS) == 0:
            marks.append(truth.mark(now.session, images))
    return {
        "data": data,
        "scenario": name,
        "seed": seed,
        "steps": steps,
        "settings": _plain(flattened(recipe_of(SCENARIOS[name], data, steps, seed))),
        "broken": broken,
        "seconds": round(time.perf_counter() - started, 1),
        "records": [_rounded(record) for record in records],
        "truth": [_rounded(mark) for mark in marks],
    }


def rescued(job: Job, on_failure: str = "rollback") -> dict[str, Any]:
    """How a training ends that a user starts, and that may step back by itself."""
    from gansmith.training.errors import TrainingError

    data, name, seed, steps = job
    recipe = recipe_of(SCENARIOS[name], data, steps, seed)
    save = max(1, steps // 20)
    every = replace(recipe.every, save=save, keep=20)
    recipe = replace(
        recipe, on_failure=on_failure, every=every, run=replace(recipe.run, threads=1, precision="float32")
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        try:
            gs.train(recipe, data=DATA[data].train(), out=out)
        except TrainingError as error:
            return {"error": str(error), "finite": 0.0}
        decisions = out / "decisions.jsonl"
        lines = decisions.read_text(encoding="utf-8").splitlines() if decisions.is_file() else []
        return {**_rounded(Truth.of(data).judge(gs.load(out))), "decisions": [json.loads(line) for line in lines]}


def _rounded(record: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in record.items() if not name.startswith(("seconds", "images_per"))}
    return {name: float(f"{v:.5g}") if isinstance(v, float) else v for name, v in kept.items()}


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(settings, default=repr))


def keep(path: Path, found: Mapping[str, Any]) -> None:
    text = json.dumps(found, separators=(",", ":"))
    write_atomically(path, gzip.compress(text.encode(), mtime=0))


def kept(path: Path) -> dict[str, Any]:
    return json.loads(gzip.decompress(path.read_bytes()))


def heard(found: Mapping[str, Any], lines: Mapping[str, float]) -> list[dict[str, Any]]:
    """All that the doctor says of a run as it goes on: when it first warns of a disorder, and when it is a failure."""
    from gansmith.diagnostics import Limits, Trace, diagnose

    said: dict[tuple[str, bool], dict[str, Any]] = {}
    limits = replace(Limits(), **lines)
    trace, settings = Trace(tuple(found["records"])), {**found["settings"], "steps": found["steps"]}
    for step in dict.fromkeys(record["step"] for record in found["records"]):
        for verdict in diagnose(trace.until(step), settings, limits).verdicts:
            facts = {"disorder": verdict.disorder, "step": step, "began": verdict.began, "failure": verdict.failure}
            said.setdefault((verdict.disorder, verdict.failure), facts)
    return list(said.values())


def judged(
    found: Mapping[str, Any], reference: list[Mapping[str, float]], lines: Mapping[str, float]
) -> dict[str, Any]:
    """A run's truth beside what the doctor said of it, by its own lines but for those that are given."""
    scenario, steps = SCENARIOS[found["scenario"]], found["steps"]
    state, onset, why = state_of(found, reference, from_step=int(scenario.at * steps))
    said = heard(found, lines)
    # Before a fault there is nothing to see, and a warning is no alarm, though one of what a run fails by has found it.
    since = scenario.at * steps if scenario.fault else -1
    grave = [verdict for verdict in said if verdict["failure"] or (state == "fails" and verdict["disorder"] in why)]
    early = [verdict for verdict in grave if verdict["failure"] and verdict["step"] <= since]
    first = min((verdict["step"] for verdict in grave if verdict["step"] > since), default=None)
    return {
        "data": found["data"],
        "scenario": found["scenario"],
        "seed": found["seed"],
        "steps": steps,
        "half": half(found["scenario"], found["data"], found["seed"]),
        "planted": scenario.disorder,
        "hard": scenario.hard,
        "state": state,
        "onset": onset,
        "why": why,
        "said": said,
        "found": first,
        "early": bool(early),
        "delay": None if first is None or onset is None else round((first - onset) / steps, 3),
        "named": any(verdict["disorder"] == scenario.disorder for verdict in said),
        "final": found["truth"][-1],
    }


def share(right: int, of: int) -> dict[str, Any]:
    from report import wilson

    return {"right": right, "of": of, "interval": [round(limit, 3) for limit in wilson(right, of)]}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Sensitivity, false alarms and delay of some runs."""
    failing = [row for row in rows if row["state"] == "fails"]
    well = [row for row in rows if row["state"] == "healthy"]
    found = [row for row in failing if row["found"] is not None]
    delays = [row["delay"] for row in found]
    planted = sorted({row["planted"] for row in failing} - {""})
    alarms = [row for row in well if row["found"] is not None] + [row for row in failing if row["early"]]
    return {
        "runs": len(rows),
        "unclear": sum(row["state"] == "unclear" for row in rows),
        "recovered": sum(row["state"] == "recovers" for row in rows),
        "sensitivity": share(len(found), len(failing)),
        "in_time": share(sum(delay <= IN_TIME for delay in delays), len(failing)),
        "false_alarms": share(len(alarms), len(well) + sum(row["early"] for row in failing)),
        "at_the_border": share(sum(row["hard"] for row in found), sum(row["hard"] for row in failing)),
        "strange": share(sum(row["hard"] for row in alarms), sum(row["hard"] for row in well)),
        "alarms": dict(Counter(verdict["disorder"] for row in alarms for verdict in row["said"] if verdict["failure"])),
        "delay": {
            "median": statistics.median(delays) if delays else None,
            "most": max(delays, default=None),
        },
        "by_disorder": {
            name: {
                "found": share(sum(row["found"] is not None for row in mine), len(mine)),
                "named": sum(row["named"] for row in mine),
                "planted": sum(row["planted"] == name for row in rows),
            }
            for name in planted
            if (mine := [row for row in failing if row["planted"] == name])
        },
    }


def references(traces: list[dict[str, Any]]) -> dict[tuple[str, int], list[dict[str, float]]]:
    """The median course of the base runs, by data and steps: what is normal at every mark."""
    found = {}
    for place in {(trace["data"], trace["steps"]) for trace in traces}:
        runs = [
            trace["truth"]
            for trace in traces
            if (trace["data"], trace["steps"]) == place and trace["scenario"].startswith("base") and not trace["broken"]
        ]
        found[place] = [
            {name: statistics.median(mark[name] for mark in marks) for name in marks[0]}
            for marks in zip(*runs, strict=True)
        ]
    return found


def report(traces: list[dict[str, Any]], rescues: Mapping[str, Any], lines: Mapping[str, float]) -> dict[str, Any]:
    normal = references(traces)
    rows = [judged(t, normal[t["data"], t["steps"]], lines) for t in traces if normal.get((t["data"], t["steps"]))]
    return {
        "protocol": {**protocol(), "lines": dict(lines) or "the doctor's own"},
        "summary": {name: summary([row for row in rows if row["half"] == name]) for name in GROUPS},
        "all": summary(rows),
        "rescue": rescue_summary(rows, rescues),
        "rows": rows,
        "rescues": rescues,
    }


def rescue_summary(rows: list[dict[str, Any]], rescues: Mapping[str, Any]) -> dict[str, Any]:
    """Of the runs that fail by a setting: how many end as a healthy run does when they may step back."""
    failing = {
        Job.of(row).path.name: row for row in rows if row["state"] == "fails" and SCENARIOS[row["scenario"]].rescuable
    }
    tried = {name: found for name, found in rescues.items() if name in failing}
    return share(sum(bool(found["well"]) for found in tried.values()), len(tried))


def protocol() -> dict[str, Any]:
    from truth import LINES

    return {
        "data": {name: data.about for name, data in DATA.items()},
        "looks": f"{LOOKS} in a run; the truth is taken {MARKS} times",
        "truth": LINES,
        "halves": "a hash of scenario, data and seed; the doctor's lines may be drawn on the first",
        "found": f"the first grave verdict after the onset of a fault; in time: at most {IN_TIME} of the run after it",
        "intervals": "Wilson, 95 %",
    }


def a_line(text: str) -> tuple[str, float]:
    """A field of the doctor's `Limits` with its value, from the command line."""
    from gansmith.diagnostics import Limits

    name, _, value = text.partition("=")
    kind = type(getattr(Limits(), name))
    return name, kind(value)


def line(row: Mapping[str, Any]) -> str:
    said = ", ".join(f"{verdict['disorder']} at {verdict['step']}" for verdict in row["said"]) or "nothing"
    since = f" since {row['onset']} ({', '.join(row['why'])})" if row["onset"] is not None else ""
    planted = row["planted"] or "healthy"
    return f"{row['data']:8}{row['half']:7}{planted:24}{row['scenario']:48}{row['state']}{since}; said: {said}"


def told(name: str, found: Mapping[str, Any]) -> None:
    words = {key: f"{v['right']} of {v['of']} {v['interval']}" for key, v in found.items() if key in SHOWN}
    print(
        f"{name:7}",
        json.dumps(words),
        "delay",
        json.dumps(found["delay"]),
        f"unclear {found['unclear']}, recovered {found['recovered']}",
    )


SHOWN = ("sensitivity", "in_time", "false_alarms")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scenarios", nargs="+", choices=list(SCENARIOS), metavar="NAME", default=list(SCENARIOS))
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of every run; by default each data set's own number")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after this time")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, of one thread each")
    parser.add_argument("--rescue", action="store_true", help="run those that can be rescued again, with rollback")
    parser.add_argument("--judge-only", action="store_true", help="train nothing")
    parser.add_argument(
        "--lines", nargs="+", type=a_line, default=[], metavar="NAME=VALUE", help="of the doctor, to try"
    )
    args = parser.parse_args()

    from pool import finished
    from report import RESULTS, write_result

    minutes = 0.0 if args.judge_only else args.minutes
    every = [
        Job(data, name, seed, args.steps or DATA[data].steps)
        for seed in range(args.seeds)
        for data in args.data
        for name in args.scenarios
        if DATA[data].varied or not SCENARIOS[name].within
    ]
    path = RESULTS / "doctor.json"
    rescues = json.loads(path.read_text(encoding="utf-8"))["rescues"] if path.is_file() else {}
    missing = [job for job in every if not job.path.is_file()]
    for job, found in finished(run, missing, workers=args.workers, minutes=minutes):
        keep(job.path, found)
        print(f"{job.data:8}{job.scenario}: {found['seconds']:.0f} s", flush=True)
    traces = [kept(file) for file in sorted(TRACES.glob("*.json.gz"))]
    if args.rescue:
        rescue(traces, rescues, args.workers, minutes)
    result = report(traces, rescues, dict(args.lines))
    for row in result["rows"]:
        print(line(row))
    for name in (*GROUPS, "all"):
        told(name, result["all"] if name == "all" else result["summary"][name])
    print("rescued", json.dumps(result["rescue"]))
    write_result("doctor", result)


def rescue(traces: list[dict[str, Any]], rescues: dict[str, Any], workers: int, minutes: float) -> None:
    """Run again, with rollback, what failed by a setting, and note whether it ended well."""
    from pool import finished
    from truth import ended_well

    normal, jobs = references(traces), []
    for trace in traces:
        job = Job.of(trace)
        usual = normal[job.data, job.steps]
        if not SCENARIOS[job.scenario].rescuable or job.path.name in rescues or not usual:
            continue
        if judged(trace, usual, {})["state"] == "fails":
            jobs.append(job)
    for job, found in finished(rescued, jobs, workers=workers, minutes=minutes):
        found["well"] = ended_well(found, normal[job.data, job.steps][-1])
        rescues[job.path.name] = found
        print(f"{job.data:8}{job.scenario}: {'rescued' if found['well'] else 'lost'}", flush=True)


if __name__ == "__main__":
    main()
