"""What a person sees: the words of the state, plain lines for pipes, and a live one for terminals."""

import io
import sys
from types import SimpleNamespace

import pytest

from gansmith.training.display import LiveDisplay, PlainDisplay, Silent, duration, preparing, shown_here, state_in_words

RECORD = {
    "step": 500,
    "images_per_second": 1234.4,
    "seconds_left": 90.0,
    "cost/discriminator": 1.25,
    "cost/generator": 0.75,
    "accuracy": 0.7,
}


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        (1.0, "the discriminator is far ahead"),
        (0.9, "the discriminator leads"),
        (0.7, "balanced"),
        (0.5, "balanced"),  # where it sees no difference, which is what the generator wants
        (0.3, "the generator leads"),
        (None, "playing"),
    ],
)
def test_the_state_in_words(accuracy, words):
    assert state_in_words({} if accuracy is None else {"accuracy": accuracy}) == words


def test_durations():
    assert [duration(s) for s in (0.4, 59.4, 59.6, 3599, 3600)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "1 h 0 min",
    ]


def test_a_pipe_gets_a_few_lines_and_always_the_last(capsys):
    display = PlainDisplay(lines=5)
    display.start(0, 1000)
    for step in range(50, 1001, 50):
        display.update({**RECORD, "step": step})
    display.stop()
    out, err = capsys.readouterr()
    assert out == ""  # standard output is for the run's directory alone
    steps = [int(line.split("/")[0].removeprefix("step")) for line in err.splitlines()]
    assert steps == [50, 250, 450, 650, 850, 1000]
    assert err.splitlines()[1] == (
        "step  250/1000  1234 images/s  1 min 30 s left  discriminator 1.250  generator 0.750  balanced"
    )


def test_a_run_that_goes_on_is_shown_from_where_it_is(capsys):
    display = PlainDisplay(lines=5)
    display.start(900, 1000)
    display.update({**RECORD, "step": 910})
    assert capsys.readouterr().err.startswith("step  910/1000")


def test_a_terminal_shows_steps_speed_time_costs_and_state(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    display = shown_here()
    assert isinstance(display, LiveDisplay)
    display.start(0, 1000)
    display.update(RECORD)
    display.say("a [note]")
    display.stop()
    shown = terminal.getvalue()
    for words in ("500/1000", "1234 images/s", "1 min 30 s left", "discriminator 1.250", "balanced", "a [note]"):
        assert words in shown, words


def test_only_the_first_of_several_processes_shows_anything(monkeypatch):
    mine = Silent()
    assert shown_here(mine) is mine
    monkeypatch.setenv("RANK", "1")
    assert isinstance(shown_here(PlainDisplay()), Silent)


def test_preparations_are_told_only_if_they_take_long_and_then_ever_more_rarely(monkeypatch, capsys):
    clock = [0.0]
    monkeypatch.setattr("gansmith.training.display.time.monotonic", lambda: clock[0])
    with preparing(PlainDisplay()) as show:
        for second in range(100):
            clock[0] = float(second)
            show("reading", second, 99)
    told = [int(line.split()[1]) for line in capsys.readouterr().err.splitlines()]
    # After 2 seconds; then after pauses of 3, 4.5, 6.75, 10.125, 15.1875, 22.78 and 30 seconds, in whole seconds.
    assert told == [3, 7, 12, 19, 30, 46, 69]


@pytest.mark.parametrize("long", [True, False])
def test_preparations_are_a_bar_on_a_terminal_which_vanishes(monkeypatch, long: bool):
    terminal, clock = io.StringIO(), [0.0]
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    display = LiveDisplay()
    monkeypatch.setattr("gansmith.training.display.time", SimpleNamespace(monotonic=lambda: clock[0]))

    def prepare() -> None:
        with preparing(display) as show:
            clock[0] = 1.0 if long else 0.1
            show("reading", 3, 9)
            raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        prepare()
    shown = terminal.getvalue()
    assert ("3/9" in shown, "reading" in shown) == (long, long)
    assert shown.count("\x1b[?25h") == shown.count("\x1b[?25l")  # the cursor is back, whatever happened
