"""Samples: labels that are none are refused, and any number of them takes little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.errors import InputError
from jaxgan.core.game import Game
from jaxgan.core.network import Network
from jaxgan.core.state import TrainState
from jaxgan.files import read_npz
from jaxgan.games import gan
from jaxgan.sampling.draw import CHUNK
from jaxgan.sampling.explore import ExploreError, make_explorer, truncation
from jaxgan.sampling.sampler import check_labels, make_chunks, make_sampler
from jaxgan.writers.stored import Rows, save_npz

SPEC = {"image": jax.ShapeDtypeStruct((2, 2, 1), jnp.float32)}


def game_of(num_classes: int | None) -> Game:
    """Images whose first pixel is the first latent, and whose second is the label."""

    def draw(params: Any, state: Any, z: Any, *label: Any, **_: Any) -> Any:
        shown = label[0] if label else jnp.zeros(len(z))
        image = jnp.stack([z[:, 0], shown.astype(jnp.float32), z[:, 1], z[:, 2]], axis=1)
        return image.reshape(-1, 2, 2, 1), state

    def judge(params: Any, state: Any, x: Any, *label: Any, **_: Any) -> Any:
        return x.reshape(len(x), -1).sum(axis=1), state

    networks = (Network(init=lambda key: ((), {}), apply=apply) for apply in (draw, judge))
    return gan(*networks, latent=3, num_classes=num_classes)


def state_of(game: Game) -> TrainState:
    params, net_state = game.init(jax.random.key(0))
    return TrainState(
        step=jnp.int32(0),
        key=jax.random.key(0),
        params=params,
        net_state=net_state,
        opt_state={},
        memory=(),
        ema={},
    )


WRONG = [
    ([7, 7, 7], 2, r"labels\[0\] is 7; it must be from 0 to 1"),
    ([0, 1, -1], 2, r"labels\[2\] is -1"),
    ([0, 1], 2, r"labels.shape is \(2,\); it must be \(3,\)"),
    ([[0, 1, 0]], 2, r"labels.shape is \(1, 3\)"),
    (1, 2, r"labels.shape is \(\)"),
    ([0.9, 0, 1], 2, "labels.dtype is float64; it must be integer"),
    ([0.0, 1.0, 1.0], 2, "labels.dtype is float64"),
    ([True, False, True], 2, "labels.dtype is bool"),
    (["cat", "dog", "cat"], 2, "labels.dtype is <U3"),
    ([0, 0, 0], None, "the game is unconditional, so it has none"),
]


@pytest.mark.parametrize(("labels", "num_classes", "message"), WRONG)
def test_labels_that_are_none_are_refused(labels: Any, num_classes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_labels(labels, 3, num_classes)


def test_what_draws_refuses_them_before_it_draws() -> None:
    game = game_of(2)
    state, key = state_of(game), jax.random.key(0)
    sampler = make_sampler(game, SPEC, num_classes=2)
    chunks = make_chunks(game, SPEC, num_classes=2)
    for draw in (sampler, chunks):
        with pytest.raises(InputError, match=r"labels\[0\] is 7"):
            draw(state, key, 3, [7, 7, 7])
        with pytest.raises(InputError, match="num is 0"):
            draw(state, key, 0)
    shown = sampler(state, key, 300, np.arange(300) % 2)[:, 0, 1, 0]
    np.testing.assert_array_equal(shown, np.arange(300) % 2)
    np.testing.assert_array_equal(sampler(state, key, 3)[:, 0, 1, 0], [0, 1, 0])


def test_exploring_refuses_them_too() -> None:
    game = game_of(2)
    spec = {**SPEC, "label": jax.ShapeDtypeStruct((), jnp.int32)}
    explorer = make_explorer(game, state_of(game), spec, num_classes=2)
    latents = np.zeros((2, 3), np.float32)
    for labels in ([2, 2], [0.5, 0.5], [0]):
        with pytest.raises(InputError, match="labels"):
            explorer.render({"latent": latents}, np.asarray(labels))
    for value in (np.inf, np.nan, -1.0, 0.0):
        with pytest.raises(ExploreError, match="it must be above 0 and finite"):
            truncation(explorer, latents, np.zeros(2, int), [value])


def test_samples_are_written_as_they_come(tmp_path: Path) -> None:
    game = game_of(None)
    num, state, key = 40 * CHUNK + 3, state_of(game), jax.random.key(0)
    chunks = make_chunks(game, SPEC)
    expected = np.concatenate(list(chunks(state, key, num)))  # compiled before memory is looked at
    tracemalloc.start()
    large = (np.tile(chunk, (1, 8, 8, 1)) for chunk in chunks(state, key, num))
    save_npz(tmp_path / "a.npz", {"images": Rows((num, 16, 16, 1), np.float32, large)})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    found = read_npz(tmp_path / "a.npz")["images"]
    np.testing.assert_array_equal(found[:, :2, :2], expected)
    assert most < found.nbytes / 4


def test_chunks_that_do_not_make_the_whole_are_refused(tmp_path: Path) -> None:
    for chunks in ([np.zeros((2, 3))], [np.zeros((3, 2)), np.zeros((1, 3))]):
        with pytest.raises(ValueError, match="a:"):
            save_npz(tmp_path / "a.npz", {"a": Rows((3, 3), np.float32, chunks)})
    assert not list(tmp_path.iterdir())
