"""The generators that are exported, with weights that leave nothing of them at zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import Context, Game, TrainState
from jaxgan.config.base import load_config
from jaxgan.config.build import build_algorithm
from jaxgan.config.resolve import resolve
from jaxgan.data.source import element_spec_of

ROOT = Path(__file__).parents[2]
INPUTS = {
    "biggan": ["latent", "label"],
    "cyclegan": ["source"],
    "digits": ["latent"],
    "pix2pix": ["source"],
    "progan": ["latent"],
    "r3gan": ["latent"],
    "sagan": ["latent", "label"],
    "sngan": ["latent"],
    "stylegan": ["latent", "truncation"],
    "stylegan2": ["latent", "truncation"],
    "vae": ["latent"],
}
"""What a family's generator is called with."""


class Family(NamedTuple):
    """A game of a family, and what an export is told of it."""

    game: Game
    state: TrainState
    spec: dict[str, jax.ShapeDtypeStruct]
    options: dict[str, Any]
    inputs: list[str]


def make_family(name: str, *flags: str) -> Family:
    """The `smoke` config of a family, all weights moved by normal numbers."""
    config = resolve(load_config(f"{ROOT / 'configs' / name}.py:smoke", flags))
    side, classes = config["data"].get("image_size") or 8, config["num_classes"] or None
    spec = element_spec_of((side, side, 1), labelled=classes is not None)
    dim = config.get("latent_dim")
    if INPUTS[name] == ["source"]:
        spec, dim = {**spec, "source": spec["image"]}, None
    algorithm = build_algorithm(config, spec)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    rng = np.random.default_rng(0)

    def moved(path: Any, leaf: jax.Array) -> jax.Array:
        name = str(path[-1].key)
        if leaf.dtype != jnp.float32 or name.endswith("/sigma"):
            return leaf
        if name.endswith("/u"):  # of a power iteration, whose vectors have length one
            return leaf / jnp.linalg.norm(leaf)
        noise = np.asarray(0.1 * rng.normal(size=leaf.shape), np.float32)
        return leaf + (np.abs(noise) if name == "var" else noise)

    def all_moved(tree: Any) -> Any:
        return jax.tree.map_with_path(moved, tree)

    gen = {"params": all_moved(state.params["gen"]), "net_state": all_moved(state.net_state["gen"])}
    live = {**state.params, "gen": gen["params"]}
    states = {**state.net_state, "gen": gen["net_state"]}
    state = state._replace(params=live, net_state=states, ema={"gen": gen} if state.ema else {})
    options = {"latent_dim": dim, "num_classes": classes}
    return Family(algorithm.field.game, state, spec, options, INPUTS[name])


def arguments(family: Family, num: int) -> dict[str, np.ndarray]:
    """Inputs by name, as many as there may be."""
    rng = np.random.default_rng(num)
    found: dict[str, np.ndarray] = {}
    if "truncation" in family.inputs:
        found["truncation"] = np.asarray(0.6, np.float32)
    if family.options["num_classes"]:
        found["label"] = rng.integers(family.options["num_classes"], size=num, dtype=np.int32)
    for name in ("image", "source"):
        if name in family.spec:
            found[name] = rng.normal(size=(num, *family.spec[name].shape)).astype(np.float32)
    if family.options["latent_dim"] is not None:
        found["latent"] = rng.normal(size=(num, family.options["latent_dim"])).astype(np.float32)
    return found


def generated(family: Family, given: dict[str, np.ndarray], domain: str = "image") -> np.ndarray:
    """What the game itself makes of inputs."""
    state, game = family.state, family.game
    context = Context(jax.random.key(0), step=state.step, train=False)

    def images(given: dict[str, jax.Array]) -> Any:
        return game.generate(state.params, state.net_state, given, context)[0]["fake"]

    fake = jax.jit(images)(given)
    return np.asarray(fake[domain] if isinstance(fake, dict) else fake)
