"""DCGAN: its shapes at every size, the paper's architecture, its statistics and its gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import DCGANAutoencoder, DCGANDiscriminator, DCGANGenerator


def _variables(module, *shape):
    return jax.jit(module.init)(jax.random.key(0), jnp.zeros(shape))


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("image_size", [8, 14, 16, 28, 32, 56, 64])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shapes(image_size, channels, norm):
    generator = DCGANGenerator(image_size, channels, base_channels=4, norm=norm)
    discriminator = DCGANDiscriminator(image_size, channels, base_channels=4, norm=norm)
    z = jnp.zeros((2, 10))

    def play(key):
        images, gen_variables = generator.init_with_output(key, z)
        logits, disc_variables = discriminator.init_with_output(key, images)
        return images, logits, gen_variables, disc_variables

    images, logits, gen_variables, disc_variables = jax.eval_shape(play, jax.random.key(0))
    assert images.shape == (2, image_size, image_size, channels)
    assert logits.shape == (2,)
    for variables in (gen_variables, disc_variables):
        expected = ((norm == "batch") and image_size > 14) or variables is gen_variables
        assert ("batch_stats" in variables) == (norm == "batch" and expected)


def test_widths_and_biases_are_the_papers():
    """64 pixels and 128 base channels: 4x4x1024, 512, 256, 128, 3 (figure 1 of the paper)."""
    generator = DCGANGenerator(64, 3, base_channels=128, kernel_size=5)
    shapes = jax.eval_shape(generator.init, jax.random.key(0), jnp.zeros((1, 100)))["params"]
    shapes = jax.tree.map(lambda leaf: leaf.shape, shapes)
    assert shapes["Dense_0"] == {"kernel": (100, 4 * 4 * 1024)}
    for i, (width, in_features) in enumerate([(512, 1024), (256, 512), (128, 256)]):
        assert shapes[f"ConvTranspose_{i}"] == {"kernel": (5, 5, width, in_features)}
    assert shapes["ConvTranspose_3"] == {"kernel": (5, 5, 3, 128), "bias": (3,)}
    assert [shapes[f"BatchNorm_{i}"]["scale"] for i in range(4)] == [
        (1024,),
        (512,),
        (256,),
        (128,),
    ]
    assert "BatchNorm_4" not in shapes

    discriminator = DCGANDiscriminator(64, 3, base_channels=64)
    shapes = jax.eval_shape(discriminator.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    shapes = jax.tree.map(lambda leaf: leaf.shape, shapes["params"])
    assert shapes["Conv_0"] == {"kernel": (4, 4, 3, 64), "bias": (64,)}
    for i in (1, 2, 3):
        assert shapes[f"Conv_{i}"] == {"kernel": (4, 4, 32 * 2**i, 64 * 2**i)}
    assert [shapes[f"BatchNorm_{i}"]["scale"] for i in range(3)] == [(128,), (256,), (512,)]
    assert "BatchNorm_3" not in shapes


def test_infogans_networks_are_the_papers() -> None:
    """Its table for MNIST: dense layers of 1024 between the codes and the maps, either way."""
    options = {"base_channels": 64, "dense_features": 1024}
    generator = DCGANGenerator(28, 1, **options)
    shapes = jax.eval_shape(generator.init, jax.random.key(0), jnp.zeros((1, 74)))["params"]
    shapes = jax.tree.map(lambda leaf: leaf.shape, shapes)
    assert shapes["Dense_0"] == {"kernel": (74, 1024)}
    assert shapes["Dense_1"] == {"kernel": (1024, 7 * 7 * 128)}
    assert [shapes[f"BatchNorm_{i}"]["scale"] for i in range(3)] == [(1024,), (128,), (64,)]
    assert shapes["ConvTranspose_0"] == {"kernel": (4, 4, 64, 128)}
    assert shapes["ConvTranspose_1"] == {"kernel": (4, 4, 1, 64), "bias": (1,)}

    discriminator = DCGANDiscriminator(28, 1, head="codes", **options)
    shapes = jax.eval_shape(discriminator.init, jax.random.key(0), jnp.zeros((1, 28, 28, 1)))
    shapes = jax.tree.map(lambda leaf: leaf.shape, shapes["params"])
    assert shapes["Conv_0"] == {"kernel": (4, 4, 1, 64), "bias": (64,)}
    assert shapes["Conv_1"] == {"kernel": (4, 4, 64, 128)}
    assert shapes["Dense_0"] == {"kernel": (7 * 7 * 128, 1024)}
    assert shapes["code_hidden"]["kernel"] == (1024, 128)
    assert shapes["code_logits"]["kernel"] == (128, 10)


def test_weights_are_drawn_from_a_normal_of_two_hundredths():
    for module, shape in [
        (DCGANGenerator(16, 1, base_channels=32), (1, 100)),
        (DCGANDiscriminator(16, 1, base_channels=32), (1, 16, 16, 1)),
    ]:
        params = _variables(module, *shape)["params"]
        kernels = [layer["kernel"] for layer in params.values() if "kernel" in layer]
        for kernel in kernels:
            noise = 4 / np.sqrt(2 * kernel.size)  # four standard errors
            assert float(jnp.std(kernel)) == pytest.approx(0.02, rel=noise)


def test_images_lie_in_the_open_interval_and_the_last_layer_has_no_norm():
    generator = DCGANGenerator(8, 1, base_channels=4)
    variables = _variables(generator, 2, 5)
    z = 3 * jax.random.normal(jax.random.key(1), (16, 5))
    images, _ = generator.apply(variables, z, mutable=["batch_stats"])
    assert float(jnp.max(jnp.abs(images))) < 1
    bias = variables["params"]["ConvTranspose_0"]["bias"] + 5.0
    params = {
        **variables["params"],
        "ConvTranspose_0": {**variables["params"]["ConvTranspose_0"], "bias": bias},
    }
    shifted, _ = generator.apply({**variables, "params": params}, z, mutable=["batch_stats"])
    np.testing.assert_allclose(shifted, np.tanh(np.arctanh(images) + 5.0), atol=1e-5)


def test_batch_statistics_are_the_batchs_in_training_and_the_running_ones_after():
    discriminator = DCGANDiscriminator(16, 1, base_channels=8)
    variables = _variables(discriminator, 2, 16, 16, 1)
    x = jax.random.normal(jax.random.key(1), (6, 16, 16, 1))
    features = np.asarray(_intermediates(discriminator, variables, x)["Conv_1"]["__call__"][0])
    _, new = discriminator.apply(variables, x, mutable=["batch_stats"])
    stats = new["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(stats["mean"], 0.1 * features.mean((0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(
        stats["var"], 0.9 + 0.1 * features.var((0, 1, 2)), rtol=1e-5, atol=1e-6
    )
    evaluate = {"params": variables["params"], **new}
    one_by_one = [discriminator.apply(evaluate, x[i : i + 1], train=False) for i in range(2)]
    together = discriminator.apply(evaluate, x, train=False)
    np.testing.assert_allclose(jnp.concatenate(one_by_one), together[:2], atol=1e-6)


def _intermediates(module, variables, x):
    """What every submodule returned."""
    _, captured = module.apply(
        variables, x, capture_intermediates=True, mutable=["batch_stats", "intermediates"]
    )
    return captured["intermediates"]


def test_leaky_slope_is_a_fifth():
    discriminator = DCGANDiscriminator(8, 1, base_channels=1, norm="none")
    variables = _variables(discriminator, 1, 8, 8, 1)
    params = jax.tree.map(jnp.zeros_like, variables["params"])
    params["Dense_0"]["kernel"] = jnp.ones((16, 1))
    logits = []
    for bias in (-1.0, 1.0):
        params["Conv_0"]["bias"] = jnp.asarray([bias])
        logits.append(float(discriminator.apply({"params": params}, jnp.zeros((1, 8, 8, 1)))[0]))
    assert logits == pytest.approx([-0.2 * 16, 16.0], rel=1e-6)


def test_r1_gradient_is_the_finite_difference():
    discriminator = DCGANDiscriminator(8, 1, base_channels=4, norm="none")
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 1))
    with jax.enable_x64(True):
        params = jax.jit(discriminator.init)(jax.random.key(0), jnp.float32(x))["params"]
        params = jax.tree.map(lambda leaf: 20 * jnp.asarray(leaf, jnp.float64), params)
        direction = jax.tree.map(
            lambda leaf: jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), params
        )

        def penalty(params):
            slope = jax.grad(lambda x: jnp.sum(discriminator.apply({"params": params}, x)))(x)
            return jnp.sum(jnp.square(slope))

        def along(h):
            return penalty(jax.tree.map(lambda p, d: p + h * d, params, direction))

        gradient = jax.jit(jax.grad(penalty))(params)
        slope = sum(
            jnp.vdot(g, d)
            for g, d in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True)
        )
        h = 1e-7
        along = jax.jit(along)
        assert float(slope) == pytest.approx(float((along(h) - along(-h)) / (2 * h)), rel=1e-5)


@pytest.mark.parametrize("module", [DCGANGenerator, DCGANDiscriminator])
@pytest.mark.parametrize("image_size", [4, 7, 12, 30, 31, 63])
def test_a_size_that_cannot_be_made_is_refused(module, image_size):
    with pytest.raises(ValueError, match=rf"image_size is {image_size}; it must be 4 or 7 times 2"):
        module(image_size)


def test_other_bad_input_is_named():
    with pytest.raises(ValueError, match="norm is 'group'; it must be 'batch', 'instance'"):
        DCGANGenerator(8, norm="group")
    with pytest.raises(ValueError, match="norm is 'spectral'"):
        DCGANGenerator(8, norm="spectral")
    with pytest.raises(ValueError, match="norm is 'virtual', which needs num_reference"):
        DCGANDiscriminator(8, norm="virtual")
    with pytest.raises(ValueError, match="norm is 'none'; it must be 'batch', as cond"):
        DCGANGenerator(8, norm="none", conditioning="norm", num_classes=3)
    with pytest.raises(ValueError, match="conditioning is 'norm'; it must be 'concat' or 'none'"):
        DCGANDiscriminator(8, conditioning="norm", num_classes=3)
    with pytest.raises(ValueError, match=r"images have shape \(8, 8, 3\)"):
        DCGANDiscriminator(8, channels=1).init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))


def test_extra_layers_are_3x3_convolutions_at_half_the_resolution() -> None:
    z, images = jnp.zeros((2, 16)), jnp.zeros((2, 8, 8, 1))
    for plain, deep, inputs in (
        (DCGANGenerator(8, 1, 8), DCGANGenerator(8, 1, 8, num_extra_layers=2), z),
        (DCGANDiscriminator(8, 1, 8), DCGANDiscriminator(8, 1, 8, num_extra_layers=2), images),
    ):
        kernels = [
            [
                leaf.shape
                for leaf in jax.tree.leaves(module.init(jax.random.key(0), inputs)["params"])
                if leaf.ndim == 4
            ]
            for module in (plain, deep)
        ]
        assert sorted(kernels[1]) == sorted([*kernels[0], (3, 3, 8, 8), (3, 3, 8, 8)])


@pytest.mark.parametrize("module", [DCGANGenerator, DCGANDiscriminator])
def test_dense_layers_that_cannot_be_are_refused(module) -> None:
    with pytest.raises(ValueError, match="dense_features is -1; it must be an integer"):
        module(28, dense_features=-1)
    with pytest.raises(ValueError, match="dense_features is 8; it must be 0 with norm 'instance'"):
        module(28, dense_features=8, norm="instance")


def test_a_negative_number_of_extra_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="num_extra_layers is -1; it must be an integer"):
        DCGANGenerator(8, 1, num_extra_layers=-1)


def _paths(tree):
    leaves = jax.tree.leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves
    }


def test_parameters_are_where_older_checkpoints_have_them() -> None:
    """Written down before networks could be conditional."""
    z, images = jnp.zeros((1, 4)), jnp.zeros((1, 16, 16, 1))
    generator = jax.eval_shape(
        DCGANGenerator(16, 1, 4, num_extra_layers=1).init, jax.random.key(0), z
    )
    assert _paths(generator) == {
        "batch_stats/BatchNorm_0/mean": (8,),
        "batch_stats/BatchNorm_0/var": (8,),
        "batch_stats/BatchNorm_1/mean": (4,),
        "batch_stats/BatchNorm_1/var": (4,),
        "batch_stats/BatchNorm_2/mean": (4,),
        "batch_stats/BatchNorm_2/var": (4,),
        "params/BatchNorm_0/bias": (8,),
        "params/BatchNorm_0/scale": (8,),
        "params/BatchNorm_1/bias": (4,),
        "params/BatchNorm_1/scale": (4,),
        "params/BatchNorm_2/bias": (4,),
        "params/BatchNorm_2/scale": (4,),
        "params/ConvTranspose_0/kernel": (4, 4, 4, 8),
        "params/ConvTranspose_1/bias": (1,),
        "params/ConvTranspose_1/kernel": (4, 4, 1, 4),
        "params/Conv_0/kernel": (3, 3, 4, 4),
        "params/Dense_0/kernel": (4, 128),
    }
    network = DCGANDiscriminator(16, 1, 4, num_extra_layers=1)
    discriminator = jax.eval_shape(network.init, jax.random.key(0), images)
    assert _paths(discriminator) == {
        "batch_stats/BatchNorm_0/mean": (4,),
        "batch_stats/BatchNorm_0/var": (4,),
        "batch_stats/BatchNorm_1/mean": (8,),
        "batch_stats/BatchNorm_1/var": (8,),
        "params/BatchNorm_0/bias": (4,),
        "params/BatchNorm_0/scale": (4,),
        "params/BatchNorm_1/bias": (8,),
        "params/BatchNorm_1/scale": (8,),
        "params/Conv_0/bias": (4,),
        "params/Conv_0/kernel": (4, 4, 1, 4),
        "params/Conv_1/kernel": (3, 3, 4, 4),
        "params/Conv_2/kernel": (4, 4, 4, 8),
        "params/Dense_0/bias": (1,),
        "params/Dense_0/kernel": (128, 1),
    }


def test_spectral_norm_has_the_parameters_of_no_norm_and_a_state_for_each_kernel() -> None:
    images = jnp.zeros((1, 16, 16, 1))
    trees = {
        norm: jax.eval_shape(DCGANDiscriminator(16, 1, 4, norm).init, jax.random.key(0), images)
        for norm in ("none", "spectral")
    }
    assert _paths(trees["none"]["params"]) == _paths(trees["spectral"]["params"])
    state = {path.partition("/")[2] for path in _paths(trees["spectral"]["spectral"])}
    layers = ("Conv_0", "Conv_1", "Dense_0")
    assert state == {f"{layer}/kernel/{name}" for layer in layers for name in ("u", "sigma")}
    assert set(trees["spectral"]) == {"params", "spectral"}


def test_labels_are_one_hot_beside_z_and_maps_beside_the_image() -> None:
    label = jnp.asarray([1, 0])
    z = jax.random.normal(jax.random.key(1), (2, 4))
    generator = DCGANGenerator(8, 1, 4, "none", conditioning="concat", num_classes=2)
    variables = generator.init(jax.random.key(0), z, label)
    images = generator.apply(variables, z, label)
    beside = jnp.concatenate([z, jnp.asarray([[0.0, 1.0], [1.0, 0.0]])], axis=1)
    plain = DCGANGenerator(8, 1, 4, "none").apply(variables, beside)
    np.testing.assert_array_equal(images, plain)

    discriminator = DCGANDiscriminator(8, 1, 4, "none", conditioning="concat", num_classes=2)
    variables = discriminator.init(jax.random.key(0), images, label)
    maps = jnp.stack([jnp.asarray([0.0, 1.0]), jnp.asarray([1.0, 0.0])])[:, None, None, :]
    parts: list[Any] = [images, jnp.broadcast_to(maps, (2, 8, 8, 2))]
    wide = jnp.concatenate(parts, axis=-1)
    plain = DCGANDiscriminator(8, 3, 4, "none").apply(variables, wide)
    np.testing.assert_array_equal(discriminator.apply(variables, images, label), plain)


def test_conditional_norm_takes_the_place_of_every_batch_norm() -> None:
    z, label = jnp.ones((2, 4)), jnp.asarray([0, 4])
    generator = DCGANGenerator(8, 1, 4, num_extra_layers=1, conditioning="norm", num_classes=5)
    variables = _variables_of(generator, z, label)
    scales = {p: s for p, s in _paths(variables["params"]).items() if p.endswith("scale")}
    assert scales == {
        "ConditionalBatchNorm_0/scale": (5, 4),
        "ConditionalBatchNorm_1/scale": (5, 4),
    }


def _variables_of(module, *inputs):
    return jax.eval_shape(module.init, jax.random.key(0), *inputs)


def test_the_deviation_of_a_minibatch_is_a_channel_before_one_more_convolution() -> None:
    images = jnp.zeros((4, 8, 8, 1))
    stddev = DCGANDiscriminator(8, 1, 4, "none", minibatch="stddev")
    paths = _paths(_variables_of(stddev, images)["params"])
    assert paths["stddev_conv/kernel"] == (3, 3, 5, 4)
    both = DCGANDiscriminator(8, 1, 4, "none", minibatch="discrimination", head="features")
    variables = both.init(jax.random.key(0), images)
    assert both.apply(variables, images)["features"].shape == (4, 64 + 100)


def test_the_autoencoder_encodes_as_the_discriminator_and_decodes_as_the_generator() -> None:
    x = jax.random.uniform(jax.random.key(1), (2, 8, 8, 1), minval=-1.0)
    module = DCGANAutoencoder(8, 1, code_dim=5, error="l2", base_channels=4, norm="none")
    variables = module.init(jax.random.key(0), x)
    params = variables["params"]
    assert sorted(params) == ["Conv_0", "Dense_0", "decoder"]
    out = module.apply(variables, x)
    critic = DCGANDiscriminator(8, 1, 4, "none", head="features")
    head = {"kernel": jnp.zeros((64, 1)), "bias": jnp.zeros(1)}
    last = critic.apply({"params": {**params, "Dense_0": head}}, x)["features"]
    code = last @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"][None]
    np.testing.assert_allclose(out["code"], code, atol=1e-6)
    back = DCGANGenerator(8, 1, 4, "none").apply({"params": params["decoder"]}, code)
    expected = -np.square(np.asarray(x - back)).mean((1, 2, 3))
    np.testing.assert_allclose(out["logits"], expected, rtol=1e-5)
