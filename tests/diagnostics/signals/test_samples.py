"""What is read from features, where the truth is planted."""

import math

import pytest
import torch

from gansmith.diagnostics.signals import (
    diversity,
    energy_distance,
    intraclass_correlation,
    local_diversity,
    mean_distance,
    nearest_distances,
    within_diversity,
)


@pytest.mark.analytic
def test_distances_are_those_of_all_pairs():
    x, y = torch.randn(7, 3), torch.randn(5, 3)
    pairs = [(x[i] - x[j]).norm().item() for i in range(7) for j in range(i)]
    assert mean_distance(x) == pytest.approx(sum(pairs) / len(pairs), rel=1e-5)
    across = [(a - b).norm().item() for a in x for b in y]
    assert mean_distance(x, y) == pytest.approx(sum(across) / len(across), rel=1e-5)
    nearest = [min((a - b).norm().item() for b in y) for a in x]
    assert nearest_distances(x, y).tolist() == pytest.approx(nearest, rel=1e-5)


def test_samples_that_are_all_the_same_have_no_diversity():
    real, same = torch.randn(50, 4), torch.ones(20, 4)
    assert diversity(same, real) == 0.0
    assert local_diversity(same, real) == pytest.approx(0.0, abs=1e-3)  # distances by inner products lose digits


@pytest.mark.identity
def test_the_data_have_diversity_one_in_any_units():
    real = torch.randn(64, 4)
    assert diversity(real, real) == pytest.approx(1.0)
    assert diversity(5 * real + 1, 10 * real) == pytest.approx(0.5, rel=1e-4)
    assert local_diversity(real, real) == pytest.approx(1.0)


def test_samples_on_a_few_far_points_pass_for_diverse_only_as_a_whole():
    """Five points out of 200 real ones, each hit ten times: as far apart on average, and every sample has a twin."""
    real = torch.randn(200, 4)
    few = real[:5].repeat(10, 1)
    assert diversity(few, real) > 0.5
    assert local_diversity(few, real) < 0.05


def test_more_samples_than_real_images_do_not_look_crowded():
    """Two numbers, uniform: among 800 the nearest is half as far as among 200."""
    assert local_diversity(torch.rand(800, 2), torch.rand(200, 2)) == pytest.approx(1.0, abs=0.15)


def test_one_picture_for_each_class_shows_within_the_classes_only():
    """Three far classes; a sample is the class's own centre, whatever the latent."""
    centres, classes = 10 * torch.eye(3), torch.arange(60) % 3
    real, same = centres[classes] + torch.randn(60, 3), centres[classes]
    assert diversity(same, real) > 0.8
    assert within_diversity(same, classes, real, classes) == 0.0
    assert within_diversity(real, classes, real, classes) == pytest.approx(1.0)
    usual = sum(mean_distance(real[classes == label]) for label in (0, 1, 2)) / 3
    assert within_diversity(same, classes, real, classes, least=0.99 * usual) == 0.0
    assert math.isnan(within_diversity(same, classes, real, classes, least=1.01 * usual))


def test_where_no_class_is_there_twice_nothing_is_said():
    x = torch.randn(3, 2)
    classes = torch.arange(3)
    assert within_diversity(x, classes, x, classes) != within_diversity(x, classes, x, classes)


@pytest.mark.analytic
def test_energy_distance_between_two_points_and_between_halves_of_one_set():
    """Two points share nothing: 1. Two halves of one sample have the same distribution: 0, up to noise."""
    assert energy_distance(torch.zeros(4, 2), torch.ones(4, 2)) == pytest.approx(1.0)
    x = torch.randn(2000, 2)
    assert abs(energy_distance(x[:1000], x[1000:])) < 0.005
    assert energy_distance(x[:1000] + 1, x[1000:]) > 0.05


@pytest.mark.analytic
def test_intraclass_correlation_is_the_share_of_variance_that_was_planted():
    """Batch means of variance 0.25 beside a variance of 1 within: ρ = 0.25 / 1.25 = 0.2."""
    batches = [0.5 * torch.randn(1, 20) + torch.randn(64, 20) for _ in range(40)]
    assert intraclass_correlation(batches) == pytest.approx(0.2, abs=0.02)
    assert intraclass_correlation([torch.randn(64, 20) for _ in range(40)]) == pytest.approx(0.0, abs=0.01)


def test_batches_of_different_size_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        intraclass_correlation([torch.zeros(3, 1), torch.zeros(4, 1)])
