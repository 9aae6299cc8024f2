"""One contract for both of Flax's module systems: the same tests over Linen and over NNX."""

from __future__ import annotations

from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxgan import Network, from_linen, from_nnx
from jaxgan.config.registry import DISCRIMINATORS, GENERATORS
from jaxgan.core.network import Styles, packed, remat, unconditional, with_reference
from jaxgan.models import DCGANDiscriminator, MLPDiscriminator

NUM, DIM, WIDTH = 16, 4, 3
RATE, MOMENTUM, EPSILON = 0.5, 0.9, 1e-5


class LinenModule(nn.Module):
    """Batch norm of the input itself, so that its statistics are known in closed form."""

    batch_norm: bool
    dropout: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if self.batch_norm:
            x = nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=EPSILON)(x)
        if self.dropout:
            x = nn.Dropout(RATE, deterministic=not train)(x)
        calls = self.variable("calls", "count", lambda: jnp.zeros(()))
        if train and not self.is_initializing():
            calls.value = calls.value + 1.0
        return nn.Dense(WIDTH)(x)


class Calls(nnx.Variable):
    pass


class NnxModule(nnx.Module):
    def __init__(self, batch_norm: bool, dropout: bool, rngs: nnx.Rngs) -> None:
        norm = nnx.BatchNorm(DIM, momentum=MOMENTUM, epsilon=EPSILON, rngs=rngs)
        self.norm = norm if batch_norm else None
        self.dropout = nnx.Dropout(RATE, rngs=rngs) if dropout else None
        self.calls = Calls(jnp.zeros(()))
        self.dense = nnx.Linear(DIM, WIDTH, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x if self.norm is None else self.norm(x)
        x = x if self.dropout is None else self.dropout(x)
        self.calls[...] = self.calls[...] + 1.0
        return self.dense(x)


def make(kind: str, *, batch_norm: bool = False, dropout: bool = False) -> Network:
    if kind == "linen":
        return from_linen(LinenModule(batch_norm, dropout), jnp.zeros((1, DIM)))
    return from_nnx(lambda rngs: NnxModule(batch_norm, dropout, rngs))


def inputs(seed: int = 0) -> jax.Array:
    draw = np.random.default_rng(seed).normal(loc=2.0, scale=3.0, size=(NUM, DIM))
    return jnp.asarray(draw, jnp.float32)


def key(seed: int) -> jax.Array:
    return jax.random.key(seed)


def the_leaf(tree: Any, name: str) -> np.ndarray:
    """The one leaf whose path ends in `name`, whatever the module system calls the way there."""
    leaves = jax.tree.leaves_with_path(tree)
    (found,) = [leaf for path, leaf in leaves if jax.tree_util.keystr(path[-1:]) == f"['{name}']"]
    return np.asarray(found)


BOTH = pytest.mark.parametrize("kind", ["linen", "nnx"])
PARTS = pytest.mark.parametrize(
    "parts",
    [{}, {"batch_norm": True, "dropout": True}],
    ids=["plain", "norm+dropout"],
)


@BOTH
@PARTS
def test_init_depends_on_the_key_alone(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)
    first = network.init(key(0))
    chex.assert_trees_all_equal(first, network.init(key(0)), make(kind, **parts).init(key(0)))
    kernels = [the_leaf(network.init(key(seed))[0], "kernel") for seed in (0, 1)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1
    chex.assert_trees_all_equal_shapes_and_dtypes(first, network.init(key(1)))


@BOTH
@PARTS
def test_apply_is_pure(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)
    params, net_state = network.init(key(0))
    before = jax.tree.map(np.array, (params, net_state))
    eager = network.apply(params, net_state, inputs(), train=True, key=key(1))
    again = network.apply(params, net_state, inputs(), train=True, key=key(1))
    chex.assert_trees_all_equal(eager, again)
    chex.assert_trees_all_equal(before, jax.tree.map(np.array, (params, net_state)))
    jitted = jax.jit(network.apply, static_argnames="train")
    chex.assert_trees_all_close(
        jitted(params, net_state, inputs(), train=True, key=key(1)), eager, rtol=1e-5, atol=1e-5
    )
    assert eager[0].shape == (NUM, WIDTH)
    chex.assert_trees_all_equal_shapes_and_dtypes(eager[1], net_state)


@BOTH
@PARTS
def test_the_gradient_is_that_of_finite_differences(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)
    params, net_state = network.init(key(0))

    @jax.jit
    def loss(params: Any) -> jax.Array:
        output, _ = network.apply(params, net_state, inputs(), train=True, key=key(1))
        return jnp.mean(output**2)

    grads = jax.grad(loss)(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(grads, params)
    h = 1e-2
    moved = [jax.tree.map(lambda p, g, s=s: p + s * h * g, params, grads) for s in (1, -1)]
    slope = (loss(moved[0]) - loss(moved[1])) / (2 * h)
    squares = sum(jnp.sum(g**2) for g in jax.tree.leaves(grads))
    np.testing.assert_allclose(slope, squares, rtol=2e-2)


@BOTH
@PARTS
def test_vmap_over_seeds_is_each_seed(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)

    def forward(seed: jax.Array) -> Any:
        params, net_state = network.init(seed)
        return network.apply(params, net_state, inputs(), train=True, key=seed)

    keys = jax.random.split(key(0), 3)
    together = jax.jit(jax.vmap(forward))(keys)
    for index in range(3):
        one = jax.tree.map(lambda x, i=index: x[i], together)
        chex.assert_trees_all_close(one, forward(keys[index]), rtol=1e-4, atol=1e-4)


@BOTH
def test_batch_norm_tracks_and_then_uses_running_statistics(kind: str) -> None:
    network = make(kind, batch_norm=True)
    params, net_state = network.init(key(0))
    x = np.asarray(inputs())
    kernel = the_leaf(params, "kernel")

    normed = (x - x.mean(0)) / np.sqrt(x.var(0) + EPSILON)
    output, new_state = network.apply(params, net_state, inputs(), train=True, key=key(1))
    np.testing.assert_allclose(output, normed @ kernel, rtol=1e-3, atol=1e-4)
    mean = (1 - MOMENTUM) * x.mean(0)
    var = MOMENTUM * 1.0 + (1 - MOMENTUM) * x.var(0)
    np.testing.assert_allclose(the_leaf(new_state["batch_stats"], "mean"), mean, rtol=1e-4)
    np.testing.assert_allclose(the_leaf(new_state["batch_stats"], "var"), var, rtol=1e-4)

    output, kept = network.apply(params, new_state, inputs(), train=False)
    normed = (x - mean) / np.sqrt(var + EPSILON)
    np.testing.assert_allclose(output, normed @ kernel, rtol=1e-3, atol=1e-4)
    chex.assert_trees_all_equal(kept, new_state)


@BOTH
def test_dropout_follows_the_key_in_training_only(kind: str) -> None:
    network = make(kind, dropout=True)
    params, net_state = network.init(key(0))

    def output(seed: int, train: bool = True) -> np.ndarray:
        return np.asarray(network.apply(params, net_state, inputs(), train=train, key=key(seed))[0])

    np.testing.assert_array_equal(output(1), output(1))
    assert np.abs(output(1) - output(2)).max() > 0.1
    kernel = the_leaf(params, "kernel")
    for seed in (1, 2):
        np.testing.assert_allclose(
            output(seed, train=False), np.asarray(inputs()) @ kernel, rtol=1e-4, atol=1e-4
        )
    without_key, _ = network.apply(params, net_state, inputs(), train=False)
    np.testing.assert_array_equal(without_key, output(1, train=False))


@BOTH
def test_other_collections_are_state_in_training_only(kind: str) -> None:
    network = make(kind)
    params, net_state = network.init(key(0))
    counts = []
    for train in (True, True, False, True):
        _, net_state = network.apply(params, net_state, inputs(), train=train, key=key(1))
        counts.append(float(jax.tree.leaves(net_state)[0]))
    assert counts == [1.0, 2.0, 2.0, 3.0]
    assert all(isinstance(name, str) for name in net_state)


@BOTH
def test_batch_norm_shows_as_coupling(kind: str) -> None:
    assert make(kind, batch_norm=True).couples_batch
    assert not make(kind, dropout=True).couples_batch


@BOTH
def test_second_derivatives_leak_no_tracer(kind: str) -> None:
    network = make(kind, batch_norm=True, dropout=True)
    params, net_state = network.init(key(0))

    def penalty(params: Any) -> jax.Array:
        def critic(x: jax.Array) -> jax.Array:
            output, _ = network.apply(params, net_state, x, train=True, key=key(1))
            return jnp.sum(jnp.tanh(output))

        return jnp.sum(jax.grad(critic)(inputs()) ** 2)

    with jax.checking_leaks():
        grads = jax.jit(jax.grad(penalty))(params)
    assert np.abs(the_leaf(grads, "kernel")).max() > 0.0
    # The network is as good as new: no tracer stayed in a module.
    output, _ = network.apply(params, net_state, inputs(), train=True, key=key(1))
    assert np.isfinite(output).all()


def test_linen_modules_need_not_take_train() -> None:
    network = from_linen(nn.Dense(WIDTH), jax.ShapeDtypeStruct((1, DIM), jnp.float32))
    params, net_state = network.init(key(0))
    for train in (True, False):
        output, new_state = network.apply(params, net_state, inputs(), train=train)
        np.testing.assert_allclose(output, inputs() @ params["kernel"], rtol=1e-5, atol=1e-5)
        assert new_state == net_state == {}


class TwoInputs(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array) -> jax.Array:
        return nn.Dense(WIDTH)(x) + nn.Embed(5, WIDTH)(label)


def test_linen_modules_may_take_several_inputs() -> None:
    specs = jax.ShapeDtypeStruct((1, DIM), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32)
    network = from_linen(TwoInputs(), *specs)
    params, net_state = network.init(key(0))
    outputs = [
        network.apply(params, net_state, inputs(), jnp.full(NUM, label, jnp.int32))[0]
        for label in (0, 1)
    ]
    table = params["Embed_0"]["embedding"]
    gap = np.broadcast_to(table[1] - table[0], (NUM, WIDTH))
    np.testing.assert_allclose(outputs[1] - outputs[0], gap, rtol=1e-4, atol=1e-5)


def test_what_is_no_linen_module_is_refused() -> None:
    with pytest.raises(TypeError, match=r"flax\.linen\.Module"):
        from_linen(lambda x: x, jnp.zeros((1, DIM)))
    with pytest.raises(TypeError, match=r"flax\.linen\.Module"):
        from_linen(nnx.Linear(DIM, WIDTH, rngs=nnx.Rngs(0)), jnp.zeros((1, DIM)))


def test_remat_computes_activations_again_and_changes_nothing() -> None:
    network = from_linen(
        nn.Sequential([nn.Dense(WIDTH), nn.tanh, nn.Dense(1)]), jnp.zeros((1, DIM))
    )
    params, net_state = network.init(key(0))

    def gradient(one: Network) -> Any:
        return jax.grad(lambda params: one.apply(params, net_state, inputs())[0].sum())

    plain, again = (gradient(one) for one in (network, remat(network)))
    counts = [str(jax.make_jaxpr(one)(params)).count("tanh") for one in (plain, again)]
    assert counts == [1, 2]
    jax.tree.map(np.testing.assert_array_equal, plain(params), again(params))


# What a config can name: one contract for every network, with and without classes.

IMAGE, POINT, LATENT, CLASSES, BATCH = (8, 8, 1), (2,), 4, 3, 4
SMALL: dict[str, dict[str, Any]] = {
    "began": {"base_channels": 2},
    "dcgan": {"base_channels": 2},
    "mlp": {"features": (4,)},
}
GENERATOR_ROWS = [
    ("began", {}, IMAGE),
    ("began", {"precision": "bfloat16", "remat": "full"}, (10, 10, 1)),
    ("began", {"skips": True, "conditioning": "none"}, (10, 10, 1)),
    ("dcgan", {}, IMAGE),
    ("dcgan", {"norm": "instance", "num_extra_layers": 1}, IMAGE),
    ("dcgan", {"norm": "renorm", "dense_features": 5}, IMAGE),
    ("dcgan", {"norm": "layer", "remat": "full"}, IMAGE),
    ("dcgan", {"conditioning": "norm", "precision": "bfloat16"}, IMAGE),
    ("dcgan", {"conditioning": "none"}, IMAGE),
    ("mlp", {}, POINT),
    ("mlp", {}, IMAGE),
]
HEADS: dict[str, dict[str, tuple[int, ...]]] = {
    "logit": {},
    "features": {"features": ()},
    "projection": {},
    "classifier": {"features": (), "class_logits": (CLASSES,)},
    "classes": {"features": (), "class_logits": (CLASSES,)},
    "codes": {"features": (), "code_logits": (10,), "code_mean": (2,)},
}
DISCRIMINATOR_ROWS = [
    ("dcgan", {"norm": "none"}, IMAGE),
    ("dcgan", {"norm": "none", "head": "codes", "dense_features": 5}, IMAGE),
    *(("mlp", {"head": head}, POINT) for head in HEADS),
    ("dcgan", {"norm": "spectral", "head": "projection", "precision": "bfloat16"}, IMAGE),
    ("dcgan", {"norm": "batch", "num_extra_layers": 1}, IMAGE),
    ("dcgan", {"norm": "none", "minibatch": "stddev", "precision": "bfloat16"}, IMAGE),
    ("dcgan", {"norm": "instance", "num_extra_layers": 1}, IMAGE),
    ("dcgan", {"norm": "spectral", "minibatch": "discrimination", "dense_features": 5}, IMAGE),
    ("mlp", {"norm": "spectral", "minibatch": "stddev"}, POINT),
    ("mlp", {"minibatch": "discrimination", "conditioning": "none"}, POINT),
    ("dcgan", {"norm": "none", "packing": 2, "remat": "full"}, IMAGE),
    ("mlp", {"packing": 2}, POINT),
    ("began_autoencoder", {"code_dim": 5, "error": "l2"}, IMAGE),
    ("began_autoencoder", {"code_dim": 5, "skips": True}, (10, 10, 1)),
    ("dcgan_autoencoder", {"norm": "none", "code_dim": 5}, IMAGE),
    ("dcgan_autoencoder", {"norm": "spectral", "code_dim": 5, "error": "l2"}, IMAGE),
    ("mlp_autoencoder", {"code_dim": 5}, POINT),
]
NEEDING_CLASSES = ("projection", "classifier", "classes")
COUPLING = ("batch", "renorm")


def example(shape: tuple[int, ...], is_conditional: bool) -> tuple[jax.Array, ...]:
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (BATCH, *shape)), jnp.float32)
    return (x, jnp.asarray([2, 0, -1, 1])) if is_conditional else (x,)


def check_network(network: Network, inputs: tuple[jax.Array, ...]) -> tuple[Any, Any]:
    """Pure, differentiable, its state of one structure and still where nothing is trained.

    Returns its output, and that for other labels; everything is one compiled program.
    """

    @jax.jit
    def play() -> Any:
        params, net_state = network.init(key(0))
        params = jax.tree.map(
            lambda p: p + 0.1 * jnp.cos(jnp.arange(p.size, dtype=p.dtype)).reshape(p.shape), params
        )

        def total(params: Any) -> Any:
            output, new_state = network.apply(params, net_state, *inputs, train=True, key=key(1))
            squares = sum(jnp.mean(jnp.square(leaf)) for leaf in jax.tree.leaves(output))
            return squares, (output, new_state)

        grads, (output, new_state) = jax.grad(total, has_aux=True)(params)
        _, kept = network.apply(params, new_state, *inputs, train=False)
        others = [inputs[0], *(jnp.roll(label, 1) for label in inputs[1:])]
        other, _ = network.apply(params, net_state, *others, train=True, key=key(1))
        return net_state, output, new_state, kept, grads, other

    net_state, output, new_state, kept, grads, other = play()
    chex.assert_trees_all_equal_shapes_and_dtypes(new_state, net_state)
    chex.assert_trees_all_equal(kept, new_state)
    chex.assert_tree_all_finite((output, new_state, grads))
    idle = [path for path, leaf in jax.tree.leaves_with_path(grads) if not np.abs(leaf).max() > 0]
    assert not idle
    return output, other


def differ(output: Any, other: Any) -> bool:
    gaps = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), output, other)
    return max(jax.tree.leaves(gaps)) > 1e-6


@pytest.mark.parametrize(("name", "options", "shape"), GENERATOR_ROWS)
def test_generators(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    options = {"shape": shape, "latent_dim": LATENT, **SMALL[name], **options}
    network = GENERATORS[name](num_classes=CLASSES, **options)
    output, other = check_network(network, example((LATENT,), is_conditional=True))
    assert output.shape == (BATCH, *shape)
    assert differ(output, other) == (options.get("conditioning") != "none")
    coupling = name == "dcgan" and options.get("norm", "batch") in COUPLING
    assert network.couples_batch == coupling
    if options.get("conditioning") == "norm":
        with pytest.raises(ValueError, match="conditioning is 'norm', which needs classes; set"):
            GENERATORS[name](**options)
    else:
        shapes = output_shapes(GENERATORS[name](**options), example((LATENT,), False))
        assert shapes == (BATCH, *shape)


def output_shapes(network: Network, inputs: tuple[jax.Array, ...]) -> Any:
    def forward() -> Any:
        return network.apply(*network.init(key(0)), *inputs, train=False)[0]

    return jax.tree.map(lambda leaf: leaf.shape, jax.eval_shape(forward))


@pytest.mark.parametrize(("name", "options", "shape"), DISCRIMINATOR_ROWS)
def test_discriminators(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    options = {"shape": shape, **SMALL[name.partition("_")[0]], **options}
    build, head = DISCRIMINATORS[name], options.get("head", "logit")
    network = build(num_classes=CLASSES, **options)
    output, other = check_network(network, example(shape, is_conditional=True))
    is_told = head in ("codes", "features", "logit", "projection") and "_" not in name
    assert differ(output, other) == (is_told and options.get("conditioning") != "none")
    rows = BATCH // options.get("packing", 1)
    expected = {"logits": (), **HEADS[head]}
    if name.endswith("autoencoder"):
        expected = {"logits": (), "code": (5,)}
        assert float(output["logits"].max()) < 0.0
    assert isinstance(output, dict) == (len(expected) > 1)
    found = output if isinstance(output, dict) else {"logits": output}
    assert sorted(found) == sorted(expected)
    for part, tail in expected.items():
        assert found[part].shape[0] == rows
        assert part == "features" or found[part].shape[1:] == tail
    couples = (
        options.get("minibatch", "none") != "none"
        or options.get("packing", 1) > 1
        or options.get("norm") in COUPLING
    )
    assert network.couples_batch == couples
    if head in NEEDING_CLASSES:
        with pytest.raises(ValueError, match=f"head is '{head}', which needs classes; set num_"):
            build(**options)
    else:
        shapes = output_shapes(build(**options), example(shape, is_conditional=False))
        assert shapes == output_shapes(network, example(shape, is_conditional=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"packing": 0}, "packing is 0"),
        ({"packing": 2, "head": "codes"}, "packing is 2; it must be 1, as head is 'codes'"),
        ({"conditioning": "concat"}, "conditioning is 'concat', which needs classes"),
        ({"conditioning": "norm", "num_classes": 3}, "conditioning is 'norm'; it must be"),
        ({"norm": "virtual"}, "norm is 'virtual'"),
    ],
)
def test_discriminators_refuse_what_does_not_fit(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DISCRIMINATORS["dcgan"](shape=IMAGE, **options)


# Combinators


def test_packs_are_of_consecutive_examples_along_the_channels() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 2)).astype(np.float32)
    module = DCGANDiscriminator(8, 6, 2, "none")
    network = from_linen(module, jnp.zeros((1, 8, 8, 6)))
    params, net_state = network.init(key(0))
    packs = np.stack([np.concatenate(x[i : i + 3], axis=-1) for i in (0, 3)])
    expected, _ = network.apply(params, net_state, packs)
    logits, _ = packed(network, num=3).apply(params, net_state, x)
    np.testing.assert_array_equal(logits, expected)
    assert packed(network, num=3).couples_batch
    with pytest.raises(ValueError, match="packing is 4; it must divide the batch of 6"):
        packed(network, num=4).apply(params, net_state, x)
    with pytest.raises(ValueError, match="num is 0; it must be an integer"):
        packed(network, num=0)


def test_packs_keep_all_their_labels() -> None:
    specs = jax.ShapeDtypeStruct((1, 4), jnp.float32), jax.ShapeDtypeStruct((1, 2), jnp.int32)
    module = MLPDiscriminator((3,), conditioning="concat", num_classes=5)
    network = packed(from_linen(module, *specs), num=2)
    params, net_state = network.init(key(0))
    x, label = np.ones((4, 2), np.float32), np.array([0, 3, 3, 0])
    logits, _ = network.apply(params, net_state, x, label)
    codes = np.eye(5, dtype=np.float32)[label].reshape(2, 10)
    wide = np.concatenate([x.reshape(2, 4), codes], axis=1)
    expected = MLPDiscriminator((3,)).apply({"params": params}, wide)
    np.testing.assert_allclose(logits, expected, rtol=1e-6)


def test_an_unconditional_network_drops_the_label() -> None:
    network = make("linen", batch_norm=True, dropout=True)
    params, net_state = network.init(key(0))
    expected = network.apply(params, net_state, inputs(), train=True, key=key(1))
    label = jnp.zeros(NUM, jnp.int32)
    same = unconditional(network).apply(params, net_state, inputs(), label, train=True, key=key(1))
    chex.assert_trees_all_equal(same, expected)
    assert unconditional(network).couples_batch
    labelled = network._replace(inputs=(*network.inputs, label))
    assert len(unconditional(labelled).inputs) == 1
    styled = network._replace(styles=Styles(mapping=network.apply, mean=jnp.zeros_like))
    styles = unconditional(styled).styles
    assert styles is not None
    same = styles.mapping(params, net_state, inputs(), label, train=True, key=key(1))
    chex.assert_trees_all_equal(same, expected)


def test_a_reference_batch_makes_a_network_of_virtual_batch_norm_couple_nothing() -> None:
    draw = np.random.default_rng(0).uniform(-1, 1, (11, 16, 16, 1)).astype(np.float32)
    reference, x = draw[:6], draw[6:]
    module = DCGANDiscriminator(16, 1, 2, "virtual", num_reference=6, head="features")
    bare = from_linen(module, jnp.zeros((1, 16, 16, 1)))
    network = with_reference(bare, reference)
    assert not network.couples_batch
    other_network = with_reference(bare, 0.5 * reference)

    @jax.jit
    def play() -> Any:
        params, net_state = network.init(key(0))
        together, _ = network.apply(params, net_state, x)
        alone, _ = network.apply(params, net_state, x[1:2])
        other, _ = other_network.apply(params, net_state, x)
        return together, alone, other, params, net_state

    together, alone, other, params, net_state = play()
    assert together["logits"].shape == (5,)
    one = jax.tree.map(lambda y: y[1:2], together)
    chex.assert_trees_all_close(alone, one, atol=1e-5)
    assert np.abs(other["logits"] - together["logits"]).max() > 1e-5
    with pytest.raises(ValueError, match="reference is for 1 inputs; the network is given 2"):
        network.apply(params, net_state, x, x)
    with pytest.raises(ValueError, match=r"reference has \[1, 2\] examples"):
        with_reference(bare, np.zeros((1, 2)), np.zeros((2, 2)))


@pytest.mark.parametrize("said", [True, False])
def test_what_is_said_of_coupling_is_believed(said: bool) -> None:
    module = LinenModule(batch_norm=not said, dropout=False)
    assert from_linen(module, jnp.zeros((1, DIM)), couples_batch=said).couples_batch == said
