"""pix2pix's and CycleGAN's networks against the authors' code; SRResNet; what is refused.

`references/translation.npz` was made once by the networks that `models/networks.py` of
junyanz/pytorch-CycleGAN-and-pix2pix defines (`unet_*`, `resnet_*blocks`, `n_layers`; PyTorch 2.15),
every array of their state dicts as `published_states.array` makes it of its name; inputs likewise.
"train" is with batch statistics and without dropout, "eval" with running ones; R1 is the squared
gradient of the sum over all patches.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.networks import patch_discriminator, resnet, srgan_discriminator, srresnet, unet
from jaxgan.core.errors import ConfigError
from jaxgan.models import (
    PatchDiscriminator,
    ResNetGenerator,
    SRGANDiscriminator,
    SRResNet,
    UNetGenerator,
)
from jaxgan.models.layers import ImageBatchNorm
from jaxgan.penalties import input_gradient, squared_norm
from jaxgan.pretrained import FAMILIES, PublishedError
from tests.models.published_states import (
    assert_close,
    count,
    draw,
    reference,
    state_of,
    thin,
    variables_of,
)

GENERATORS: dict[str, Any] = {
    "unet32": UNetGenerator(3, 5, base_channels=4, norm="instance"),
    "unet64": UNetGenerator(3, 6, base_channels=4),
    "resnet32": ResNetGenerator(1, 2, base_channels=4, norm="batch", dropout=0.5),
    "resnet64": ResNetGenerator(3, 6, base_channels=4),
}
DISCRIMINATORS = {
    "patch32": PatchDiscriminator(2, base_channels=4, norm="instance"),
    "patch64": PatchDiscriminator(3, base_channels=4),
}
IN_CHANNELS = {"unet32": 1, "patch64": 6}
SLOW = pytest.mark.slow
FAST = ("unet32", "resnet32", "patch64")


def cases(names: Any) -> list[Any]:
    return [pytest.param(n, marks=() if n in FAST else SLOW) for n in names]


def loaded(name: str, player: str, module: Any) -> Any:
    """Expected numbers, inputs, and the state as our variables."""
    expected = reference("translation.npz", name)
    size, channels = int(name[-2:]), IN_CHANNELS.get(name, 3)
    x = jnp.asarray(draw(f"x{name}", (2, channels, size, size)).transpose(0, 2, 3, 1), jnp.float32)
    state = state_of(expected["shapes"])
    variables = variables_of(FAMILIES[name[:-2]], player, module, state, x)
    assert count(variables) == expected["count"]
    return expected, x, variables


@pytest.mark.parametrize("name", cases(GENERATORS))
def test_the_generator_is_the_authors(name: str) -> None:
    module = GENERATORS[name]
    expected, x, variables = loaded(name, "gen", module)
    play = jax.jit(
        lambda v: (
            module.apply(v, x, mutable=["batch_stats"])[0],
            module.apply(v, x, train=False),
        )
    )
    in_training, out_of_it = play(variables)
    assert_close(thin(in_training), expected["train"], 1e-4)
    assert_close(thin(out_of_it), expected["eval"], 1e-4)


def test_with_its_own_statistics_an_image_is_sampled_as_a_batch_of_one_in_training() -> None:
    """The authors sample in training mode, one image at a time."""
    x = jnp.asarray(draw("own", (3, 8, 8, 2)), jnp.float32)
    plain, own = ((layer(False), layer(True)) for layer in (nn.BatchNorm, ImageBatchNorm))

    @jax.jit
    def normed(key: jax.Array) -> Any:
        variables = plain[0].init(key, x)
        variables["params"] = {"scale": jnp.asarray([2.0, -1.0]), "bias": jnp.asarray([0.5, 3.0])}
        trained = [one[0].apply(variables, x, mutable=["batch_stats"]) for one in (plain, own)]
        alone = [
            plain[0].apply(variables, x[i : i + 1], mutable=["batch_stats"])[0] for i in range(3)
        ]
        return trained, jnp.concatenate(alone), own[1].apply(variables, x)

    trained, alone, sampled = normed(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, trained[0], trained[1])
    np.testing.assert_allclose(sampled, alone, atol=1e-5)
    assert float(jnp.abs(sampled - trained[0][0]).max()) > 1e-2

    shape = (8, 8, 1)
    seen = []

    def note(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        if isinstance(context.module, nn.BatchNorm) and context.method_name == "__call__":
            seen.append((type(context.module), context.module.use_running_average))
        return call(*args, **kwargs)

    with nn.intercept_methods(note):
        network = unet(shape, shape, base_channels=2, own_statistics=True)
        params, net_state = jax.eval_shape(network.init, jax.random.key(0))
        seen.clear()
        source = jax.ShapeDtypeStruct((3, *shape), jnp.float32)
        jax.eval_shape(lambda *a: network.apply(*a, train=False)[0], params, net_state, source)
    assert seen == [(ImageBatchNorm, True)] * 3
    plain_unet = unet(shape, shape, base_channels=2)
    assert (params, net_state) == jax.eval_shape(plain_unet.init, jax.random.key(0))


@pytest.mark.parametrize("name", cases(DISCRIMINATORS))
def test_the_discriminator_is_the_authors(name: str) -> None:
    module = DISCRIMINATORS[name]
    expected, x, variables = loaded(name, "disc", module)

    @jax.jit
    def play(variables: Any) -> Any:
        def critic(x: jax.Array) -> jax.Array:
            return module.apply(variables, x, mutable=["batch_stats"])[0]

        return critic(x), squared_norm(input_gradient(critic, x))

    logits, squares = play(variables)
    assert_close(logits, expected["logits"], 1e-4)
    assert_close(squares, expected["r1"], 1e-3)


def num_params(network: Any) -> int:
    params, _ = jax.eval_shape(network.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_full_width_has_as_many_parameters_as_the_authors() -> None:
    # Counted with PyTorch: unet_256, resnet_9blocks, resnet_6blocks, and the 70x70 PatchGAN.
    shape = (256, 256, 3)
    assert num_params(unet(shape, shape)) == 54413955
    assert num_params(resnet(shape, shape)) == 11378179
    assert num_params(resnet(shape, shape, num_blocks=6)) == 7837699
    assert num_params(patch_discriminator((256, 256, 6))) == 2768705
    assert num_params(patch_discriminator(shape, norm="instance")) == 2764737


@pytest.mark.parametrize(
    ("num_layers", "expected"),
    [(1, 16), *(pytest.param(*c, marks=SLOW) for c in [(2, 34), (3, 70)])],
)
def test_a_logit_sees_a_patch_of_the_papers_size(num_layers: int, expected: int) -> None:
    module = PatchDiscriminator(num_layers, base_channels=2, norm="none")
    size = 96
    x = jnp.asarray(draw("x", (1, size, size, 1)), jnp.float32)

    @jax.jit
    def seen() -> jax.Array:
        variables = module.init(jax.random.key(0), x)

        def middle(x: jax.Array) -> jax.Array:
            logits: Any = module.apply(variables, x)
            return logits[0, logits.shape[1] // 2, logits.shape[2] // 2]

        return jax.grad(middle)(x)[0, :, :, 0]

    rows, columns = np.nonzero(np.asarray(seen()))
    assert rows.max() - rows.min() + 1 == columns.max() - columns.min() + 1 == expected


@pytest.mark.parametrize("name", ["resnet", pytest.param("unet", marks=SLOW)])
def test_dropout_is_the_noise_wherever_there_is_a_key(name: str) -> None:
    size = {"resnet": 8, "unet": 64}[name]  # a U-Net of fewer layers has no dropout
    shape = (size, size, 1)
    network = (
        resnet(shape, shape, base_channels=2, num_blocks=1, dropout=0.5)
        if name == "resnet"
        else unet(shape, shape, base_channels=1, norm="instance")
    )
    x = jnp.asarray(draw("x", (1, *shape)), jnp.float32)

    @jax.jit
    def sample(key: jax.Array) -> jax.Array:
        return network.apply(*network.init(jax.random.key(0)), x, train=False, key=key)[0]

    first, second, again = (sample(jax.random.key(seed)) for seed in (1, 2, 1))
    np.testing.assert_array_equal(first, again)
    assert float(jnp.abs(first - second).max()) > 1e-6


def test_small_images_become_large() -> None:
    network = srresnet((16, 16, 3), (4, 4, 1), base_channels=2, num_blocks=1, norm="none")

    def forward() -> Any:
        return network.apply(*network.init(jax.random.key(0)), jnp.ones((2, 4, 4, 1)))[0]

    assert jax.eval_shape(forward).shape == (2, 16, 16, 3)
    assert not network.couples_batch
    assert srresnet((16, 16, 3), (4, 4, 1), base_channels=2, num_blocks=1).couples_batch


def test_srresnet_has_the_papers_layers() -> None:
    # Figure 4: k9n64, 16 blocks of two k3n64, k3n64, two k3n256, k9n3; norms and slopes.
    kernels = 81 * 3 * 64 + 33 * 9 * 64 * 64 + 2 * 9 * 64 * 256 + 81 * 64 * 3
    biases, norms, slopes = 34 * 64 + 2 * 256 + 3, 33 * 2 * 64, 1 + 16 + 2
    found = num_params(srresnet((64, 64, 3), (16, 16, 3)))
    assert found == kernels + biases + norms + slopes


def test_srgans_discriminator_has_the_papers_layers() -> None:
    # Figure 4: k3 n64, n64, n128, n128, n256, n256, n512, n512, every second of stride 2; 1024; 1.
    widths = (64, 64, 128, 128, 256, 256, 512, 512)
    pairs = zip((3, *widths), widths, strict=False)
    kernels = sum(9 * before * after for before, after in pairs)
    norms = 2 * sum(widths[1:])
    dense = 6 * 6 * 512 * 1024 + 1024 + 1024 + 1  # of 96 pixels 6 are left
    assert num_params(srgan_discriminator((96, 96, 3))) == kernels + 64 + norms + dense


@pytest.mark.parametrize(
    "module",
    [
        SRGANDiscriminator(2, dtype=jnp.bfloat16),
        UNetGenerator(1, 3, base_channels=2, dtype=jnp.bfloat16),
        ResNetGenerator(1, 1, base_channels=2, dtype=jnp.bfloat16),
        PatchDiscriminator(1, base_channels=2, norm="spectral", dtype=jnp.bfloat16),
    ],
)
def test_narrow_numbers_stay_inside(module: Any) -> None:
    def play() -> Any:
        return module.init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 1)))

    assert {leaf.dtype for leaf in jax.tree.leaves(jax.eval_shape(play))} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: UNetGenerator(3, 1), "num_downs is 1; it must be an integer, from 2 to 30"),
        (lambda: UNetGenerator(3, norm="spectral"), "norm is 'spectral'; it must be 'batch'"),
        (lambda: UNetGenerator(3, dropout=1.0), "dropout is 1.0; it must be at least 0 and below"),
        (
            lambda: UNetGenerator(3, norm="instance", own_statistics=True),
            "norm is 'instance'; it must be 'batch', as own",
        ),
        (lambda: ResNetGenerator(3, -1), "num_blocks is -1; it must be an integer"),
        (lambda: PatchDiscriminator(0), "num_layers is 0; it must be an integer"),
        (lambda: SRResNet(3, 3), "factor is 3; it must be 2, 4, 8"),
        (
            lambda: unet((12, 12, 1), (12, 12, 1), num_downs=3),
            r"images of \(12, 12\) pixels; with 3 halvings both must be multiples of 8",
        ),
        (
            lambda: resnet((10, 10, 1), (10, 10, 1)),
            r"images of \(10, 10\) pixels; sides must be multiples of 4, at least 8",
        ),
        (
            lambda: patch_discriminator((16, 16, 1)),
            r"images of \(16, 16\) pixels; a patch discriminator of 3 layers needs 24",
        ),
    ],
)
def test_what_is_refused(build: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()


def test_what_data_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"sources of \(8, 8\) and images of \(16, 16\) pixels; "):
        unet((16, 16, 1), (8, 8, 1))
    with pytest.raises(ConfigError, match="srresnet makes images 2, 4, 8"):
        srresnet((16, 16, 1), (16, 16, 1))
    with pytest.raises(ConfigError, match=r"data of shape \(2,\); resnet takes images"):
        resnet((2,), (2,))


def test_a_file_of_another_size_is_refused_by_name() -> None:
    expected = reference("translation.npz", "patch32")
    x = jnp.ones((1, 32, 32, 3))
    state = state_of(expected["shapes"])
    wider = PatchDiscriminator(2, base_channels=8, norm="instance")
    with pytest.raises(PublishedError, match=r"model.0.weight: its shape \(4, 3, 4, 4\) makes"):
        variables_of(FAMILIES["patch"], "disc", wider, state, x)
