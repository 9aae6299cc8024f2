"""Every layer against its formula in NumPy."""

from __future__ import annotations

from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import layers
from jaxgan.models.layers import Dense, Equalised, HeadOptions
from jaxgan.models.layers.spectral import SPECTRAL

LABEL = np.array([2, 0, -1, 1])


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1.0, 2.0, shape).astype(np.float32)


def made(module: nn.Module, *inputs: Any, seed: int = 0, **options: Any) -> tuple[Any, Any]:
    """Variables with numbers everywhere, even where they start at zero, and the output."""
    variables = module.init(jax.random.key(seed), *inputs, **options)
    noise = jax.tree.map(
        lambda leaf: (
            leaf + 0.3 * np.cos(np.arange(leaf.size, dtype=np.float32)).reshape(leaf.shape)
        ),
        variables.get("params", {}),
    )
    variables = {**variables, "params": noise}
    output = module.apply(variables, *inputs, mutable=["batch_stats"], **options)
    return jax.tree.map(np.asarray, variables), jax.tree.map(np.asarray, output)


def close(actual: Any, expected: Any, **tolerance: float) -> None:
    np.testing.assert_allclose(actual, expected, **{"rtol": 2e-5, "atol": 2e-5, **tolerance})


def test_virtual_batch_norm_uses_the_reference_and_the_example_itself() -> None:
    x = draw(7, 3, 2, 5)
    variables, (y, _) = made(layers.VirtualBatchNorm(num_reference=4), x)
    scale, bias = variables["params"]["scale"], variables["params"]["bias"]

    def normed(of: np.ndarray, by: np.ndarray) -> np.ndarray:
        mean, var = by.mean((0, 1, 2)), by.var((0, 1, 2))
        return (of - mean) / np.sqrt(var + 1e-5) * scale + bias

    close(y[:4], normed(x[:4], x[:4]))
    for i in range(4, 7):
        close(y[i], normed(x[i], np.concatenate([x[:4], x[i : i + 1]])))


def test_virtual_batch_norm_of_vectors_couples_no_examples() -> None:
    x = draw(6, 3)
    layer = layers.VirtualBatchNorm(num_reference=2)
    variables, (y, _) = made(layer, x)
    alone: Any = layer.apply(variables, x[[0, 1, 4]])
    close(alone[2], y[4])
    with pytest.raises(ValueError, match="2 examples, of which 2 are the reference"):
        layer.apply(variables, x[:2])


@pytest.mark.parametrize(("r_max", "d_max"), [(1.0, 0.0), (3.0, 5.0), (1.2, 0.3)])
def test_batch_renorm(r_max: float, d_max: float) -> None:
    x = draw(6, 2, 2, 3)
    layer = layers.BatchRenorm(r_max, d_max)
    variables = layer.init(jax.random.key(0), x)
    mean, std = np.array([0.5, 2.0, 0.0]), np.array([1.0, 2.5, 0.4])
    stats = {"mean": mean.astype(np.float32), "std": std.astype(np.float32)}
    variables = {**variables, "batch_stats": stats}
    y, new = layer.apply(variables, x, mutable=["batch_stats"])
    own_mean, own_std = x.mean((0, 1, 2)), np.sqrt(x.var((0, 1, 2)) + 1e-3)
    r = np.clip(own_std / std, 1 / r_max, r_max)
    d = np.clip((own_mean - mean) / std, -d_max, d_max)
    close(y, (x - own_mean) / own_std * r + d)
    close(new["batch_stats"]["mean"], mean + 0.01 * (own_mean - mean))
    close(new["batch_stats"]["std"], std + 0.01 * (own_std - std))
    close(layer.apply(variables, x, train=False), (x - mean) / std)


def test_batch_renorm_passes_no_gradient_through_its_corrections() -> None:
    """With bounds that clip nothing y is (x - mu) / sigma, yet its gradient is batch norm's."""
    x = draw(6, 3)
    layer = layers.BatchRenorm(r_max=1e6, d_max=1e6)
    variables = layer.init(jax.random.key(0), x)
    weights = draw(6, 3, seed=1)

    def total(x: jax.Array) -> jax.Array:
        return jnp.sum(weights * layer.apply(variables, x, mutable=["batch_stats"])[0])

    slope = jax.grad(total)(x)
    std = np.sqrt(x.var(0) + 1e-3)
    normed = (x - x.mean(0)) / std
    # d/dx of w . (x - m) / s with m and s of the batch, times r = s / 1
    expected = weights - weights.mean(0) - normed * (weights * normed).mean(0)
    close(slope, expected, atol=1e-4)


def test_batch_renorm_refuses_bounds_that_are_none() -> None:
    with pytest.raises(ValueError, match=r"r_max is 0\.5"):
        layers.BatchRenorm(r_max=0.5).init(jax.random.key(0), draw(2, 3))


def test_minibatch_discrimination() -> None:
    x = 0.1 * draw(5, 3)
    layer = layers.MinibatchDiscrimination(num_kernels=4, kernel_dim=2)
    variables, (y, _) = made(layer, x)
    rows = np.einsum("nf,fbc->nbc", x, variables["params"]["tensor"].reshape(3, 4, 2))
    expected = np.zeros((5, 4))
    for i in range(5):
        for j in range(5):
            expected[i] += np.exp(-np.abs(rows[i] - rows[j]).sum(-1))
    close(y, np.concatenate([x, expected], axis=1))


@pytest.mark.parametrize(("group_size", "num_channels"), [(4, 1), (2, 3), (None, 2), (100, 1)])
def test_minibatch_stddev(group_size: int | None, num_channels: int) -> None:
    x = draw(8, 2, 3, 6)
    y = layers.MinibatchStddev(group_size, num_channels).apply({}, x)
    size = min(group_size or 8, 8)
    expected = np.zeros((8, 2, 3, num_channels))
    for start in range(0, 8, size):
        group = x[start : start + size]
        stds = np.sqrt(((group - group.mean(0)) ** 2).mean(0) + 1e-8)
        for c, part in enumerate(np.split(stds, num_channels, axis=-1)):
            expected[start : start + size, ..., c] = part.mean()
    close(y, np.concatenate([x, expected], axis=-1))


def test_minibatch_stddev_of_equal_examples_has_a_finite_gradient() -> None:
    layer = layers.MinibatchStddev()
    slope = jax.grad(lambda x: jnp.sum(layer.apply({}, x)[:, -1]))(jnp.ones((4, 3)))
    close(slope, np.zeros((4, 3)))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (layers.MinibatchStddev(3), "group_size is 3; it must divide the batch of 8"),
        (layers.MinibatchStddev(4, 4), "num_channels is 4; it must divide the 6 channels"),
    ],
)
def test_minibatch_stddev_names_what_does_not_divide(layer: nn.Module, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        layer.apply({}, jnp.zeros((8, 6)))


def test_pixel_norm() -> None:
    x = draw(2, 3, 3, 5)
    close(layers.pixel_norm(x), x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-8))


def test_adain_gives_each_channel_the_mean_and_deviation_of_the_style() -> None:
    x, style = draw(2, 4, 3, 5), draw(2, 6, seed=1)
    variables, (y, _) = made(layers.AdaIN(), x, style)
    dense = variables["params"]["Dense_0"]
    scale, bias = np.split(style @ dense["kernel"] + dense["bias"], 2, axis=-1)
    mean, std = x.mean((1, 2)), np.sqrt(x.var((1, 2)) + 1e-5)
    whole = slice(None), None, None
    normed = (x - mean[whole]) / std[whole]
    close(y, (1 + scale[whole]) * normed + bias[whole], atol=1e-4)


def test_self_attention() -> None:
    x = 0.3 * draw(2, 2, 3, 16)
    variables, (y, _) = made(layers.SelfAttention(), x)
    params = variables["params"]
    assert params["f"]["kernel"].shape == params["h"]["kernel"].shape == (16, 2)
    expected = np.zeros_like(x).reshape(2, 6, 16)
    for b in range(2):
        pixels = x[b].reshape(6, 16)
        f, g, h = (pixels @ params[name]["kernel"] for name in "fgh")
        scores = np.exp(f @ g.T)  # s_ij = f(x_i) g(x_j)
        beta = (scores / scores.sum(0)).T  # beta_ji: what i is to j
        expected[b] = params["gamma"] * (beta @ h @ params["v"]["kernel"]) + pixels
    close(y, expected.reshape(x.shape))


def test_conditional_batch_norm_has_a_gain_and_a_bias_of_each_class() -> None:
    x = draw(4, 2, 2, 3)
    layer = layers.ConditionalBatchNorm(num_classes=3)
    variables, (y, new) = made(layer, x, LABEL)
    scale = np.concatenate([variables["params"]["scale"], np.zeros((1, 3))])[LABEL]
    bias = np.concatenate([variables["params"]["bias"], np.zeros((1, 3))])[LABEL]
    whole = slice(None), None, None
    normed = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    close(y, (1 + scale[whole]) * normed + bias[whole])
    stats = new["batch_stats"]["BatchNorm_0"]
    close(stats["mean"], 0.1 * x.mean((0, 1, 2)))
    after = layer.apply({**variables, **new}, x, LABEL, train=False)
    normed = (x - stats["mean"]) / np.sqrt(stats["var"] + 1e-5)
    close(after, (1 + scale[whole]) * normed + bias[whole])


@pytest.mark.parametrize("norm", ["batch", "instance", "layer"])
def test_norms_by_name(norm: str) -> None:
    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            return layers.normalise(x, norm, train=True)

    x = draw(4, 2, 3, 5)
    axes = {"batch": (0, 1, 2), "instance": (1, 2), "layer": (1, 2, 3)}[norm]
    variables, (y, _) = made(Layer(), x)
    (params,) = variables["params"].values()
    assert params["scale"].shape == (5,)
    epsilon = 1e-5 if norm == "batch" else 1e-6
    std = np.sqrt(x.var(axes, keepdims=True) + epsilon)
    normed = (x - x.mean(axes, keepdims=True)) / std
    close(y, normed * params["scale"] + params["bias"])


def test_labels_of_no_class_are_zero_vectors() -> None:
    codes = layers.one_hot(jnp.asarray(LABEL), 3)
    close(codes, np.concatenate([np.eye(3), np.zeros((1, 3))])[LABEL])
    pairs = layers.one_hot(jnp.asarray([[1, 0], [2, -1]]), 3)
    close(pairs, [[0, 1, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0]])
    variables, (vectors, _) = made(layers.ClassEmbedding(3, 4), LABEL)
    table = np.concatenate([variables["params"]["table"]["kernel"], np.zeros((1, 4))])
    close(vectors, table[LABEL])
    with pytest.raises(ValueError, match="label is None"):
        layers.one_hot(None, 3)


# Equalised learning rate


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dense(2000, equalised=Equalised(1.0)), (1, 300)),
        (layers.Conv(64, 3, equalised=Equalised(1.0)), (1, 8, 8, 30)),
        (layers.ConvTranspose(64, 4, equalised=Equalised(1.0)), (1, 8, 8, 30)),
    ],
)
def test_equalised_outputs_have_the_variance_of_the_input(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    x = jax.random.normal(jax.random.key(1), shape)
    y, variables = layer.init_with_output(jax.random.key(0), x)
    assert float(jnp.std(variables["params"]["kernel"])) == pytest.approx(1.0, rel=0.03)
    inside = y if y.ndim == 2 else y[:, 2:-2, 2:-2]  # away from the padding
    assert float(jnp.std(inside)) == pytest.approx(1.0, rel=0.06)


def test_equalised_gain_and_multiplier_scale_output_and_gradient() -> None:
    """The function is the same whatever m; its gradients are m times as large."""
    x = draw(3, 50)
    slopes, outputs = [], []
    for multiplier in (1.0, 0.1):
        layer = Dense(4, equalised=Equalised(gain=2.0, lr_multiplier=multiplier))
        params = layer.init(jax.random.key(0), x)["params"]
        kernel = params["kernel"] * multiplier  # N(0, 1), the same for both
        close(layer.apply({"params": params}, x), x @ (2.0 / np.sqrt(50) * kernel))
        outputs.append(layer.apply({"params": params}, x))
        slopes.append(
            jax.grad(lambda p, f=layer: jnp.sum(jnp.square(f.apply({"params": p}, x))))(params)
        )
    close(outputs[1], outputs[0])
    for name in ("kernel", "bias"):
        close(slopes[1][name], 0.1 * slopes[0][name], rtol=1e-4)


# Spectral norm


class Spectral(nn.Module):
    layer: nn.Module
    num_steps: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        return layers.spectral_norm(self.layer, x, train, self.num_steps)


@pytest.mark.parametrize("layer", [Dense(5), layers.Conv(5, 3)])
def test_spectral_norm_divides_by_the_largest_singular_value(layer: nn.Module) -> None:
    x = draw(2, 4, 4, 3)
    module = Spectral(layer)
    variables = module.init(jax.random.key(0), x)
    step = jax.jit(lambda v: module.apply(v, x, mutable=[SPECTRAL]))
    for _ in range(60):
        y, moved = step(variables)
        variables = {**variables, **moved}
    (params,) = variables["params"].values()
    matrix = np.asarray(params["kernel"]).reshape(-1, 5)
    largest = np.linalg.svd(matrix)[1].max()
    (sigma,) = [leaf for path, leaf in jax.tree.leaves_with_path(moved) if "sigma" in str(path[-1])]
    assert float(sigma) == pytest.approx(float(largest), rel=1e-5)
    plain = layer.clone(parent=None)
    scaled = {**params, "kernel": params["kernel"] / largest}
    close(y, plain.apply({"params": scaled}, x), atol=1e-4)


def test_power_iterations_move_in_training_only() -> None:
    x = draw(2, 3)
    module = Spectral(Dense(5))
    variables = module.init(jax.random.key(0), x)
    assert set(variables) == {"params", SPECTRAL}
    _, kept = module.apply(variables, x, train=False, mutable=[SPECTRAL])
    _, moved = module.apply(variables, x, train=True, mutable=[SPECTRAL])
    chex.assert_trees_all_equal(kept[SPECTRAL], variables[SPECTRAL])
    gaps = jax.tree.map(
        lambda a, b: float(np.abs(a - b).max()), moved[SPECTRAL], variables[SPECTRAL]
    )
    assert min(jax.tree.leaves(gaps)) > 1e-4


def test_the_gradient_goes_through_the_singular_value() -> None:
    """Scaling the kernel changes nothing, hence the gradient is orthogonal to it."""
    x = draw(4, 3)
    module = Spectral(Dense(5, use_bias=False), num_steps=100)
    variables = module.init(jax.random.key(0), x)

    def total(params: Any) -> jax.Array:
        y = module.apply({**variables, "params": params}, x, train=False)
        return jnp.sum(jnp.sin(y))

    slope = jax.grad(total)(variables["params"])
    (kernel,), (slope,) = jax.tree.leaves(variables["params"]), jax.tree.leaves(slope)
    assert float(jnp.abs(slope).max()) > 0.05
    assert float(jnp.vdot(slope, kernel)) == pytest.approx(0.0, abs=1e-4)


# Heads


class Critic(nn.Module):
    options: HeadOptions
    norm: str = "none"

    @nn.compact
    def __call__(self, x: jax.Array, label: Any = None) -> Any:
        return layers.apply_head(x, self.options, label=label, norm=self.norm)


def affine(params: Any, name: str, x: np.ndarray) -> np.ndarray:
    return x @ params[name]["kernel"] + params[name]["bias"]


def test_projection_head() -> None:
    x = draw(4, 6)
    variables, (logits, _) = made(Critic(HeadOptions("projection", 3)), x, LABEL)
    params = variables["params"]
    vectors = np.concatenate([params["class_embedding"]["kernel"], np.zeros((1, 6))])[LABEL]
    close(logits, affine(params, "Dense_0", x)[:, 0] + (vectors * x).sum(1))


def test_classifier_and_classes_heads() -> None:
    x = draw(4, 6)
    variables, (out, _) = made(Critic(HeadOptions("classifier", 3)), x)
    assert sorted(out) == ["class_logits", "features", "logits"]
    close(out["class_logits"], affine(variables["params"], "class_head", x))
    close(out["logits"], affine(variables["params"], "Dense_0", x)[:, 0])
    variables, (out, _) = made(Critic(HeadOptions("classes", 3)), x)
    assert list(variables["params"]) == ["class_head"]
    close(out["logits"], np.log(np.exp(out["class_logits"]).sum(1)))
    # Real with probability Z / (Z + 1): a softmax over n + 1 classes, the last of logit 0.
    z = np.exp(out["class_logits"]).sum(1)
    close(1 / (1 + np.exp(-out["logits"])), z / (z + 1))


def test_codes_head() -> None:
    x = draw(4, 6)
    variables, (out, _) = made(Critic(HeadOptions("codes", None, 5, 2)), x)
    params = variables["params"]
    hidden = affine(params, "code_hidden", x)
    hidden = np.where(hidden > 0, hidden, 0.1 * hidden)
    close(out["code_logits"], affine(params, "code_logits", hidden), atol=1e-3)
    close(out["code_mean"], affine(params, "code_mean", hidden), atol=1e-3)
    _, (out, _) = made(Critic(HeadOptions("codes", None, 0, 2)), x)
    assert sorted(out) == ["code_mean", "features", "logits"]


def test_features_head_and_its_features() -> None:
    x = draw(4, 6)
    variables, (out, _) = made(Critic(HeadOptions("features")), x)
    close(out["features"], x)
    alone = Critic(HeadOptions("logit")).apply(variables, x)
    close(out["logits"], alone)


def test_every_kernel_of_a_head_is_normalised() -> None:
    module = Critic(HeadOptions("projection", 3), "spectral")
    state = module.init(jax.random.key(0), draw(4, 6), LABEL)[SPECTRAL]
    names = sorted(name for part in state.values() for name in part)
    assert names == [
        "Dense_0/kernel/sigma",
        "Dense_0/kernel/u",
        "class_embedding/kernel/sigma",
        "class_embedding/kernel/u",
    ]
