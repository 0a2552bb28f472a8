"""What holds an item: claims that can fail, studios that draw, pages that show, and the command's exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from PIL import Image

from gansmith.cli import main
from gansmith.tutorial import ITEMS, AtLeast, AtMost, Claim, Item, Performance, Within, find, perform
from gansmith.tutorial.catalogue import CHAPTERS
from gansmith.tutorial.gallery import PAGES, exhibit, run_all
from gansmith.tutorial.pages import as_html, as_markdown
from gansmith.tutorial.studio import Studio

QUICK = "no-gradient-at-half"
HEAVY = ("torch", "numpy", "matplotlib", "PIL")


class Stub(Item):
    """An item that claims a number and draws nothing, or fails if there is none."""

    number: float | None = 1.0

    @property
    def story(self) -> str:
        return "A *story* of D*, <angles>, D*, p_g and `a_b`.\n\n    x = 1"

    @property
    def run(self):
        def run(studio: Studio) -> list[Claim]:
            if self.number is None:
                raise RuntimeError("the item broke")
            return [Claim("the number is small", self.number, AtMost(2.0))]

        return run


class Wrong(Stub):
    number = 3.0


class Broken(Stub):
    number = None


def stub(kind: type[Stub], name: str) -> Stub:
    return kind(name=name, title=f"Title of {name}", source="nobody", seconds=1)


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [
        (AtMost(0.5), 0.5, 0.5000001),
        (AtLeast(8.0), 8.0, 7.9999),
        (Within(1.0, 0.1), 1.0999, 1.1001),
        (Within(1.0, 0.1), 0.9001, 0.8999),
        (AtMost(0.0), 0.0, float("nan")),
        (AtLeast(0.0), 0.0, float("nan")),
        (Within(0.0, 1.0), 0.0, float("nan")),
        (AtMost(0.0), float("-inf"), float("inf")),
    ],
)
def test_a_claim_passes_on_its_bound_and_fails_beyond_it(bound, good: float, bad: float) -> None:
    assert Claim("c", good, bound).passed
    assert not Claim("c", bad, bound).passed
    assert Claim("c", bad, bound).verdict == "FAIL"


@pytest.mark.parametrize("bound", [lambda: AtMost(float("inf")), lambda: AtLeast(float("-inf")), lambda: Within(0, -1)])
def test_a_bound_that_cannot_decide_is_refused(bound) -> None:
    with pytest.raises(ValueError, match=r"bound|tolerance"):
        bound()


def test_a_claim_in_json_is_strict_json() -> None:
    """NaN is no JSON; the number becomes null and the claim has failed."""
    text = json.dumps(Claim("c", float("nan"), AtMost(1)).to_dict(), allow_nan=False)
    assert json.loads(text) == {"text": "c", "measured": None, "bound": "≤ 1", "passed": False}


def test_dice_are_a_function_of_seed_and_purpose(tmp_path: Path) -> None:
    one, other = Studio(tmp_path, seed=1), Studio(tmp_path, seed=2)
    draw = lambda studio, key: torch.rand(3, generator=studio.dice(key))  # noqa: E731
    assert torch.equal(draw(one, "a"), draw(one, "a"))
    assert not torch.equal(draw(one, "a"), draw(one, "b"))
    assert not torch.equal(draw(one, "a"), draw(other, "a"))


def test_seeded_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    with Studio(tmp_path).seeded("weights"):
        torch.rand(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_studio_writes_a_png_and_a_gif_that_moves(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    with studio.figure("still", caption="Still.", columns=2, title="t") as (left, right):
        left.plot([0, 1])
        right.plot([1, 0])
    with studio.animation("moving", caption="Moving.") as film:
        for height in (0, 1, 2):
            with film.frame() as (axes,):
                axes.set_ylim(0, 3)
                axes.plot([height, height])
    assert [p.path.name for p in studio.pictures] == ["still.png", "moving.gif"]
    with Image.open(tmp_path / "still.png") as png, Image.open(tmp_path / "moving.gif") as gif:
        assert png.size[0] > png.size[1] > 100
        assert gif.n_frames == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["moving.gif", "still.png"]


def test_an_animation_without_frames_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a frame at least"), Studio(tmp_path).animation("none", caption=""):
        pass
    assert not list(tmp_path.iterdir())


def test_every_item_is_where_its_name_says_and_tells_a_story() -> None:
    """A line in the catalogue without a module would be found by nobody but its user."""
    for name, item in ITEMS.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert len(item.story.splitlines()) >= 4, name
        assert callable(item.run)
    folder = Path(find(QUICK).module.__file__).parent
    assert {p.stem.replace("_", "-") for p in folder.glob("[a-z]*.py")} == set(ITEMS)
    assert len(ITEMS) == sum(len(items) for items in CHAPTERS.values()), "two items share a name"


def test_a_performance_passes_only_if_it_claims_something_and_all_of_it_holds(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    assert perform(stub(Stub, "good"), studio).passed
    assert not perform(stub(Wrong, "wrong"), studio).passed
    item = stub(Stub, "empty")
    assert not Performance(item=item, seed=0, seconds=0.0).passed
    assert not Performance(item=item, seed=0, seconds=0.0, claims=(Claim("", 0, AtMost(1)),), error="x").passed


def test_performing_leaves_the_number_of_threads_alone(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="the item broke"):
        perform(stub(Broken, "broken"), Studio(tmp_path))
    assert torch.get_num_threads() == before


def test_a_gallery_goes_on_after_a_failure(tmp_path: Path, monkeypatch) -> None:
    """The workers import only what they are sent, so the stand-ins run in this process."""
    monkeypatch.setattr("gansmith.tutorial.gallery.ProcessPoolExecutor", InThisProcess)
    items = [stub(Broken, "broken"), stub(Wrong, "wrong"), stub(Stub, "good")]
    told = run_all(items, tmp_path, seed=5, jobs=1, done=lambda performance: None)
    assert [p.item.name for p in told] == ["broken", "wrong", "good"]
    assert [p.passed for p in told] == [False, False, True]
    assert told[0].error == "RuntimeError: the item broke"
    assert {p.seed for p in told} == {5}


class InThisProcess:
    def __init__(self, *_: object, **__: object) -> None: ...
    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None: ...
    def submit(self, function, *arguments):
        future: Future = Future()
        future.set_result(function(*arguments))
        return future


class Killed(InThisProcess):
    def submit(self, function, item, *arguments):
        if item.name != "heavy":
            return super().submit(function, item, *arguments)
        future: Future = Future()
        future.set_exception(BrokenProcessPool())
        return future


def test_a_process_that_is_killed_is_one_failed_item(tmp_path: Path, monkeypatch) -> None:
    """Out of memory looks like this to the one who waits."""
    monkeypatch.setattr("gansmith.tutorial.gallery.ProcessPoolExecutor", Killed)
    items = [stub(Stub, "heavy"), stub(Stub, "light")]
    heavy, light = run_all(items, tmp_path, seed=0, jobs=1, done=lambda performance: None)
    assert (heavy.passed, heavy.error) == (False, "RuntimeError: its process was ended from outside")
    assert light.passed


def test_an_interruption_begins_no_further_item(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gansmith.tutorial.gallery.ProcessPoolExecutor", InThisProcess)
    begun: list[str] = []

    class Slow(Stub):
        @property
        def run(self):
            begun.append(self.name)
            time.sleep(0.05)
            return super().run

    def interrupted(performance: Performance) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all([stub(Slow, str(i)) for i in range(20)], tmp_path, seed=0, jobs=1, done=interrupted)
    assert len(begun) < 10


class Tags(HTMLParser):
    """Every attribute that could fetch something, and which tags are left open."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for key, value in attrs if key in ("src", "href", "action", "srcset")]
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_pages_are_well_formed_need_no_other_host_and_escape_what_they_show(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    with studio.figure("a picture", caption="<b> & [c]") as (axes,):
        axes.plot([0, 1])
    good = perform(stub(Stub, "good"), studio)
    bad = Performance(item=stub(Broken, "bad"), seed=0, seconds=0.0, error="no <luck>")
    page = as_html([good, bad])
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert sorted(tags.links) == ["#bad", "#good", "a%20picture.png"]
    assert "://" not in page
    assert "&lt;b&gt; &amp; [c]" in page
    assert "no &lt;luck&gt;" in page
    assert "<p>A <em>story</em> of D*, &lt;angles&gt;, D*, p_g and <code>a_b</code>.</p><pre>x = 1</pre>" in page
    text = as_markdown([good, bad])
    assert "![\\<b\\> & \\[c\\]](a%20picture.png)" in text
    assert "| PASS | the number is small | 1 | ≤ 2 |" in text
    assert "A *story* of D*, \\<angles\\>, D*, p\\_g and `a_b`.\n\n```text\nx = 1\n```" in text


def test_an_exhibition_is_two_pages_and_the_numbers(tmp_path: Path) -> None:
    told = [perform(stub(Wrong, "wrong"), Studio(tmp_path))]
    assert [path.name for path in exhibit(told, tmp_path)] == list(PAGES)
    (result,) = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert (result["name"], result["passed"], result["claims"][0]["measured"]) == ("wrong", False, 3.0)


# The command line.


@pytest.fixture
def ask(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def ask(*words: str) -> tuple[int, str, str]:
        code = main(["tutorial", *words])
        return code, *capsys.readouterr()

    return ask


@pytest.mark.parametrize("words", [[], ["--json"], ["--help"], ["figure-q"]])
def test_listing_and_mistakes_import_nothing_that_takes_time(words: list[str]) -> None:
    program = (
        f"import sys; from gansmith.cli import main; main({['tutorial', *words]!r}); "
        f"sys.exit(','.join(m for m in {HEAVY} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_has_every_item_with_title_source_and_time(ask) -> None:
    code, out, _ = ask()
    assert code == 0
    for item in ITEMS.values():
        assert f"  {item.name}  " in re.sub(r" +", "  ", out)
        assert f"{item.title} ({item.source}; {item.seconds} s)" in out
    listed = json.loads(ask("--json")[1])
    assert [entry["name"] for entry in listed] == list(ITEMS)


def test_one_item_is_drawn_and_its_numbers_printed(ask) -> None:
    code, out, _ = ask(QUICK, "--seed", "3")
    assert code == 0
    assert out.count("  PASS  ") == 6
    assert f"tutorial/{QUICK}.png" in out
    assert Path("tutorial", f"{QUICK}.png").is_file()


def test_whoever_waits_at_a_terminal_is_told_how_long(ask, monkeypatch) -> None:
    monkeypatch.setattr("gansmith.cli.tutorial.find", lambda name: stub(Stub, name))
    assert ask("anything")[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert ask("anything")[2] == f"anything takes about {stub(Stub, 'anything').seconds} s on one core ...\n"


def test_json_of_one_item_is_all_that_is_printed(ask) -> None:
    code, out, _ = ask(QUICK, "--out", "elsewhere", "--json")
    told = json.loads(out)
    assert (code, told["passed"], told["seed"]) == (0, True, 0)
    assert told["pictures"] == [f"elsewhere/{QUICK}.png"]
    assert told["command"] == f"gansmith tutorial {QUICK}"


def test_a_claim_that_fails_makes_the_command_fail(ask, monkeypatch) -> None:
    monkeypatch.setattr("gansmith.cli.tutorial.find", lambda name: stub(Wrong, name))
    code, out, _ = ask("anything")
    assert code == 1
    assert "FAIL  the number is small: 3 (≤ 2)" in out


@pytest.mark.parametrize("kind", [Wrong, Broken])
def test_all_fails_at_its_end_if_anything_failed(ask, monkeypatch, kind: type[Stub]) -> None:
    monkeypatch.setattr("gansmith.tutorial.gallery.ProcessPoolExecutor", InThisProcess)
    monkeypatch.setattr(
        "gansmith.cli.tutorial.ITEMS", {"a": stub(Stub, "a"), "b": stub(kind, "b"), "c": stub(Stub, "c")}
    )
    code, out, _ = ask("--all")
    assert code == 1
    assert out.count("PASS") == 2
    assert "not in order: b." in out
    assert all(Path("tutorial", page).is_file() for page in PAGES)
    monkeypatch.setattr("gansmith.cli.tutorial.ITEMS", {"a": stub(Stub, "a")})
    assert ask("--all", "--json")[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["no-gradient-at-halv"],
            "the tutorial has no item 'no-gradient-at-halv'; did you mean 'no-gradient-at-half'?",
        ),
        ([QUICK, "--all"], f"--all draws every item; leave out '{QUICK}', or --all"),
        ([QUICK, "--sed", "1"], "gansmith tutorial has no flag --sed; did you mean --seed?"),
        (["--all", "--jobs", "0"], "--jobs: must be at least 1, not 0"),
    ],
)
def test_mistakes_get_one_sentence(ask, words: list[str], sentence: str) -> None:
    assert ask(*words) == (2, "", f"gansmith: {sentence}\n")


@pytest.mark.parametrize("words", [[QUICK], ["--all"]])
def test_a_folder_that_takes_no_pictures_is_refused_before_work_begins(ask, monkeypatch, words: list[str]) -> None:
    monkeypatch.setattr("gansmith.tutorial.item.perform", lambda *_: pytest.fail("work began"))
    Path("file").write_text("")
    code, out, err = ask(*words, "--out", "file")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"gansmith: pictures cannot be written to file \(.+\); name another folder with --out\n", err)


def test_a_real_worker_process_performs_an_item(tmp_path: Path) -> None:
    """Everything that travels between processes can be pickled, and the picture lies where it should."""
    (told,) = run_all([find(QUICK)], tmp_path, seed=0, jobs=1, done=lambda performance: None)
    assert told.passed
    assert told.pictures[0].path == tmp_path / f"{QUICK}.png"
