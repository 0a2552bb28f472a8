"""What is saved comes back bit for bit, or is refused by name."""

import json
import pickle
import random
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gansmith.training import manifest
from gansmith.training.checkpoints import CheckpointError, Checkpoints, refuse_pickle
from gansmith.training.trees import pack, unpack


def bits(x: Tensor) -> Tensor:
    return x.contiguous().flatten().view(torch.uint8)


def same(a: object, b: object) -> bool:
    """Equal in structure, type, shape, strides and every bit."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        # Bits, not values: NaN must equal itself and 0.0 must differ from -0.0.
        return a.dtype == b.dtype and a.shape == b.shape and (a.numel() == 0 or bits(a).equal(bits(b)))
    if isinstance(a, dict) and isinstance(b, dict):
        return (
            list(a) == list(b)
            and all(type(x) is type(y) for x, y in zip(a, b, strict=True))
            and all(same(a[key], b[key]) for key in a)
        )
    if isinstance(a, list | tuple) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and repr(a) == repr(b)


def through(tree: dict, tmp_path: Path) -> dict:
    checkpoints = Checkpoints(tmp_path)
    return checkpoints.load(checkpoints.save(1, tree))[0]


def flip(file: Path, position: int, bit: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= 1 << bit
    file.write_bytes(data)


@pytest.mark.identity
@pytest.mark.parametrize(
    "dtype",
    [
        torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.complex64,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (2, 3, 4, 5)], ids=str)
def test_every_type_and_shape_comes_back_bit_for_bit(
    dtype: torch.dtype, shape: tuple[int, ...], tmp_path: Path
) -> None:
    raw = torch.randint(0, 256, (*shape, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    x = (raw[..., 0] > 127) if dtype == torch.bool else raw[..., : dtype.itemsize].contiguous().view(dtype)[..., 0]
    assert same(through({"x": x}, tmp_path)["x"], x)


def test_values_that_a_text_would_lose(tmp_path: Path) -> None:
    odd = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 5e-324], dtype=torch.float64)
    tree = {
        "odd": odd, "nan": float("nan"), "inf": -float("inf"), "third": 1 / 3, "big": 2**80, "flag": True, "one": 1,
        "none": None, "text": 'line\n"ü/', "empty": {}, "list": [], "nested": [{"a": [1.5, [torch.tensor(2)]]}],
        "float_like_an_int": 1.0,
    }  # fmt: skip
    assert same(tree, through(tree, tmp_path))


def test_integer_and_text_keys_stay_apart(tmp_path: Path) -> None:
    """Adam's state is keyed by integers; JSON alone would turn them into text."""
    tree = {"state": {0: {"step": torch.tensor(3.0)}, "0": torch.ones(2), 10: torch.zeros(1)}, "a/b": torch.ones(1)}
    tree["a"] = {"b": torch.zeros(1)}  # the same path as "a/b"
    assert same(tree, through(tree, tmp_path))


@pytest.mark.identity
def test_memory_layout_comes_back(tmp_path: Path) -> None:
    """Kernels may round differently for other strides, so exact resume needs the strides too."""
    base = torch.arange(120.0).reshape(2, 3, 4, 5)
    tree = {
        "channels_last": base.to(memory_format=torch.channels_last),
        "single": torch.zeros(4, 1, 3, 3).to(memory_format=torch.channels_last),
        "transposed": base.transpose(0, 3),
        "slice": base[:, 1:, ::2],
        "expanded": torch.ones(1, 3).expand(5, 3),
    }
    loaded = through(tree, tmp_path)
    assert same(tree, loaded)
    for name in ("channels_last", "single", "transposed"):
        assert loaded[name].stride() == tree[name].stride(), name
    assert loaded["slice"].is_contiguous()
    assert loaded["expanded"].is_contiguous()
    loaded["expanded"][0, 0] = 7  # memory of its own: an expanded tensor would change every row
    assert loaded["expanded"][1, 0] == 1


def test_shared_memory_is_saved_and_comes_back_apart(tmp_path: Path) -> None:
    weight = nn.Parameter(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))
    tree = {"encoder": weight, "decoder": weight, "row": weight[1]}
    loaded = through(tree, tmp_path)
    assert same({k: v.detach() for k, v in tree.items()}, loaded)
    loaded["encoder"].zero_()
    assert loaded["decoder"].abs().sum() > 0
    assert not loaded["decoder"].requires_grad


def test_loaded_tensors_do_not_hang_on_the_file(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(1, {"w": torch.arange(1000.0)})
    tree, _ = checkpoints.load(path)
    (path / "weights.safetensors").write_bytes(b"")
    assert tree["w"].sum() == 499500
    tree["w"] += 1  # writable


def test_an_optimiser_goes_on_exactly(tmp_path: Path) -> None:
    def problem() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        net = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        return net, torch.optim.Adam(net.parameters(), betas=(0.5, 0.99))

    def steps(net: nn.Module, optimiser: torch.optim.Optimizer, n: int) -> None:
        x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(2))
        for _ in range(n):
            optimiser.zero_grad()
            net(x).square().mean().backward()
            optimiser.step()

    net, optimiser = problem()
    steps(net, optimiser, 3)
    saved = through({"net": net.state_dict(), "optimiser": optimiser.state_dict()}, tmp_path)
    other, fresh = problem()
    other.load_state_dict(saved["net"])
    fresh.load_state_dict(saved["optimiser"])
    steps(net, optimiser, 3)
    steps(other, fresh, 3)
    assert same(dict(net.state_dict()), dict(other.state_dict()))
    assert same(pack(optimiser.state_dict())[0], pack(fresh.state_dict())[0])


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": {"b": object()}}, "a/b is a object"),
        ({"a": {1.5: 0}}, "not 1.5 at a"),
        ({"a": {True: 0}}, "not True at a"),
        ({"a": {("x",): 0}}, "text and integers as keys"),
        ({"s": torch.eye(2).to_sparse()}, "cannot hold s"),
        ({"m": torch.empty(2, device="meta")}, "cannot hold m"),
        ({"f": torch.relu}, "f is a builtin_function_or_method"),
    ],
)
def test_what_cannot_be_saved_is_named_and_nothing_is_written(tree: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        Checkpoints(tmp_path / "c").save(1, tree)
    assert not (tmp_path / "c").exists()


def test_facts_come_back_and_must_be_json(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(3, {}, facts={"fingerprint": "ab", "shape": [1, 28, 28]})
    assert checkpoints.load(path) == ({}, {"fingerprint": "ab", "shape": [1, 28, 28]})
    with pytest.raises(ValueError, match="facts"):
        checkpoints.save(4, {}, facts={"bad": object()})


def test_the_weights_are_an_ordinary_safetensors_file(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    path = Checkpoints(tmp_path).save(1, {"players": {"generator": {"w": torch.eye(3)}}})
    assert load_file(path / "weights.safetensors")["players/generator/w"].equal(torch.eye(3))


@pytest.mark.parametrize("name", ["weights.safetensors", "tree.json", "manifest.json"])
def test_any_flipped_bit_is_found(name: str, tmp_path: Path) -> None:
    """One flipped bit loads silently from a plain safetensors file; here every one of a sample of 60 is found."""
    checkpoints = Checkpoints(tmp_path, warn=lambda _: None)
    path = checkpoints.save(5, {"w": torch.arange(64.0), "step": 5}, facts={"data": "abc"})
    original = (path / name).read_bytes()
    pick = random.Random(name)
    for _ in range(60):
        flip(path / name, pick.randrange(len(original)), pick.randrange(8))
        with pytest.raises(CheckpointError, match=name):
            checkpoints.load(path)
        (path / name).write_bytes(original)
    checkpoints.load(path)


@pytest.mark.parametrize("name", ["weights.safetensors", "tree.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncated", "emptied", "longer", "removed", "a folder"])
def test_a_damaged_newest_is_named_and_the_one_before_is_used(name: str, damage: str, tmp_path: Path) -> None:
    warnings: list[str] = []
    checkpoints = Checkpoints(tmp_path, warn=warnings.append)
    before = checkpoints.save(5, {"w": torch.ones(9)})
    newest = checkpoints.save(6, {"w": torch.zeros(9)})
    file = newest / name
    data = file.read_bytes()
    file.unlink()
    if damage == "a folder":
        file.mkdir()
    elif damage != "removed":
        file.write_bytes({"truncated": data[:-1], "emptied": b"", "longer": data + b"\0"}[damage])
    if (name, damage) == ("manifest.json", "longer"):
        file.write_bytes(data + b"}")
    assert checkpoints.latest() == before
    assert len(warnings) == 1
    assert str(file) in warnings[0]
    with pytest.raises(CheckpointError, match=name):
        checkpoints.load(newest)


def test_with_nothing_valid_there_is_nothing(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "none", warn=lambda _: None)
    assert checkpoints.latest() is None
    path = checkpoints.save(1, {"w": torch.ones(1)})
    (path / "tree.json").unlink()
    assert checkpoints.latest() is None
    with pytest.raises(CheckpointError, match="there is no checkpoint at"):
        checkpoints.load(tmp_path / "none" / "step-0000009")


def test_damage_warns_by_default(tmp_path: Path) -> None:
    (Checkpoints(tmp_path).save(1, {}) / "tree.json").unlink()
    with pytest.warns(UserWarning, match=r"tree\.json is missing"):
        assert Checkpoints(tmp_path).latest() is None


def test_only_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3, 4):
        checkpoints.save(step, {"step": step})
        if step == 2:
            checkpoints.mark_best(2, 7.5)
    names = [p.name for p in checkpoints.entries()]
    assert names == ["step-0000004", "step-0000003", "step-0000002"]
    assert checkpoints.best() == tmp_path / "step-0000002"
    checkpoints.mark_best(4, 7.5)  # no better
    assert checkpoints.best() == tmp_path / "step-0000002"
    checkpoints.mark_best(4, float("nan"))
    assert checkpoints.best() == tmp_path / "step-0000002"
    checkpoints.mark_best(4, 7.4)
    checkpoints.save(5, {})
    assert [p.name for p in checkpoints.entries()] == ["step-0000005", "step-0000004"]
    assert {p.name for p in tmp_path.iterdir()} == {"step-0000005", "step-0000004", "best.json"}


def test_the_best_must_exist_and_a_damaged_mark_is_no_mark(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    with pytest.raises(CheckpointError, match="no checkpoint of step 7"):
        checkpoints.mark_best(7, 1.0)
    assert checkpoints.best() is None
    (tmp_path / "best.json").write_text("{")
    assert checkpoints.best() is None
    (tmp_path / "best.json").write_text('{"checkpoint": "../../etc", "score": 1}')
    assert checkpoints.best() is None


def test_what_is_saved_out_of_turn_pushes_out_nothing_to_go_back_to(tmp_path: Path) -> None:
    """9 is where a run that saves every 4 steps was stopped: it goes on from there, but back to 8, if that is whole."""
    checkpoints = Checkpoints(tmp_path, keep=1, every=4, warn=lambda _: None)
    four, eight, nine = (checkpoints.save(step, {"step": step}) for step in (4, 8, 9))
    assert checkpoints.entries() == [nine, eight]
    assert not four.exists()
    assert (checkpoints.latest(), checkpoints.before(9)) == (nine, eight)
    flip(eight / "weights.safetensors", 3)
    assert checkpoints.before(9) == nine
    assert checkpoints.save(12, {}) == checkpoints.before(20)
    assert len(checkpoints.entries()) == 1


def test_where_no_checkpoint_is_from_before_the_oldest_healthy_one_is_the_nearest(tmp_path: Path) -> None:
    """A run that is ill since step 0 goes back to where it began, not to the newest; it may do so again."""
    checkpoints = Checkpoints(tmp_path, keep=3, every=4, warn=lambda _: None)
    first, *_, last = (checkpoints.save(step, {}, facts={"healthy": True}) for step in (0, 4, 8))
    assert checkpoints.before(0) == checkpoints.before(0, tried=0) == first
    assert checkpoints.before(9) == last


def test_keeping_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep is 0"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(ValueError, match="every is 0"):
        Checkpoints(tmp_path, every=0)


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=9)
    for step in (9_999_999, 10_000_000, 2):
        checkpoints.save(step, {"step": step})
    assert checkpoints.load(checkpoints.latest())[0]["step"] == 10_000_000


def test_a_step_saved_again_replaces_the_first_one_without_a_gap(tmp_path: Path) -> None:
    """A damaged checkpoint is met again by the run that went on from the one before it."""
    checkpoints = Checkpoints(tmp_path, keep=2, warn=lambda _: None)
    checkpoints.save(1, {"n": 1})
    flip(checkpoints.save(2, {"n": 2}) / "weights.safetensors", 3)
    again = checkpoints.save(2, {"n": 3})
    assert checkpoints.latest() == again
    assert checkpoints.load(again)[0] == {"n": 3}
    checkpoints.mark_best(2, 1.0)
    assert checkpoints.best() == again


def test_a_damaged_later_one_does_not_push_out_the_good(tmp_path: Path) -> None:
    """With keep=1 and a damaged step 9, saving step 5 must keep step 5, and the ruin must go."""
    checkpoints = Checkpoints(tmp_path, keep=1, warn=lambda _: None)
    flip(checkpoints.save(9, {"n": 9}) / "weights.safetensors", 3)
    path = checkpoints.save(5, {"n": 5})
    assert checkpoints.entries() == [path]


def test_a_truncated_older_one_is_not_counted_among_those_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    good = checkpoints.save(1, {"n": 1})
    (checkpoints.save(2, {"n": 2}) / "tree.json").write_bytes(b"")
    newest = checkpoints.save(3, {"n": 3})
    assert checkpoints.entries() == [newest, good]


def test_leftovers_are_ignored_by_readers_and_cleaned_by_the_next_save(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(1, {"n": 1})
    for name in (".saving-step-0000002-77-abc", ".removing-step-0000000"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").write_bytes(b"half")
    (tmp_path / "notes").mkdir()  # somebody's own: stays
    assert checkpoints.latest() == path
    assert (tmp_path / ".saving-step-0000002-77-abc").exists()  # a reader must not disturb a run that is saving
    checkpoints.save(2, {"n": 2})
    assert {p.name for p in tmp_path.iterdir()} == {"notes", "step-0000001", "step-0000002"}


def rewrite(path: Path, **changes: object) -> None:
    """Change the manifest and seal it again, as another version would have written it."""
    content = json.loads((path / "manifest.json").read_text()) | changes
    content["seal"] = manifest._seal(content)
    (path / "manifest.json").write_text(json.dumps(content))


def test_a_newer_format_is_refused_by_version_and_not_passed_over(tmp_path: Path) -> None:
    """Going back to an older checkpoint would lose steps in silence."""
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {})
    newest = checkpoints.save(2, {})
    rewrite(newest, format=99)
    for read in (checkpoints.latest, lambda: checkpoints.load(newest)):
        with pytest.raises(CheckpointError, match=r"format 99 .* reads up to 1: upgrade gansmith"):
            read()
    checkpoints.save(3, {})
    assert newest in checkpoints.entries()  # kept for whoever can read it


def test_an_old_format_is_migrated_step_by_step_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(7, {"nets": {"G": torch.ones(2)}}, facts={"hash": "x"})
    rewrite(path, format=-1)
    with pytest.raises(CheckpointError, match=r"format -1, which this gansmith no longer reads"):
        checkpoints.load(path)
    monkeypatch.setitem(manifest.MIGRATIONS, -1, lambda tree, facts: ({"players": tree["nets"]}, facts))
    monkeypatch.setitem(
        manifest.MIGRATIONS, 0, lambda tree, facts: ({**tree, "attempt": 0}, {"fingerprint": facts["hash"]})
    )
    tree, facts = checkpoints.load(path)
    assert same(tree, {"players": {"G": torch.ones(2)}, "attempt": 0})
    assert facts == {"fingerprint": "x"}
    assert checkpoints.latest() == path


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('the pickle was executed')",)


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin", ".PT"])
def test_a_pickle_is_refused_by_name_and_never_opened(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"model{suffix}"
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="is a pickle"):
        Checkpoints(tmp_path).load(file)
    with pytest.raises(CheckpointError, match="safetensors"):
        refuse_pickle(file)


def test_a_pickle_in_a_checkpoints_clothes_is_not_executed(tmp_path: Path) -> None:
    """Even sealed: the file is read as safetensors, which holds nothing to execute."""
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(1, {"w": torch.ones(1)})
    bomb = pickle.dumps(Bomb())
    (path / "weights.safetensors").write_bytes(bomb)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load(path)
    content = json.loads((path / "manifest.json").read_text())
    content["files"]["weights.safetensors"] = {"bytes": len(bomb), "sha256": manifest.hashlib.sha256(bomb).hexdigest()}
    rewrite(path, **content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoints.load(path)


def test_no_module_of_training_uses_pickle() -> None:
    folder = Path(manifest.__file__).parent
    for file in folder.glob("*.py"):
        text = file.read_text()
        assert "torch.load(" not in text.replace("safetensors.torch.load(", ""), file.name
        assert "import pickle" not in text, file.name


@pytest.mark.identity
def test_packing_is_a_function_of_the_tree() -> None:
    """The same state gives the same bytes, so that two runs can be compared by their checksums."""
    tree = {"b": torch.eye(2), "a": [torch.zeros(1), 1]}
    assert pack(tree) == pack(tree)
    assert pack(unpack(*pack(tree))) == pack(tree)


@pytest.mark.parametrize("renamed", [False, True])
def test_a_kill_while_the_best_is_moved_away_gives_its_mark_to_no_other(
    renamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (4, 8):
        checkpoints.save(step, {"step": step})
    checkpoints.mark_best(8, 1.0)

    def killed(path: Path, to: Path) -> None:
        if renamed:
            path.rename(to)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("gansmith.training.checkpoints._rename", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.leave(4)
    found = checkpoints.best()
    assert found is not None
    assert checkpoints.load(found)[0]["step"] == 8
    if renamed:
        checkpoints.save(8, {"step": 8})
    else:
        checkpoints.leave(4)
    assert checkpoints.best() == tmp_path / "left-step-0000008"
    assert checkpoints.best_score() == 1.0
