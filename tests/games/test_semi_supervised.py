"""Semi-supervised learning: the costs of K + 1 classes written out, and that three kinds of data stay apart."""

import pytest
import torch
from torch import nn

from gansmith.games import R1, AdversarialGame, Fade, FeatureMatching, InstanceNoise, SemiSupervised, check_game
from gansmith.networks import DCGAN, MLP, Augmented, Classifier
from gansmith.types import Round

N, K = 8, 3


@pytest.fixture
def players():
    torch.manual_seed(0)
    networks = MLP(width=6, depth=2)
    discriminator = Classifier.of(networks.discriminator((2,)), classes=K)
    return {"generator": networks.generator((2,), latent=3), "discriminator": discriminator}


@pytest.fixture
def round():
    streams = {"real": torch.randn(N, 2), "latent": torch.randn(N, 3), "labelled": torch.randn(N, 2) + 1}
    return Round({**streams, "answer": torch.arange(N) % K}, key=(0, "labels"))


@pytest.mark.analytic
def test_the_discriminators_cost_is_cross_entropy_over_k_plus_one_classes(players, round):
    # Salimans et al. 2016, sect. 5, from a softmax over K + 1 logits of which the last is 0: labelled samples want
    # their class among the K, real ones any of the K, generated ones the last; the latter two weigh 1/2 each.
    game = SemiSupervised()
    cost = game.costs(game.play(players, round, ["discriminator"]), ["discriminator"])["discriminator"]
    D, fake = players["discriminator"], players["generator"](round["latent"])

    def log_p(x):
        return torch.cat((D.logits(x), torch.zeros(N, 1)), 1).log_softmax(1)

    known = D.logits(round["labelled"]).log_softmax(1)[torch.arange(N), round["answer"]]
    real = log_p(round["real"])[:, :K].logsumexp(1)
    wanted = -known.mean() - 0.5 * real.mean() - 0.5 * log_p(fake)[:, K].mean()
    torch.testing.assert_close(cost, wanted)


@pytest.mark.analytic
def test_the_generator_is_not_told_of_labels(players, round):
    game, plain = SemiSupervised(), FeatureMatching()
    mine, usual = (g.costs(g.play(players, round, ["generator"]), ["generator"]) for g in (game, plain))
    assert torch.equal(mine["generator"], usual["generator"])
    told = round.given(labelled=round["labelled"] + 5, answer=1 - (round["answer"] > 0).long())
    assert torch.equal(
        game.costs(game.play(players, told, ["generator"]), ["generator"])["generator"], mine["generator"]
    )


@pytest.mark.identity
@pytest.mark.parametrize("inside", [FeatureMatching(), AdversarialGame(penalties=(R1(gamma=0.1),))], ids=["fm", "r1"])
def test_it_keeps_the_promises_of_a_game(players, round, inside):
    check_game(SemiSupervised(inside), players, round)
    check_game(InstanceNoise(SemiSupervised(inside), std=Fade(first=0.1, last=0.1)), players, round)


@pytest.mark.identity
def test_the_share_that_is_classified_rightly_is_signalled(players, round):
    game = SemiSupervised()
    outcome = game.play(players, round, ["discriminator"])
    guesses = players["discriminator"].logits(round["labelled"]).argmax(1)
    assert game.signals(outcome)["classified"].item() == pytest.approx(
        (guesses == round["answer"]).float().mean().item()
    )


@pytest.mark.identity
def test_any_architecture_can_classify_and_augmentation_comes_before(players):
    spec = DCGAN(width=4, discriminator_norm="none")
    d = Classifier.of(spec.discriminator((1, 16, 16)), classes=5)
    x = torch.randn(4, 1, 16, 16)
    assert d.logits(x).shape == (4, 5)
    torch.testing.assert_close(d(x), d.logits(x).exp().sum(1).log())
    moved = Augmented(d, translation=0.2)
    assert not torch.allclose(moved.logits(x), d.logits(x))
    torch.testing.assert_close(moved.eval().logits(x), d.logits(x))


@pytest.mark.identity
def test_what_does_not_fit_is_refused(players, round):
    with pytest.raises(ValueError, match="classes is 1"):
        Classifier(nn.Linear(2, 2), nn.Linear(2, 1), shape=(2,), classes=1)
    with pytest.raises(ValueError, match="weight is -1"):
        SemiSupervised(weight=-1.0)
    plain = {**players, "discriminator": MLP(width=6).discriminator((2,))}
    with pytest.raises(ValueError, match="Discriminator does not classify"):
        SemiSupervised().play(plain, round, ["discriminator"])
    bare = Round({"real": round["real"], "latent": round["latent"]})
    with pytest.raises(ValueError, match="no stream 'labelled'"):
        SemiSupervised().play(players, bare, ["discriminator"])
    with pytest.raises(ValueError, match=r"this classifier takes \(n, 2\)"):
        players["discriminator"](torch.zeros(4, 3))
