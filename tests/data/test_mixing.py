import numpy as np
import pytest

from gansmith.data.mixing import hash64, permutation


@pytest.mark.reference
def test_hash64_is_splitmix64() -> None:
    # The first outputs of Vigna's splitmix64.c from state 1234567, as published with the xoshiro generators.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert hash64(np.arange(5, dtype=np.uint64), seed=1234567).tolist() == expected


@pytest.mark.identity
def test_hash64_of_a_part_is_the_part_of_the_whole() -> None:
    index = np.arange(100, dtype=np.uint64)
    np.testing.assert_array_equal(hash64(index[40:60], seed=3, stream=9), hash64(index, seed=3, stream=9)[40:60])


def test_streams_and_seeds_differ_and_negative_seeds_work() -> None:
    index = np.arange(50, dtype=np.uint64)
    firsts = {
        (seed, stream): hash64(index, seed=seed, stream=stream)[0] for seed in (-1, 0, 1, 2) for stream in range(4)
    }
    assert len(set(firsts.values())) == len(firsts)


@pytest.mark.analytic
def test_permutation_is_uniform_over_the_orders_of_three() -> None:
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(6000):
        order = tuple(permutation(3, seed=seed).tolist())
        counts[order] = counts.get(order, 0) + 1
    # Each of the 3! orders is expected 1000 times, with a standard deviation of √(6000·1/6·5/6) = 29; five are allowed.
    assert len(counts) == 6
    assert max(abs(count - 1000) for count in counts.values()) < 145
