"""The evaluator against closed forms and by hand, on one device and on eight, and its refusals."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import distributed
from jaxgan.core.errors import InputError
from jaxgan.core.network import Network
from jaxgan.core.state import TrainState, stream
from jaxgan.data import ring
from jaxgan.data.arrays import array_source
from jaxgan.evaluation import EvaluationError, Options, Score, make_evaluator, measures, table
from jaxgan.evaluation.collect import class_sequence
from jaxgan.evaluation.protocol import KEYS
from jaxgan.features import function, lpips, pixels, random_conv
from jaxgan.features.base import Extractor
from jaxgan.features.weights import write_arrays
from jaxgan.metrics import frechet_distance, moments, path_length
from jaxgan.sampling.sampler import make_sampler
from tests.features.states import lpips_arrays

DIM = 4
IMAGE = (8, 8, 1)
SOURCE = array_source(
    "squares",
    np.random.default_rng(0).integers(0, 256, (300, *IMAGE)).astype(np.uint8),
    np.random.default_rng(1).choice(3, 300, p=[0.5, 0.3, 0.2]),
)
POINTS = array_source("points", np.random.default_rng(2).normal(size=(400, 2)).astype(np.float32))
SCORES = ("fd", "kd", "prdc")


def conv_game(num_classes: int | None = None) -> jaxgan.Game:
    """A linear generator of images; of a class it is brighter."""

    def init(key: Any) -> Any:
        return 0.5 * jax.random.normal(key, (DIM, int(np.prod(IMAGE)))), {}

    def gen(w: Any, state: Any, z: Any, *label: Any, **_: Any) -> Any:
        images = jnp.tanh(z @ w).reshape(-1, *IMAGE)
        if label:
            images = images * (0.2 + 0.3 * label[0].astype(jnp.float32))[:, None, None, None]
        return images, state

    def disc(w: Any, state: Any, x: Any, *label: Any, **_: Any) -> Any:
        return x.reshape(len(x), -1).sum(axis=1), state

    networks = Network(init=init, apply=gen), Network(init=lambda key: ((), {}), apply=disc)
    return jaxgan.gan(*networks, latent=DIM, num_classes=num_classes)


def state_of(game: jaxgan.Game, seed: int = 0) -> TrainState:
    params, net_state = game.init(jax.random.key(seed))
    return TrainState(
        step=jnp.int32(70),
        key=jax.random.key(seed),
        params=params,
        net_state=net_state,
        opt_state={},
        memory=(),
        ema={},
    )


def silent(what: str, done: int, total: int) -> None:
    assert 0 < done <= total


def scores_of(
    game: jaxgan.Game,
    extractor: Extractor | None,
    options: Options,
    num_devices: int = 1,
    source: Any = SOURCE,
    num_classes: int | None = None,
) -> dict[str, Score]:
    mesh = distributed.make_mesh(num_devices)
    evaluator = make_evaluator(
        game, source, extractor, mesh, options, num_classes=num_classes, latent_dim=DIM
    )
    found = evaluator.evaluate(state_of(game), silent).scores
    assert tuple(score.name for score in found) == evaluator.names
    return {score.name: score for score in found}


def test_the_distance_is_that_of_the_very_samples() -> None:
    game = conv_game()
    found = scores_of(game, pixels(), Options(("fd",), 500, seed=3))
    sampler = make_sampler(game, SOURCE.element_spec)
    samples = sampler(state_of(game), jax.random.key(3), 500)
    real = SOURCE.read(np.arange(300))["image"]
    flat = [(x.reshape(len(x), -1) + 1) / 2 for x in (real, samples)]
    expected = frechet_distance(*(moments(x) for x in flat))
    assert found["fd_pixels"].value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("num_real", "num_joint"), [(200, 1), (250, 0)], ids=["together", "apart"])
def test_the_kernel_distance_and_prdc_are_the_same_together(
    num_real: int, num_joint: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    joint = mock.Mock(wraps=vars(measures)["kernel_and_prdc"])
    monkeypatch.setattr(measures, "kernel_and_prdc", joint)

    def found(*names: str) -> dict[str, Score]:
        return scores_of(conv_game(), random_conv(IMAGE), Options(names, 200, num_real=num_real))

    both = found("kd", "prdc")
    assert joint.call_count == num_joint
    alone = found("kd") | found("prdc")
    assert joint.call_count == num_joint
    assert [*both] == [*alone]
    for name, score in both.items():
        assert score.protocol == alone[name].protocol
        assert score.value == pytest.approx(alone[name].value, rel=1e-5)
    assert both["kd_random-conv"].std == pytest.approx(alone["kd_random-conv"].std, rel=1e-5)


def test_a_whole_protocol_goes_with_every_number() -> None:
    options = Options((*SCORES, "nearest"), 200, num_real=250, seed=3, truncation=0.7)
    found = scores_of(conv_game(), random_conv(IMAGE), options)
    names = ["fd", "kd", "precision", "recall", "density", "coverage"]
    assert [*found] == [f"{n}_random-conv" for n in names] + ["nearest", "nearest_of_real"]
    for score in found.values():
        assert set(KEYS) <= set(score.protocol)
    protocol = found["fd_random-conv"].protocol
    assert str(protocol["network"]).startswith("random-conv")
    assert str(protocol["weights"]).startswith("sha256:")
    expected: dict[str, Any] = {"n_real": 250, "n_fake": 200, "seed": 3, "step": 70, "ema": False}
    expected |= {"truncation": 0.7, "reference": "squares", "member": None}
    expected |= {"jaxgan": jaxgan.__version__}
    assert {key: protocol[key] for key in expected} == expected
    assert found["precision_random-conv"].protocol["n_real"] == 200
    assert found["nearest"].protocol["network"] is None
    assert found["kd_random-conv"].std is not None


@pytest.mark.parametrize(
    ("extractor", "metrics", "num_devices"),
    [
        (random_conv(IMAGE), (*SCORES, "intra"), 8),
        # Which do not divide a chunk of samples: several of these go together.
        (pixels(), ("fd", "ppl"), 3),
    ],
)
def test_devices_make_no_difference(
    extractor: Extractor, metrics: tuple[str, ...], num_devices: int
) -> None:
    game, options = conv_game(3), Options(metrics, 600)
    one, many = (
        scores_of(game, extractor, options, num, num_classes=3) for num in (1, num_devices)
    )
    for name, score in one.items():
        assert many[name].value == pytest.approx(score.value, rel=1e-5, abs=1e-6), name
        assert many[name].protocol == score.protocol


@pytest.mark.slow
def test_every_metric_gives_what_it_says() -> None:
    others = ("modes", "ppl_lpips")
    options = Options([name for name in table.METRICS if name not in others], 300, num_real=200)
    labelled = pixels()._replace(
        apply=lambda params, images: {
            "features": images.reshape(len(images), -1),
            "logits": images.reshape(len(images), -1)[:, :3],
        },
        num_classes=3,
    )
    found = scores_of(conv_game(3), labelled, options, num_classes=3)
    assert all(np.isfinite(score.value) for score in found.values())
    assert 0.2 < found["gan_test"].value <= 1.0


@pytest.mark.parametrize("num_devices", [1, 3])
def test_path_lengths_by_lpips_are_those_by_hand(
    num_devices: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAXGAN_WEIGHTS", str(tmp_path))
    path = tmp_path / "lpips-vgg16.npz"
    sha256 = write_arrays(path, lpips_arrays("vgg16"), {"network": "lpips-vgg16"})
    images = np.zeros((20, 16, 16, 3), np.uint8)
    source = array_source("dark", images)
    weights = 0.3 * jax.random.normal(jax.random.key(1), (DIM, 16 * 16 * 3))

    def gen(_: Any, state: Any, z: Any, **__: Any) -> Any:
        return jnp.tanh(z @ weights).reshape(-1, 16, 16, 3), state

    network = Network(init=lambda key: ((), {}), apply=gen)
    options = Options(("ppl_lpips",), 40, seed=5)
    game = jaxgan.gan(network, network, latent=DIM)
    (score,) = scores_of(game, None, options, num_devices, source).values()

    distance = lpips()
    both = jax.random.normal(stream(jax.random.key(5), "paths"), (2, 40, DIM))
    expected = path_length(
        jax.jit(lambda z: gen((), {}, z)[0]),
        lambda x, y: jax.jit(distance.apply)(distance.params, x, y),
        *both,
        batch=40,
        seed=5,
    )
    assert score.value == pytest.approx(expected.value, rel=1e-3)
    assert score.std == pytest.approx(expected.std / np.sqrt(expected.num_kept), rel=1e-3)
    assert score.protocol["weights"] == f"sha256:{sha256}"
    assert score.protocol["network"] == "lpips-vgg16 0.1"


def test_labels_of_samples_follow_the_data() -> None:
    game = conv_game(3)
    mean = function("mean", lambda images: jnp.abs(images).mean(axis=(1, 2)))
    counts = np.bincount(SOURCE.read(np.arange(300))["label"])
    labels = class_sequence(counts.tolist(), 400)
    sampler = make_sampler(game, SOURCE.element_spec, num_classes=3)
    samples = np.abs(sampler(state_of(game), jax.random.key(0), 400, labels)).mean(axis=(1, 2))
    real = np.abs(SOURCE.read(np.arange(300))["image"]).mean(axis=(1, 2))
    found = scores_of(game, mean, Options(("fd",), 400), num_classes=3)["fd_mean"].value
    assert found == pytest.approx(frechet_distance(moments(real), moments(samples)), rel=1e-4)


def test_truncated_latents_stay_within() -> None:
    still = Network(init=lambda key: ((), {}), apply=lambda w, state, x, **_: (x, state))
    game = jaxgan.gan(still, still, latent=2)
    seen: list[np.ndarray] = []

    def keep(values: np.ndarray) -> None:
        seen.append(np.array(values))

    def apply(points: Any) -> Any:
        jax.debug.callback(keep, points)
        return points

    mesh = distributed.make_mesh(1)
    extractor = function("seen", apply)
    for limit in (0.5, None):
        evaluator = make_evaluator(
            game, POINTS, extractor, mesh, Options(("fd",), 512, truncation=limit), latent_dim=2
        )
        evaluator.evaluate(state_of(game), silent)
        jax.effects_barrier()
        fakes = np.concatenate(seen[-2 * 256 // 64 :])
        assert len(fakes) == 512
        assert fakes.std() > 0.2
        assert (np.abs(fakes).max() <= 0.5) == (limit is not None)


def test_nothing_is_compiled_twice(caplog: pytest.LogCaptureFixture) -> None:
    game = conv_game()
    evaluator = make_evaluator(
        game, SOURCE, random_conv(IMAGE), distributed.make_mesh(2), Options(SCORES, 300)
    )
    state = state_of(game)
    first = evaluator.evaluate(state, silent).scores
    params = jax.tree.map(lambda x: 2 * x, state.params)
    later = state._replace(step=state.step + 1, params=params)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        jax.jit(lambda x: x + 71)(np.ones(3)).block_until_ready()
        assert "Compiling" in caplog.text  # so that it counts
        caplog.clear()
        second = evaluator.evaluate(later, silent).scores
        assert "Compiling" not in caplog.text
    assert second[0].value != first[0].value


def test_kept_features_give_the_same_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    game, options = conv_game(), Options(SCORES, 300, cache_dir=tmp_path)
    told: list[str] = []

    def scores() -> list[float]:
        evaluator = make_evaluator(game, SOURCE, pixels(), distributed.make_mesh(1), options)
        told.clear()
        found = evaluator.evaluate(state_of(game), lambda what, *_: told.append(what))
        return [score.value for score in found.scores]

    first = scores()
    assert "real examples" in told
    (path,) = tmp_path.iterdir()
    assert scores() == first
    assert "real examples" not in told
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "jaxgan.evaluation"):
        assert scores() == first
    assert "real examples" in told
    assert "damaged" in caplog.text
    assert path.read_bytes() != content


def test_members_are_measured_one_at_a_time() -> None:
    game = conv_game()
    both = jax.tree.map(lambda *x: jnp.stack(x), *(state_of(game, seed) for seed in (0, 1)))
    both = both._replace(step=both.step[0])
    found = []
    for state, member in ((both, 1), (state_of(game, 1), None)):
        options = Options(("fd",), 200, member=member)
        evaluator = make_evaluator(game, SOURCE, pixels(), distributed.make_mesh(1), options)
        (score,) = evaluator.evaluate(state, silent).scores
        found.append(score)
    assert found[0].value == pytest.approx(found[1].value, rel=1e-6)
    assert [score.protocol["member"] for score in found] == [1, None]


def test_doubtful_numbers_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    game = conv_game()
    state = state_of(game)
    flat = state._replace(params={**state.params, "gen": jnp.zeros_like(state.params["gen"])})
    evaluator = make_evaluator(
        game, SOURCE, pixels(), distributed.make_mesh(1), Options(("fd",), 50)
    )
    with caplog.at_level(logging.WARNING, "jaxgan.evaluation"):
        evaluator.evaluate(flat, silent)
    assert "50 of 50 samples are one colour all over" in caplog.text
    assert "fd_pixels: 50 samples of 64 features: the covariance is singular" in caplog.text
    assert "all 50 samples have the same features" in caplog.text


def test_lost_numbers_are_no_score() -> None:
    game = conv_game()
    state = state_of(game)
    lost = state._replace(params={**state.params, "gen": state.params["gen"].at[0, 0].set(jnp.nan)})
    evaluator = make_evaluator(
        game, SOURCE, pixels(), distributed.make_mesh(1), Options(("fd",), 50)
    )
    with pytest.raises(EvaluationError, match="samples: number 0 of 50 holds NaN"):
        evaluator.evaluate(lost, silent)
    root = function("root", lambda images: jnp.sqrt(images[:, 0, 0, :] - 0.99))
    evaluator = make_evaluator(game, SOURCE, root, distributed.make_mesh(1), Options(("fd",), 50))
    with pytest.raises(EvaluationError, match=r"real examples: the features of number \d+ of 300"):
        evaluator.evaluate(state, silent)


UNLABELLED = array_source("plain", np.zeros((10, *IMAGE), np.uint8))


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (SOURCE, Options(("fd", "ffd")), "metrics is 'ffd'; .*did you mean fd"),
        (SOURCE, Options(("fid",)), "fid is a score of the published Inception weights alone"),
        (SOURCE, Options(("kid",)), "`jaxgan weights inception` says how to get them"),
        (SOURCE, Options(("is",)), "is needs a classifier; pixels gives features only"),
        (SOURCE, Options(("classes",)), "classes needs a classifier"),
        (UNLABELLED, Options(("intra",)), "intra needs labels; plain has none"),
        (SOURCE, Options(("modes",)), "modes counts the modes of a mixture"),
        (SOURCE, Options(("gan_train",)), "gan_train needs a class-conditional game"),
        (ring(), Options(("nearest",)), "nearest looks for stored examples; ring is sampled"),
        (POINTS, Options(("swd",)), "swd looks at images; points has points"),
        (SOURCE, Options(("fd",), 1), "num_samples is 1; it must be at least 2"),
        (SOURCE, Options(("fd",), num_real=301), "num_real is 301; squares has 300 examples"),
        (SOURCE, Options(("fd",), truncation=0.0), "truncation is 0.0; it must be above 0"),
        (SOURCE, Options(("fd",), truncation=math.inf), "truncation is inf; it must be finite"),
        (SOURCE, Options(("fd",), truncation=math.nan), "truncation is nan; it must be finite"),
    ],
)
def test_what_cannot_be_measured_is_one_line(source: Any, options: Options, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        make_evaluator(
            conv_game(), source, pixels(), distributed.make_mesh(1), options, latent_dim=DIM
        )
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("has_weights", "message"),
    [
        (False, "ppl_lpips: lpips-vgg16: no weights at .*; get https:.* then: jaxgan weights"),
        (True, r"ppl_lpips: lpips-vgg16: images of shape \(256, 8, 8, 1\) .*at least 16 pixels"),
    ],
)
def test_lpips_wants_weights_and_larger_images(
    has_weights: bool, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAXGAN_WEIGHTS", str(tmp_path))
    if has_weights:
        arrays = lpips_arrays("vgg16")
        write_arrays(tmp_path / "lpips-vgg16.npz", arrays, {"network": "lpips-vgg16"})
    with pytest.raises(EvaluationError, match=message) as raised:
        scores_of(conv_game(), None, Options(("ppl_lpips",)))
    assert "\n" not in str(raised.value)


def test_latents_that_are_not_normal_cannot_be_truncated() -> None:
    with pytest.raises(InputError, match="which this game has not"):
        make_evaluator(
            conv_game(),
            SOURCE,
            pixels(),
            distributed.make_mesh(1),
            Options(("fd",), truncation=1.0),
        )


def test_only_published_weights_give_a_fid() -> None:
    extractor = pixels()._replace(name="inception", num_classes=1008)
    published = extractor._replace(protocol={**extractor.protocol, "published": 1})
    for one, names in (
        (extractor, ["fd_inception", "kd_inception", "is_inception"]),
        (published, ["fid", "kid", "is"]),
    ):
        found = [table.score_name(n, table.METRICS[n], one) for n in ("fd", "kd", "is")]
        assert found == names
    metric = table.METRICS["prdc"]
    assert table.score_name("recall", metric, published) == "recall_inception"
