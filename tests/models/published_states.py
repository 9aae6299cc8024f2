"""Deterministic published states, as they were when the authors' networks were run."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.pretrained import Family, Published, convert, publish

REFERENCES = Path(__file__).parent / "references"


def draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers that depend on a name alone."""
    return np.asarray(np.random.RandomState(zlib.crc32(name.encode())).randn(*shape))


def array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Kernels that keep the size of activations, norms near one, any vectors u."""
    x = draw(name, shape)
    if name.endswith(("running_var", "stored_var")):
        x = 0.5 + np.abs(x)
    elif name.endswith("gamma"):
        x = np.asarray(0.8)
    elif len(shape) < 2:
        is_gain = name.endswith(".gain") or (name.endswith(".weight") and len(shape) == 1)
        is_vector = name.endswith(("u0", "_u", "weight_v"))
        x = is_gain + (1.0 if is_vector else 0.1) * x
    else:
        x = x / np.sqrt(max(1, np.prod(shape[1:])))
    return x.astype(np.float32)


def state_of(shapes: np.ndarray, embedding: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """All arrays of a state; the names of its embedding's weight, u and v, which have converged."""
    state = {}
    for line in shapes:
        name, sizes = line.split(" ")
        state[name] = array(name, tuple(int(size) for size in sizes.split(",") if size))
    if embedding and embedding[0] in state:
        left, _, right = np.linalg.svd(state[embedding[0]].astype(np.float64), full_matrices=False)
        for name, vector in zip(embedding[1:], (left[:, 0], right[0]), strict=False):
            state[name] = vector.reshape(state[name].shape).astype(np.float32)
    return state


def reference(file: str, name: str) -> dict[str, np.ndarray]:
    """What the authors' networks said, in one case."""
    with np.load(REFERENCES / file) as archive:
        found = {key: archive[key] for key in archive.files}
    return {key.removeprefix(f"{name}_"): found[key] for key in found if key.startswith(f"{name}_")}


def variables_of(
    family: Family, player: str, module: Any, state: dict[str, np.ndarray], *inputs: Any
) -> Any:
    """The state as variables of a module of ours."""
    template = jax.eval_shape(module.init, jax.random.key(0), *inputs)
    rules = family.rules(player, module)
    converted = convert(state, rules, template, family.ignored)
    if player == "gen":
        check_way_back(state, converted, Published(rules, family))
    return jax.tree.map(jnp.asarray, converted)


def check_way_back(state: dict[str, np.ndarray], converted: Any, published: Published) -> None:
    """Ours under the authors' names are their arrays, and make the same bits of ours."""
    theirs = publish(converted, published)
    ignored = published.family.ignored
    assert set(theirs) == {name for name in state if not name.endswith(ignored)}
    for name, found in theirs.items():
        assert found.shape == state[name].shape, name
        if not name.endswith(("u0", "_u")):  # of any length in these states
            np.testing.assert_allclose(found, state[name], rtol=1e-6, atol=1e-7, err_msg=name)
    again = convert(theirs, published.rules, converted, ignored)
    for (path, leaf), expected in zip(
        jax.tree.leaves_with_path(again), jax.tree.leaves(converted), strict=True
    ):
        is_estimate = str(path[-1].key).endswith("/sigma")
        np.testing.assert_allclose(
            leaf, expected, rtol=1e-6 if is_estimate else 0, err_msg=str(path)
        )


def count(variables: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def thin(images: Any) -> Any:
    """Every so many pixels: 8 a side, as they were kept."""
    step = images.shape[1] // 8
    return images[:, ::step, ::step]


def assert_close(found: Any, expected: np.ndarray, tolerance: float) -> None:
    """Within a share of the largest of them."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def check_generator(family: Family, module: Any, expected: Any, name: str, dim: int) -> None:
    """Equal parameters, images in training and (where that was kept) out of it."""
    num = len(expected["train"])
    z = jnp.asarray(draw(f"z{name}", (num, dim)), jnp.float32)
    inputs = (z, jnp.arange(num) % module.num_classes) if module.num_classes else (z,)
    state = state_of(expected["shapes_gen"])
    variables = variables_of(family, "gen", module, state, *inputs)
    assert count(variables) == expected["counts"][0]
    mutable = [kind for kind in variables if kind != "params"]
    images, _ = jax.jit(lambda v: module.apply(v, *inputs, mutable=mutable))(variables)
    assert_close(thin(images), expected["train"], 1e-4)
    if "eval" in expected:
        images = jax.jit(lambda v: module.apply(v, *inputs, train=False))(variables)
        assert_close(thin(images), expected["eval"], 1e-4)


def check_discriminator(
    family: Family, module: Any, expected: Any, name: str, embedding: tuple[str, ...]
) -> None:
    """Equal parameters, logits, and squared gradients with respect to the images."""
    num, size = len(expected["logits"]), module.image_size
    shape = (num, module.channels, size, size)
    x = jnp.asarray(30 * draw(f"x{name}", shape).transpose(0, 2, 3, 1), jnp.float32)
    label = (jnp.arange(num) % module.num_classes,) if module.num_classes else ()
    state = state_of(expected["shapes_disc"], embedding)
    variables = variables_of(family, "disc", module, state, x, *label)
    assert count(variables) == expected["counts"][1]

    @jax.jit
    def play(variables: Any) -> Any:
        def total(x: jax.Array) -> Any:
            logits, _ = module.apply(variables, x, *label, mutable=["spectral"])
            return jnp.sum(logits), logits

        gradient, logits = jax.grad(total, has_aux=True)(x)
        return logits, jnp.sum(gradient**2, (1, 2, 3))

    logits, squares = play(variables)
    assert_close(logits, expected["logits"], 1e-4)
    assert_close(squares, expected["r1"], 1e-3)
