"""Labels by an auxiliary classifier: the costs of Odena et al. 2017 written out, and who is told what."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from gansmith.games import (
    R1,
    AdversarialGame,
    AuxiliaryClassifier,
    Fade,
    FeatureMatching,
    Hinge,
    InstanceNoise,
    SemiSupervised,
    check_game,
    names_labels,
)
from gansmith.networks import MLP, Classifier, Maxout
from gansmith.types import Round

N, K = 8, 3
BOTH = ["discriminator", "generator"]


def made(networks):
    torch.manual_seed(0)
    discriminator = Classifier.of(networks.discriminator((2,)), classes=K, scored=True)
    return {"generator": networks.generator((2,), latent=3, classes=K), "discriminator": discriminator}


@pytest.fixture
def players():
    return made(MLP(width=6, depth=2))


@pytest.fixture
def round():
    generator = torch.Generator().manual_seed(1)
    streams = {"real": torch.randn(N, 2, generator=generator), "latent": torch.randn(N, 3, generator=generator)}
    label = torch.arange(N) % K
    return Round({**streams, "label": label, "fake_label": label.flip(0)}, key=(0, "labels"))


@pytest.mark.analytic
def test_the_costs_are_those_of_the_paper(players, round):
    # Odena et al. 2017: L_C is the log-likelihood of the right class of real and of generated samples. The
    # discriminator maximises L_S + L_C, the generator L_C − L_S; L_S is the game inside, played without labels.
    D, (label, fake_label) = players["discriminator"], (round["label"], round["fake_label"])
    fake = players["generator"](round["latent"], fake_label)
    inside = AdversarialGame(Hinge())
    game = AuxiliaryClassifier(inside, weight=0.7, generator_weight=0.2)
    costs = game.costs(game.play(players, round, BOTH), BOTH)
    real_wrong, fake_wrong = (
        F.cross_entropy(D.logits(round["real"]), label),
        F.cross_entropy(D.logits(fake), fake_label),
    )
    judged = F.relu(1 - D(round["real"])).mean() + F.relu(1 + D(fake)).mean()
    torch.testing.assert_close(costs["discriminator"], judged + 0.7 * (real_wrong + fake_wrong))
    torch.testing.assert_close(costs["generator"], -D(fake).mean() + 0.2 * fake_wrong)
    alone = replace(game, generated=False)
    cost = alone.costs(alone.play(players, round, BOTH), BOTH)["discriminator"]
    torch.testing.assert_close(cost, judged + 0.7 * real_wrong)


@pytest.mark.identity
def test_the_score_knows_no_classes(players, round):
    D = players["discriminator"]
    assert torch.equal(D(round["real"]), D.score(D.features(round["real"])))
    outcome = AuxiliaryClassifier().play(players, round, BOTH)
    moved = AuxiliaryClassifier().play(players, round.given(label=(round["label"] + 1) % K), BOTH)
    assert torch.equal(outcome["real_scores"], moved["real_scores"])
    assert torch.equal(outcome["real_scores"], D(round["real"]))


@pytest.mark.identity
@pytest.mark.parametrize(
    "inside",
    [AdversarialGame(), AdversarialGame(penalties=(R1(gamma=0.1),), joint=True), FeatureMatching(adversarial=0.5)],
    ids=["plain", "r1", "features"],
)
def test_it_keeps_the_promises_of_a_game(players, round, inside):
    check_game(AuxiliaryClassifier(inside), players, round)
    check_game(InstanceNoise(AuxiliaryClassifier(inside), std=Fade(first=0.1, last=0.1)), players, round)


@pytest.mark.identity
def test_batch_norm_sees_real_and_generated_samples_apart(round):
    """Where the discriminator looks at the whole batch, its logits are those of the two batches, not of a mixture."""
    players = made(Maxout(width=6, depth=1, units=4, pieces=2, layers=1))
    players["discriminator"].body.append(torch.nn.BatchNorm1d(4))
    assert not players["discriminator"].samplewise
    outcome = AuxiliaryClassifier().play(players, round, BOTH)
    assert torch.equal(outcome["real_logits"], players["discriminator"].logits(round["real"]))


@pytest.mark.identity
def test_the_shares_that_are_named_rightly_are_signalled(players, round):
    game = AuxiliaryClassifier()
    outcome = game.play(players, round, BOTH)
    signals = game.signals(outcome)
    D = players["discriminator"]
    real, fake = (D.logits(x).argmax(1) for x in (round["real"], outcome["fake"]))
    assert signals["classified"].item() == pytest.approx((real == round["label"]).float().mean().item())
    assert signals["obeyed"].item() == pytest.approx((fake == round["fake_label"]).float().mean().item())


@pytest.mark.identity
def test_what_does_not_fit_is_refused(players, round):
    with pytest.raises(ValueError, match="generator_weight is -1"):
        AuxiliaryClassifier(generator_weight=-1.0)
    plain = {**players, "discriminator": MLP(width=6).discriminator((2,))}
    with pytest.raises(ValueError, match="Discriminator does not classify"):
        AuxiliaryClassifier().play(plain, round, BOTH)
    with pytest.raises(ValueError, match="no stream 'label'"):
        AuxiliaryClassifier().play(players, round.without("label"), BOTH)
    assert names_labels(InstanceNoise(AuxiliaryClassifier(), std=Fade(first=0.1, last=0.1)))
    assert not names_labels(SemiSupervised())
