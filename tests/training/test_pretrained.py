import json
import shutil
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from gansmith.data import ImageSet
from gansmith.games import Adversarial, AdversarialGame
from gansmith.networks import DCGAN
from gansmith.training import Model, Recipe, from_pretrained, from_yaml, load, save_pretrained, train
from gansmith.training import pretrained as room
from gansmith.training.display import Silent
from gansmith.training.pretrained import CARD, CONFIG, GRID, WEIGHTS, push_to_hub, read_pretrained

RECIPE = Recipe(name="tiny", networks=DCGAN(width=4), latent=6, conditional=True, steps=2, batch=4, seed=5)


def images() -> ImageSet:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (12, 16, 16, 1), np.uint8)
    labels = np.array([0, 0, 0, 1] * 3)
    return ImageSet("spots", pixels, labels, ("round", "long"), "f" * 64)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps."""
    return train(RECIPE, out=tmp_path_factory.mktemp("runs") / "tiny", data=images(), display=Silent()).path


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """The run, to be spoilt."""
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    return save_pretrained(load(run, device="cpu"), tmp_path / "spots-gan", licence="mit")


@pytest.mark.smoke
def test_a_run_becomes_a_model(run: Path) -> None:
    model = load(run)
    assert (model.shape, model.classes, model.latent, model.step) == ((1, 16, 16), ("round", "long"), 6, 2)
    assert (model.data, model.fingerprint, model.recipe) == ("spots", "f" * 64, RECIPE)
    assert model.class_shares == (0.75, 0.25)
    assert model.sample(3, labels="long").shape == (3, 1, 16, 16)


def test_the_newest_valid_checkpoint_is_taken_and_an_older_one_on_demand(copied: Path) -> None:
    newest = copied / "checkpoints" / "step-0000002"
    assert load(copied / "checkpoints" / "step-0000000").step == 0
    (newest / "weights.safetensors").write_bytes(b"spoilt")
    with pytest.warns(UserWarning, match="step-0000002"):
        assert load(copied).step == 0


@pytest.mark.identity
def test_a_pretrained_folder_gives_back_the_very_same_samples(run: Path, folder: Path) -> None:
    """Bit for bit: the same weights, in the same memory format, under the same seed."""
    first, second = load(run, device="cpu"), load(folder, device="cpu")
    assert torch.equal(first.sample(7, seed=3), second.sample(7, seed=3))
    for name in ("shape", "classes", "class_shares", "latent", "step", "data", "fingerprint", "recipe"):
        assert getattr(first, name) == getattr(second, name), name
    for name, tensor in first.generator.state_dict().items():
        assert torch.equal(tensor, second.generator.state_dict()[name]), name


@pytest.mark.identity
def test_a_folder_made_from_a_folder_is_the_same(folder: Path, tmp_path: Path) -> None:
    again = load(folder, device="cpu").save_pretrained(tmp_path / "spots-gan-2", licence="mit")
    for name in (WEIGHTS, CONFIG, GRID):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.identity
def test_half_precision_halves_the_file_once(run: Path, folder: Path, tmp_path: Path) -> None:
    """Matrices and kernels are rounded to 11 significant bits, vectors kept; a second time rounds nothing."""
    model = load(run, device="cpu")
    half = model.save_pretrained(tmp_path / "half", half=True)
    tensors, config = read_pretrained(half)
    assert config["weights"]["stored"] == "float16"
    for name, tensor in model.generator.state_dict().items():
        assert tensors[name].dtype == (torch.float16 if tensor.ndim > 1 else tensor.dtype)
        torch.testing.assert_close(tensors[name].to(tensor.dtype), tensor, rtol=2**-11, atol=2**-24)
    assert (half / WEIGHTS).stat().st_size < 0.65 * (folder / WEIGHTS).stat().st_size
    twice = load(half, device="cpu").save_pretrained(tmp_path / "twice", half=True)
    assert (twice / WEIGHTS).read_bytes() == (half / WEIGHTS).read_bytes()


def test_weights_too_large_for_half_precision_are_refused(run: Path, tmp_path: Path) -> None:
    model = load(run, device="cpu")
    next(p for p in model.generator.parameters() if p.ndim > 1).fill_(1e5)
    with pytest.raises(ValueError, match="half precision cannot hold"):
        model.save_pretrained(tmp_path / "half", half=True)
    assert not (tmp_path / "half" / CONFIG).exists()


def test_the_card_tells_what_one_must_know(folder: Path) -> None:
    text = (folder / CARD).read_text()
    _, front, body = text.split("---\n", 2)
    assert yaml.safe_load(front)["license"] == "mit"
    for piece in ("spots-gan", "`spots`", "16×16", "round", "2 steps of 4 pictures, seed 5", "samples.png", "Limits"):
        assert piece in body
    assert "Nobody has measured it" in body
    recipe = body.partition("```yaml\n")[2].partition("```")[0]
    assert from_yaml(recipe) == RECIPE
    assert (folder / GRID).read_bytes()[:4] == b"\x89PNG"


def test_a_measurement_of_the_run_is_told_with_its_protocol(copied: Path, tmp_path: Path) -> None:
    sure = {"value": 0.51234, "low": 0.5, "high": 0.52, "better": "higher"}
    scores = {"recall | (grey28)": sure, "classes found": {**sure, "value": 10.0, "low": None}, "of old": 0.25}
    scores["support"] = {**sure, "value": 700.0, "low": 700.0, "high": None}
    report = {"scores": scores, "protocol": {"samples": 10000, "classifier": None}}
    report["step"] = load(copied).step
    (copied / "evaluation.json").write_text(json.dumps(report))
    folder = load(copied).save_pretrained(tmp_path / "measured")
    text = (folder / CARD).read_text()
    assert r"| recall \| (grey28) | 0.5123 (0.5 to 0.52) |" in text
    assert "| classes found | 10 |\n| of old | 0.25 |\n| support | at least 700 |" in text
    assert "samples 10000." in text
    assert "None was given" in text
    assert load(folder).evaluation == report


def test_a_loss_of_ones_own_is_not_needed_to_draw_samples(tmp_path: Path) -> None:
    """It was made in a script that is gone; the description still tells of it, and travels on."""
    loss = Adversarial(discriminator=lambda real, fake: fake - real, generator=lambda real, fake: -fake)
    recipe = replace(RECIPE, game=AdversarialGame(loss), steps=1)
    run = train(recipe, out=tmp_path / "own", data=images(), display=Silent()).path
    model = load(run, device="cpu")
    assert "Adversarial" in model.described
    folder = model.save_pretrained(tmp_path / "own-gan")
    assert load(folder).described == model.described
    assert torch.equal(load(folder, device="cpu").sample(2), model.sample(2))


def test_a_generator_of_another_architecture_is_refused_with_its_keys(copied: Path) -> None:
    text = (copied / "config.yaml").read_text()
    (copied / "config.yaml").write_text(text.replace("width: 4", "width: 8"))
    with pytest.raises(ValueError, match=r"another network.*is \(38, 8, 4, 4\), not \(38, 16, 4, 4\)"):
        load(copied)
    assert load(copied, recipe=RECIPE).step == 2


@pytest.mark.parametrize("name", ["model.pt", "network.pkl", "weights.ckpt"])
def test_a_pickle_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(ValueError, match="is a pickle, which can run any code"):
        load(tmp_path / name)


def test_what_is_no_model_is_refused_with_what_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"no config\.yaml and no config\.json"):
        load(tmp_path)
    with pytest.raises(ValueError, match="there is no run, no folder and no shipped model 'nothing-here'"):
        load("nothing-here")
    monkeypatch.setattr(room, "shipped", lambda: ("digits", "fashion"))
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        load("digit")


def test_a_run_without_checkpoints_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    with pytest.raises(ValueError, match="no valid checkpoint"):
        load(tmp_path)


def test_a_shipped_model_is_known_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(room, "SHIPPED", folder.parent)
    monkeypatch.chdir(tmp_path.parent)
    assert room.shipped() == ("spots-gan",)
    assert load("spots-gan").data == "spots"


@pytest.mark.parametrize("place", [100, -1])
def test_a_flipped_bit_in_the_weights_is_noticed(folder: Path, place: int) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[place] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "is in format 2, this gansmith reads up to 1: upgrade"),
        ({"weights": {}}, "does not describe a gansmith model"),
        ({"shape": [1, 2]}, "does not describe a gansmith model"),
    ],
)
def test_a_description_that_cannot_be_read_is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | change))
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read"):
        load(folder)


def test_a_model_does_not_mingle_with_other_files(run: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        load(run).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is a file"):
        load(run).save_pretrained(tmp_path / "README.md")
    assert [p.name for p in tmp_path.iterdir()] == ["README.md"]


def test_a_model_is_replaced_only_by_force(run: Path, folder: Path) -> None:
    (folder / CARD).write_text("edited by hand")
    with pytest.raises(
        ValueError, match="holds a model already; choose a new folder, or replace that one with --force"
    ):
        load(run).save_pretrained(folder)
    assert (folder / CARD).read_text() == "edited by hand"
    load(run).save_pretrained(folder, force=True)
    assert (folder / CARD).read_text() != "edited by hand"


def test_loading_leaves_the_random_state_alone(run: Path) -> None:
    state = torch.random.get_rng_state()
    load(run)
    assert torch.equal(torch.random.get_rng_state(), state)


class Hub(types.ModuleType):
    """Stands for the hub's package: serves one folder, or fails."""

    def __init__(self, folder: Path, error: Exception | None = None) -> None:
        super().__init__("huggingface_hub")
        self.folder, self.error, self.calls = folder, error, []

    def snapshot_download(self, name: str, **options: object) -> str:
        self.calls.append((name, options))
        if self.error:
            raise self.error
        return str(self.folder)

    def create_repo(self, name: str, **options: object) -> str:
        if self.error:
            raise self.error
        self.calls.append((name, options))
        return f"https://hub.example/{name}"

    def upload_folder(self, *, repo_id: str, folder_path: Path, **_: object) -> None:
        self.calls.append((repo_id, sorted(p.name for p in folder_path.iterdir())))
        assert load(folder_path).data == "spots"


def test_a_repository_is_fetched_and_only_its_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(folder)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert from_pretrained("somebody/spots", revision="v1").data == "spots"
    assert hub.calls == [("somebody/spots", {"revision": "v1", "allow_patterns": [CONFIG, WEIGHTS]})]
    assert from_pretrained(folder).data == "spots"
    assert len(hub.calls) == 1  # a folder needs no hub


def test_a_repository_that_cannot_be_fetched_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub(tmp_path, ConnectionError("no route\nand much more")))
    with pytest.raises(ValueError, match=r"could not be fetched from the Hugging Face Hub \(no route\); check"):
        from_pretrained("somebody/spots")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as if it were not installed
    with pytest.raises(ValueError, match=r"pip install 'gansmith\[hub\]'"):
        from_pretrained("somebody/spots")
    with pytest.raises(ValueError, match="no shipped model 'somebody'"):
        from_pretrained("somebody")


def test_a_model_is_uploaded_as_its_folder(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub, model = Hub(tmp_path), load(run)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert push_to_hub(model, "me/spots", licence="mit") == "https://hub.example/me/spots"
    assert hub.calls[0] == ("me/spots", {"private": True, "exist_ok": True})
    assert hub.calls[1] == ("me/spots", sorted([CARD, CONFIG, WEIGHTS, GRID]))
    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub(tmp_path, OSError("401 not you")))
    with pytest.raises(ValueError, match=r"could not be uploaded .*401 not you.*hf auth login"):
        push_to_hub(model, "me/spots")
    # What the package's HTTP library raises without a network is an exception of that library's own.
    unconnected = type("ConnectError", (Exception,), {})("[Errno 111] Connection refused")
    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub(tmp_path, unconnected))
    with pytest.raises(ValueError, match=r"could not be uploaded .*Connection refused\); check the network"):
        push_to_hub(model, "me/spots")
    with pytest.raises(ValueError, match="'spots' is not the name of a repository, which is written owner/name"):
        push_to_hub(model, "spots")


def test_a_model_of_a_run_in_progress_shares_its_weights() -> None:
    from gansmith.training import DeviceEngine, Session

    session = Session.start(RECIPE, images(), DeviceEngine())
    model = Model.of(session)
    assert model.classes == ("round", "long")
    before = model.sample(2)
    session.advance()
    assert not torch.equal(model.sample(2), before)
