"""What became of a training, from lines made by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from jaxgan.training.collapse import Share, bisect, no_return, outcome, share_of

FINE = {"loss/gen": 0.7, "loss/disc": 1.3}


def lines(num: int, **changes: Any) -> list[dict[str, float]]:
    names = {name.replace("_in_", "/"): value for name, value in changes.items()}
    return [{"step": 1000.0 + 50 * index, **FINE, **names} for index in range(num)]


@pytest.mark.parametrize(
    ("changes", "num_modes", "word", "reason"),
    [
        ({}, None, "healthy", "no rule"),
        ({"eval_in_num_modes": 4}, 8, "healthy", "4 of 8 modes"),
        ({"eval_in_num_modes": 3}, 8, "collapsed", "3 of 8 modes"),
        ({"eval_in_num_modes": 3}, None, "healthy", "no rule"),
        ({"eval_in_classes_covered_digits-cnn": 4}, 10, "collapsed", "4 of 10 classes"),
        ({"eval_in_classes_covered_digits-cnn": 9}, 10, "healthy", "9 of 10 classes"),
        ({"samples_in_spread": 0.05}, None, "collapsed", "nearly the same of every latent"),
        ({"samples_in_nearest": 0.01}, None, "collapsed", "repeats itself"),
        ({"eval_in_num_modes": 5, "eval_in_reverse_kl": 0.9}, 8, "collapsed", "has lost classes"),
        # Of a mixture of which no sample is near a mode: no numbers are lost.
        ({"eval_in_num_modes": 0, "eval_in_reverse_kl": math.inf}, 8, "collapsed", "0 of 8 modes"),
        # At odds, but its samples are as they were.
        ({"disc_in_loss_slope": 1e-3}, None, "healthy", "no rule"),
        ({"loss_in_gen": math.nan, "eval_in_num_modes": 8}, 8, "diverged", "loss/gen is nan"),
        ({"loss_in_gen": math.nan, "skipped": 0.5}, None, "healthy", "no rule"),
        ({"loss_in_gen": math.nan, "skipped": 1.0}, None, "diverged", "no step is taken any more"),
    ],
)
def test_the_word_for_it(
    changes: dict[str, float], num_modes: int | None, word: str, reason: str
) -> None:
    found = outcome(lines(10, **changes), num_modes=num_modes)
    assert found.word == word
    assert reason in found.reason


def test_the_end_counts_and_lost_numbers_at_any_time() -> None:
    before, after = lines(5, eval_in_num_modes=1), lines(5, eval_in_num_modes=8)
    assert outcome(before + after, num_modes=8).word == "healthy"
    assert outcome(after + before, num_modes=8).word == "collapsed"
    (lost,) = lines(1, loss_in_disc=-math.inf)
    assert outcome([lost, *after], num_modes=8).reason == "loss/disc is -inf at step 1000"


def test_of_nothing_nothing_is_said() -> None:
    with pytest.raises(ValueError, match="history is \\[\\]; it must be at least one line"):
        outcome([])
    with pytest.raises(ValueError, match="num_modes is 1; it must be"):
        outcome(lines(1), num_modes=1)


@pytest.mark.parametrize(("num", "total"), [(0, 8), (8, 8), (1, 1), (25, 32), (3, 200)])
def test_the_interval_is_that_of_scipy(num: int, total: int) -> None:
    found = share_of(num, total)
    expected = stats.binomtest(num, total).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose((found.low, found.high), expected, atol=1e-12)
    assert found.value == num / total
    # By its definition: the tails of the binomial distribution at its ends.
    if 0 < num < total:
        assert stats.binom.sf(num - 1, total, found.low) == pytest.approx(0.025)
        assert stats.binom.cdf(num, total, found.high) == pytest.approx(0.025)


def test_of_none_the_interval_is_known() -> None:
    assert share_of(0, 32, confidence=0.9).high == pytest.approx(1 - 0.05 ** (1 / 32))
    for num, total, words in (
        (3, 2, "num is 3; it must be at most"),
        (0, 0, "total is 0"),
    ):
        with pytest.raises(ValueError, match=words):
            share_of(num, total)


def test_where_a_run_was_lost() -> None:
    shares = {step: share_of(num, 8) for step, num in ((0, 3), (10, 8), (20, 4), (30, 0))}
    # The chances rise before they fall; even ones are not lost.
    assert no_return(shares) == (20, 30, False)
    assert no_return({0: shares[0], 30: shares[30]}) == (None, 0, False)
    assert no_return({10: shares[10]}) == (10, None, True)


@pytest.mark.parametrize("last_good", [-1, 0, 3, 9])
def test_bisection_finds_the_neighbors(last_good: int) -> None:
    asked = []

    def healthy(step: int) -> Share:
        asked.append(step)
        return share_of(8 if step <= 100 * last_good else 0, 8)

    found = no_return(bisect([100 * i for i in range(10)], healthy))
    after = 100 * last_good if last_good >= 0 else None
    by = None if last_good == 9 else 0 if last_good < 0 else 100 * (last_good + 1)
    if last_good < 0:
        assert found.after is None
    assert (found.after, found.by) == (after, by)
    assert len(asked) == len(set(asked)) <= 6
