"""Perceptrons against their formula in NumPy."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import MLPAutoencoder, MLPDiscriminator, MLPGenerator
from jaxgan.models.layers import MinibatchDiscrimination, MinibatchStddev


def _forward(params, x, activation):
    layers = [params[f"Dense_{i}"] for i in range(len(params))]
    for layer in layers[:-1]:
        x = activation(x @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"]))
    return x @ np.asarray(layers[-1]["kernel"]) + np.asarray(layers[-1]["bias"])


def test_generator_is_its_formula():
    z = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    generator = MLPGenerator((8, 6), (2,), activation=nn.tanh, out_activation=jnp.tanh)
    variables = generator.init(jax.random.key(0), z)
    expected = np.tanh(_forward(variables["params"], z, np.tanh))
    np.testing.assert_allclose(generator.apply(variables, z), expected, rtol=1e-5, atol=1e-6)


def test_generator_makes_samples_of_any_shape():
    z = jax.random.normal(jax.random.key(0), (5, 3))
    flat, images = MLPGenerator((8,), (32,)), MLPGenerator((8,), (4, 4, 2))
    variables = flat.init(jax.random.key(1), z)
    np.testing.assert_array_equal(
        images.apply(variables, z), flat.apply(variables, z).reshape(5, 4, 4, 2)
    )


def test_discriminator_flattens_scales_and_squeezes():
    x = np.random.default_rng(1).standard_normal((5, 4, 4, 2)).astype(np.float32)
    discriminator = MLPDiscriminator((8, 6), input_scale=0.5)
    variables = discriminator.init(jax.random.key(0), x)
    assert variables["params"]["Dense_0"]["kernel"].shape == (32, 8)
    flat = 0.5 * x.reshape(5, 32)
    expected = _forward(variables["params"], flat, lambda a: np.maximum(a, 0))[:, 0]
    logits = discriminator.apply(variables, x)
    assert logits.shape == (5,)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)


def test_train_changes_nothing():
    x = jnp.ones((3, 2))
    for module in (MLPGenerator((4,), (2,)), MLPDiscriminator((4,))):
        variables = module.init(jax.random.key(0), x)
        np.testing.assert_array_equal(
            module.apply(variables, x, train=True), module.apply(variables, x, train=False)
        )


def test_every_kernel_is_drawn_by_the_initialiser():
    module = MLPDiscriminator((16, 16), kernel_init=nn.initializers.orthogonal(0.8))
    params = module.init(jax.random.key(0), jnp.ones((1, 16)))["params"]
    for i in (0, 1):
        kernel = params[f"Dense_{i}"]["kernel"]
        np.testing.assert_allclose(kernel.T @ kernel, 0.64 * np.eye(16), atol=1e-5)
    assert float(jnp.linalg.norm(params["Dense_2"]["kernel"])) == pytest.approx(0.8, rel=1e-5)


def test_computes_in_its_dtype_and_answers_in_float32():
    for module in (
        MLPGenerator((4,), (2,), input_scale=0.5, dtype=jnp.bfloat16),
        MLPDiscriminator((4,), input_scale=0.5, dtype=jnp.bfloat16),
    ):
        variables = module.init(jax.random.key(0), jnp.ones((1, 3)))
        assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
        output, inner = module.apply(variables, jnp.ones((1, 3)), capture_intermediates=True)
        layers = inner["intermediates"]
        assert layers["Dense_0"]["__call__"][0].dtype == jnp.bfloat16
        assert layers["Dense_1"]["__call__"][0].dtype == output.dtype == jnp.float32


def test_answers_of_bfloat16_are_not_rounded_to_eight_bits():
    """A large output is resolved as finely as a small one: the last layer is float32."""
    module = MLPDiscriminator((1,), dtype=jnp.bfloat16)
    params = module.init(jax.random.key(0), jnp.ones((1, 1)))["params"]
    params["Dense_0"]["kernel"] = jnp.ones((1, 1))
    params["Dense_1"] = {"kernel": jnp.ones((1, 1)), "bias": jnp.full((1,), 100.0)}
    x = jnp.asarray([[0.0], [0.125]])
    np.testing.assert_array_equal(module.apply({"params": params}, x), [100.0, 100.125])


@pytest.mark.parametrize(
    ("module", "x", "words"),
    [
        (MLPDiscriminator((4,)), jnp.ones(3), "inputs have shape"),
        (
            MLPGenerator((4,), (2,), conditioning="concat", num_classes=3),
            jnp.ones((1, 3)),
            "label is None; a conditional network needs one label per example",
        ),
    ],
)
def test_bad_input_is_named(module, x, words):
    with pytest.raises(ValueError, match=words):
        module.init(jax.random.key(0), x)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: MLPGenerator((4, 0), (2,)),
            r"features\[1\] is 0; it must be an integer, from 1 to",
        ),
        (lambda: MLPGenerator((4,), (0,)), r"out_shape\[0\] is 0; it must be an integer"),
        (lambda: MLPGenerator((4,), (2,), conditioning="norm"), "must be 'concat' or 'none'"),
        (lambda: MLPGenerator((4,), (2,), conditioning="concat"), "needs classes; set num_classes"),
        (lambda: MLPDiscriminator((4,), norm="batch"), "norm is 'batch'; it must be 'none' or"),
        (
            lambda: MLPDiscriminator((4,), minibatch="all"),
            "minibatch is 'all'; it must be 'discrim",
        ),
        (lambda: MLPDiscriminator((4,), head="real"), "head is 'real'; it must be 'classes'"),
        (lambda: MLPDiscriminator((4,), head="classifier"), "needs classes; set num_classes"),
        (
            lambda: MLPDiscriminator((4,), head="codes", num_categories=0, num_continuous=0),
            "head is 'codes', which needs a code",
        ),
        (lambda: MLPAutoencoder((4,), error="l3"), "error is 'l3'; it must be 'l1' or 'l2'"),
        (lambda: MLPAutoencoder((4,), code_dim=0), "code_dim is 0; it must be an integer"),
    ],
)
def test_options_that_are_none_are_named(build, words):
    with pytest.raises(ValueError, match=words):
        build()


def test_labels_stand_beside_the_input_as_one_hot_vectors():
    label = np.array([2, 0, 1])
    codes = np.eye(3, dtype=np.float32)[label]
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    for build in (
        lambda **o: MLPGenerator((8,), (2,), **o),
        lambda **o: MLPDiscriminator((8,), **o),
    ):
        conditional = build(conditioning="concat", num_classes=3)
        variables = conditional.init(jax.random.key(0), x, label)
        plain = build().apply(variables, np.concatenate([x, codes], axis=1))
        np.testing.assert_array_equal(conditional.apply(variables, x, label), plain)


@pytest.mark.parametrize(
    ("minibatch", "layer"),
    [("discrimination", MinibatchDiscrimination()), ("stddev", MinibatchStddev())],
)
def test_the_minibatch_layer_sees_the_last_features(minibatch, layer):
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    module = MLPDiscriminator((6,), minibatch=minibatch, head="features")
    variables = module.init(jax.random.key(0), x)
    hidden = nn.relu(x @ variables["params"]["Dense_0"]["kernel"])
    own = variables["params"].get("MinibatchDiscrimination_0", {})
    expected = layer.apply({"params": own}, hidden)
    out = module.apply(variables, x)
    np.testing.assert_allclose(out["features"], expected, rtol=1e-5, atol=1e-6)
    assert expected.shape[1] > 6


@pytest.mark.parametrize("error", ["l1", "l2"])
def test_the_autoencoder_is_its_formula(error):
    x = np.random.default_rng(0).standard_normal((5, 2, 2)).astype(np.float32)
    module = MLPAutoencoder((8, 6), code_dim=3, error=error, activation=nn.tanh)
    params = module.init(jax.random.key(0), x)["params"]
    widths = [params[f"Dense_{i}"]["kernel"].shape for i in range(6)]
    assert widths == [(4, 8), (8, 6), (6, 3), (3, 6), (6, 8), (8, 4)]
    code = _forward(
        {f"Dense_{i}": params[f"Dense_{i}"] for i in range(3)}, x.reshape(5, 4), np.tanh
    )
    back = _forward({f"Dense_{i}": params[f"Dense_{i + 3}"] for i in range(3)}, code, np.tanh)
    gap = np.abs(x.reshape(5, 4) - back)
    out = module.apply({"params": params}, x)
    assert sorted(out) == ["code", "logits"]
    np.testing.assert_allclose(out["code"], code, rtol=1e-5, atol=1e-5)
    expected = -(gap if error == "l1" else gap**2).mean(1)
    np.testing.assert_allclose(out["logits"], expected, rtol=1e-5, atol=1e-5)
