"""What became of a training, from lines made by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jaxgan.training.collapse import outcome

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
