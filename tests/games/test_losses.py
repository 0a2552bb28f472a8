"""Losses against hand-computed numbers, the formulas of the papers, and the optimal discriminator."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from gansmith.games import (
    Adversarial,
    Hinge,
    LeastSquares,
    MaximumLikelihood,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPaired,
    Wasserstein,
)
from gansmith.games.loss import check_apart

ALL = [
    Minimax(),
    NonSaturating(),
    MaximumLikelihood(),
    LeastSquares(),
    Hinge(),
    Wasserstein(),
    RelativisticPaired(),
    RelativisticAverage(),
]
CROSS_ENTROPY = [Minimax, NonSaturating, MaximumLikelihood]
ids = [type(loss).__name__ for loss in ALL]


def log(x):
    return math.log(x)


# Scores log 3 for real (D = 3/4) and -log 3 for generated samples (D = 1/4), worked out by hand. The relativistic
# difference is 2 log 3, for which softplus is log 10 and softplus of its negative log(10/9).
BY_HAND = {
    "Minimax": (-2 * log(3 / 4), log(3 / 4)),
    "NonSaturating": (-2 * log(3 / 4), -log(1 / 4)),
    "MaximumLikelihood": (-2 * log(3 / 4), -1 / 3),
    "LeastSquares": ((log(3) - 1) ** 2 + log(3) ** 2, (log(3) + 1) ** 2),
    "Hinge": (0.0, log(3)),
    "Wasserstein": (-2 * log(3), log(3)),
    "RelativisticPaired": (log(10 / 9), log(10)),
    "RelativisticAverage": (2 * log(10 / 9), 2 * log(10)),
}


@pytest.mark.analytic
@pytest.mark.parametrize("loss", ALL, ids=ids)
def test_values_worked_out_by_hand(loss):
    real, fake = torch.tensor([log(3)], dtype=torch.float64), torch.tensor([-log(3)], dtype=torch.float64)
    discriminator, generator = BY_HAND[type(loss).__name__]
    assert loss.discriminator(real, fake).item() == pytest.approx(discriminator, abs=1e-12)
    assert loss.generator(real, fake).item() == pytest.approx(generator, abs=1e-12)


def slope(function, at):
    at = at.clone().requires_grad_()
    return torch.autograd.grad(function(at).sum(), at)[0]


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        # Twice the tutorial's table, whose costs carry a factor 1/2: with D = sigma(s),
        (Minimax(), lambda s: -s.sigmoid()),  # d/ds log(1 - D) = -D
        (NonSaturating(), lambda s: -(1 - s.sigmoid())),  # d/ds -log D = -(1 - D)
        (MaximumLikelihood(), lambda s: -s.sigmoid() / (1 - s.sigmoid())),  # d/ds -D/(1 - D) = -D/(1 - D)
        (LeastSquares(), lambda s: 2 * (s - 1)),
        (Hinge(), lambda s: -torch.ones_like(s)),
        (Wasserstein(), lambda s: -torch.ones_like(s)),
    ],
    ids=ids[:6],
)
def test_generator_slope_in_the_logit(loss, expected):
    scores = torch.linspace(-8, 8, 33, dtype=torch.float64)
    assert torch.allclose(slope(lambda s: loss.generator(None, s), scores), expected(scores), rtol=1e-12, atol=1e-12)


@pytest.mark.analytic
def test_minimax_saturates_and_non_saturating_does_not():
    """Where D is sure that a sample is generated, the one has no slope left and the other all of it."""
    sure = torch.tensor([-20.0], dtype=torch.float64)
    assert abs(slope(lambda s: Minimax().generator(None, s), sure).item()) < 3e-9
    assert slope(lambda s: NonSaturating().generator(None, s), sure).item() == pytest.approx(-1, abs=3e-9)


@pytest.mark.reference
@pytest.mark.parametrize(("target", "fake_target"), [(1.0, 0.0), (0.9, 0.0), (0.3, 0.2), (1.0, 0.7)])
@pytest.mark.parametrize("kind", CROSS_ENTROPY)
def test_cross_entropy_is_that_of_torch(kind, target, fake_target):
    real, fake = torch.randn(50, dtype=torch.float64) * 5, torch.randn(50, dtype=torch.float64) * 5
    expected = binary_cross_entropy_with_logits(real, torch.full_like(real, target), reduction="none")
    expected += binary_cross_entropy_with_logits(fake, torch.full_like(fake, fake_target), reduction="none")
    assert torch.allclose(
        kind(real_target=target, fake_target=fake_target).discriminator(real, fake), expected, atol=1e-12
    )


@pytest.mark.analytic
def test_a_right_and_sure_discriminator_still_learns_a_little():
    """d/ds −log σ(s) = −(1 − σ(s)), about −e^−12 = −6e-6 at s = 12; softplus(s) − s would lose its digits."""
    real = torch.tensor([12.0])
    found = slope(lambda s: NonSaturating().discriminator(s, torch.zeros(1)), real).item()
    assert found == pytest.approx(-math.exp(-12) / (1 + math.exp(-12)), rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("loss", ALL, ids=ids)
def test_finite_with_a_finite_slope_for_huge_scores(loss, dtype):
    grid = torch.tensor([-1e4, -100.0, -1.0, 0.0, 1.0, 100.0, 1e4])
    real, fake = (x.to(dtype).requires_grad_() for x in torch.cartesian_prod(grid, grid).T)
    for who in (loss.discriminator, loss.generator):
        terms = who(real, fake, torch.mean) if loss.batchwise else who(real, fake)
        slopes = torch.autograd.grad(terms.sum(), [real, fake], materialize_grads=True, allow_unused=True)
        assert terms.dtype == dtype
        for x in (terms, *slopes):
            assert torch.isfinite(x).all()


@pytest.mark.reference
@pytest.mark.parametrize("loss", ALL, ids=ids)
def test_whatever_fits_the_dtype_is_finite_and_nothing_is_nan(loss):
    """Scores up to the end of float32, against the same terms in float64, which has room for what overflows."""
    sizes = [0.0, 1.0, 50.0, 88.0, 89.0, 1e3, 1e10, 1e18, 1e19, 1e30, 1.5e38]
    grid = torch.tensor([s * x for x in sizes for s in (1, -1)])
    pairs = torch.cartesian_prod(grid, grid)
    for who in (loss.discriminator, loss.generator):
        results = []
        for scores in (pairs, pairs.double()):
            real, fake = (x.clone().requires_grad_() for x in scores.T)
            terms = who(real, fake, lambda x: x) if loss.batchwise else who(real, fake)
            slopes = torch.autograd.grad(terms.sum(), [real, fake], materialize_grads=True, allow_unused=True)
            results.append([terms, *slopes])
        for found, exact in zip(*results, strict=True):
            assert not found.isnan().any()
            assert found[exact.abs() < torch.finfo(torch.float32).max].isfinite().all()


@pytest.mark.reference
def test_relativistic_losses_from_probabilities():
    """The papers' formulas, with log and sigmoid spelled out; float64 and small scores make that safe."""
    r, f = torch.randn(9, dtype=torch.float64), torch.randn(9, dtype=torch.float64)
    paired, average = RelativisticPaired(), RelativisticAverage()
    assert torch.allclose(paired.discriminator(r, f), -(r - f).sigmoid().log())
    assert torch.allclose(paired.generator(r, f), -(f - r).sigmoid().log())
    real_is_real, fake_is_real = (r - f.mean()).sigmoid(), (f - r.mean()).sigmoid()
    assert torch.allclose(average.discriminator(r, f), -real_is_real.log() - (1 - fake_is_real).log())
    assert torch.allclose(average.generator(r, f), -fake_is_real.log() - (1 - real_is_real).log())


@pytest.mark.identity
@pytest.mark.parametrize("loss", ALL[6:], ids=ids[6:])
def test_relativistic_losses_do_not_see_a_common_shift(loss):
    r, f = torch.randn(9, dtype=torch.float64), torch.randn(9, dtype=torch.float64)
    assert torch.allclose(loss.discriminator(r, f), loss.discriminator(r + 7, f + 7))
    assert torch.allclose(loss.generator(r, f), loss.generator(r + 7, f + 7))


@pytest.mark.identity
@pytest.mark.parametrize("loss", ALL[:7], ids=ids[:7])
def test_terms_belong_to_their_samples(loss):
    r, f, order = torch.randn(9), torch.randn(9), torch.randperm(9)
    assert torch.equal(loss.discriminator(r, f)[order], loss.discriminator(r[order], f[order]))
    assert torch.equal(loss.generator(r, f)[order], loss.generator(r[order], f[order]))


@pytest.mark.identity
def test_average_takes_the_mean_that_it_is_given():
    """Half a batch, told the means of the whole, has the terms that it has in the whole batch."""
    r, f, loss = torch.randn(8), torch.randn(8), RelativisticAverage()
    known = iter([f.mean(), r.mean()])
    half = loss.discriminator(r[:4], f[:4], lambda x: next(known))
    assert torch.allclose(half, loss.discriminator(r, f)[:4])


# Densities over five states as multiples of 1/20, so that a batch of 20 holds their expectations exactly.
P, Q = torch.tensor([8, 6, 3, 2, 1]), torch.tensor([1, 3, 3, 5, 8])
STATES = torch.arange(5)


def optimal(loss, p, q, *, rate=4.0, steps=4000):
    """The best table of scores for data from p against samples from q, by gradient descent, and its cost."""
    real, fake = STATES.repeat_interleave(p), STATES.repeat_interleave(q)
    table = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        gradient = torch.autograd.grad(loss.discriminator(table[real], table[fake]).mean(), table)[0]
        with torch.no_grad():
            table -= rate * gradient
    return table.detach(), loss.discriminator(table[real], table[fake]).mean().item()


@pytest.mark.analytic
@pytest.mark.parametrize("kind", CROSS_ENTROPY)
@pytest.mark.parametrize(("target", "fake_target"), [(1.0, 0.0), (0.9, 0.0), (0.9, 0.1)])
def test_the_optimal_discriminator_is_p_over_p_plus_q(kind, target, fake_target):
    """Goodfellow et al. 2014, proposition 1; with targets α and β it is (α·p + β·q)/(p + q) (tutorial, section 4.2).

    Two-sided smoothing has q in the numerator: where only q is, the optimum is β and not 0.
    """
    table, _ = optimal(kind(real_target=target, fake_target=fake_target), P, Q)
    assert torch.allclose(table.sigmoid(), (target * P.double() + fake_target * Q) / (P + Q), atol=1e-9)


@pytest.mark.analytic
def test_maximum_likelihood_at_the_optimal_discriminator_is_minus_p_over_q():
    """Tutorial, exercise 7.3: with D = p/(p + q) the term is f(x) = −p/q, so that E_q[f·∇log q] = −E_p[∇log q]."""
    table, _ = optimal(MaximumLikelihood(), P, Q)
    assert torch.allclose(MaximumLikelihood().generator(None, table), -P.double() / Q, atol=1e-9)


@pytest.mark.analytic
@pytest.mark.parametrize(("dtype", "last"), [(torch.float32, 88.7), (torch.float64, 709.7)], ids=str)
def test_maximum_likelihood_is_exact_as_far_as_the_dtype_goes_and_then_held(dtype, last):
    """−e^s with its slope −e^s up to s = log of the largest number; beyond, the lowest number with slope 0."""
    s = torch.tensor([-last, 0.0, 10.0, last, last + 0.1, 1e4], dtype=dtype)
    found, slopes = MaximumLikelihood().generator(None, s), slope(lambda s: MaximumLikelihood().generator(None, s), s)
    exact = torch.tensor([-math.exp(x) for x in s[:4].tolist()], dtype=torch.float64)
    assert torch.allclose(found[:4].double(), exact, rtol=1e-6 if dtype == torch.float32 else 1e-15, atol=0)
    assert torch.equal(slopes[:4], found[:4])
    assert (found[4:] < -0.9999 * torch.finfo(dtype).max).all()
    assert torch.isfinite(found).all()
    assert slopes[4:].tolist() == [0.0, 0.0]


@pytest.mark.analytic
def test_minimax_value_at_the_optimum():
    """Goodfellow et al. 2014, theorem 1: max_D V = −log 4 + 2·JSD(p‖q), which is −log 4 where p = q."""
    assert -optimal(Minimax(), P, P)[1] == pytest.approx(-math.log(4), abs=1e-12)
    p, q = P.double() / 20, Q.double() / 20
    m = (p + q) / 2
    jsd = (p * (p / m).log() + q * (q / m).log()).sum().item() / 2
    assert -optimal(Minimax(), P, Q)[1] == pytest.approx(-math.log(4) + 2 * jsd, abs=1e-9)


@pytest.mark.analytic
def test_the_optimal_least_squares_score_is_p_over_p_plus_q():
    """Mao et al. 2017, eq. 5 with a = 0 and b = 1."""
    table, _ = optimal(LeastSquares(), P, Q, rate=0.5)
    assert torch.allclose(table, P.double() / (P + Q), atol=1e-9)


@pytest.mark.analytic
def test_the_optimal_hinge_score_is_the_sign_of_p_minus_q():
    """Where p = q (state 2) every score in [-1, 1] is as good, and a descent from 0 stays there."""
    table, _ = optimal(Hinge(), P, Q, rate=0.01)
    assert torch.allclose(table, (P - Q).sign().double(), atol=0.01)


@pytest.mark.identity
def test_a_loss_in_five_lines_is_the_built_in_one():
    least_squares = Adversarial(
        discriminator=lambda real, fake: (real - 1).square() + fake.square(),
        generator=lambda real, fake: (fake - 1).square(),
    )
    r, f = torch.randn(9), torch.randn(9)
    assert torch.equal(least_squares.discriminator(r, f), LeastSquares().discriminator(r, f))
    assert torch.equal(least_squares.generator(r, f), LeastSquares().generator(r, f))
    assert least_squares.relative is LeastSquares().relative is False


@pytest.mark.parametrize(
    ("generator", "batchwise", "relative"),
    [
        (lambda real, fake: -fake, False, False),
        (lambda real, fake: real - fake, False, True),
        (lambda real, fake, mean: mean(real) - fake, True, True),
        (lambda real, fake, mean: mean(fake) - fake, True, False),
    ],
)
def test_whether_the_generator_reads_the_real_scores_is_found_out(generator, batchwise, relative):
    loss = Adversarial(discriminator=lambda real, fake: fake - real, generator=generator, batchwise=batchwise)
    with torch.no_grad():
        assert loss.relative is relative


def test_a_generator_function_of_nothing_is_refused():
    loss = Adversarial(discriminator=lambda r, f: f - r, generator=lambda r, f: torch.zeros_like(f))
    with pytest.raises(ValueError, match="depends on neither score"):
        _ = loss.relative


@pytest.mark.parametrize("who", ["discriminator", "generator"])
@pytest.mark.parametrize(
    "mixing",
    [
        lambda real, fake: fake - real.mean(),
        lambda real, fake: fake - real.flip(0),
        lambda real, fake: (fake - fake.std()).relu() - real,
        lambda real, fake: fake.sort().values - real,
    ],
)
def test_a_function_that_mixes_samples_is_refused_by_name(who, mixing):
    """The mean of a part of a batch is not the batch's: in pieces or in several processes the cost would be another."""
    apart = {"discriminator": lambda real, fake: fake - real, "generator": lambda real, fake: -fake}
    check_apart(Adversarial(**apart))
    with pytest.raises(ValueError, match=rf"the loss's {who} function mixes samples.*batchwise=True.*third argument"):
        check_apart(Adversarial(**apart | {who: mixing}))


@pytest.mark.parametrize("who", ["discriminator", "generator"])
@pytest.mark.parametrize(
    "mixing",
    [
        lambda real, fake, mean: fake - real.mean(),
        lambda real, fake, mean: fake - mean(real) + 0.1 * fake.std(),
        lambda real, fake, mean: fake - mean(real.sort().values * fake),
        lambda real, fake, mean: fake - mean((real - real.mean()).square()),
        lambda real, fake, mean: fake - mean(real.max()),
        lambda real, fake, mean: fake - (mean(real) if real.mean() > 0.5 else 0 * real),
    ],
)
def test_a_batchwise_function_that_mixes_samples_beside_the_mean_is_refused(who, mixing):
    """In several processes each would see the statistic of its own rows, and the mean of such is not the batch's."""
    right = {
        "discriminator": lambda real, fake, mean: fake - mean(real),
        "generator": lambda real, fake, mean: mean((real - mean(real)).square()) - fake,
    }
    check_apart(Adversarial(**right, batchwise=True))
    with pytest.raises(
        ValueError, match=rf"the loss's {who} function mixes samples.*not real\.mean\(\), but mean\(real"
    ):
        check_apart(Adversarial(**right | {who: mixing}, batchwise=True))


@pytest.mark.parametrize("loss", ALL, ids=ids)
def test_the_built_in_losses_treat_samples_apart_or_say_so(loss):
    check_apart(loss)


def test_random_terms_and_averages_through_the_third_argument_are_none_that_mix():
    """Noise on each score is that score's own; the global random state is left alone."""
    before = torch.get_rng_state()
    noisy = Adversarial(lambda r, f: f - r + 0.1 * torch.randn_like(r), lambda r, f: -f * torch.rand_like(f))
    check_apart(noisy)
    assert torch.equal(torch.get_rng_state(), before)
    check_apart(Adversarial(lambda r, f, mean: f - mean(r), lambda r, f, mean: mean(r) - f, batchwise=True))
    noise = torch.randn_like
    check_apart(Adversarial(lambda r, f, mean: f - mean(r + noise(r)), lambda r, f, mean: noise(f) - f, batchwise=True))


@pytest.mark.parametrize("target", [0.0, -0.1, 1.1, math.nan])
@pytest.mark.parametrize("kind", CROSS_ENTROPY)
def test_a_target_outside_its_range_is_refused(kind, target):
    with pytest.raises(ValueError, match=r"real_target is .*; it must be in \(0, 1\]"):
        kind(real_target=target)


@pytest.mark.parametrize("target", [-0.1, 0.9, 1.0, math.nan])
@pytest.mark.parametrize("kind", CROSS_ENTROPY)
def test_a_target_of_generated_samples_outside_its_range_is_refused(kind, target):
    with pytest.raises(ValueError, match=r"fake_target is .*; it must be at least 0, .* real_target, which is 0.9"):
        kind(real_target=0.9, fake_target=target)
