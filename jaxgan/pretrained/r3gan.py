"""R3GAN of brownvc/R3GAN: `G_ema` and `D` of its snapshots."""

from __future__ import annotations

import numpy as np

from jaxgan.models.r3gan import R3GANDiscriminator, R3GANGenerator
from jaxgan.pretrained.base import Family, Rule, Rules, conv, dense


def rules(player: str, module: R3GANGenerator | R3GANDiscriminator) -> Rules:
    """Where R3GAN's arrays go.

    Args:
      player: `"gen"` or `"disc"`.
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Example:
      >>> sizes = {"widths": (8,), "cardinalities": (4,), "num_blocks": (1,)}
      >>> rules("gen", R3GANGenerator(4, **sizes))["Model.AggregationLayer.Layer.weight"].path
      ('params', 'last', 'kernel')
    """
    num = len(module.widths)
    found: dict[str, Rule] = {}
    for stage in range(num):
        # They count the discriminator's stages from the image, we from the lowest resolution.
        is_gen = isinstance(module, R3GANGenerator)
        theirs = f"Model.MainLayers.{stage if is_gen else num - 1 - stage}.Layers"
        transition = f"{theirs}.{0 if is_gen else module.num_blocks[stage]}"
        if stage == 0:
            found |= _basis(transition, is_gen)
        # A change of width is of the stage that a generator enters, a discriminator leaves.
        elif module.widths[stage] != module.widths[stage - 1]:
            path = ("params", f"stage_{stage}_width", "kernel")
            found[f"{transition}.LinearLayer.Layer.weight"] = Rule(path, conv)
        for i in range(module.num_blocks[stage]):
            found |= _block(f"{theirs}.{i + is_gen}", f"stage_{stage}_block_{i}")
    name, ours = ("Aggregation", "last") if is_gen else ("Extraction", "first")
    found[f"Model.{name}Layer.Layer.weight"] = Rule(("params", ours, "kernel"), conv)
    if module.num_classes:
        found["Model.EmbeddingLayer.weight"] = Rule(("params", "embedding", "kernel"), dense)
    return found


def _to_map(array: np.ndarray) -> np.ndarray:
    """[C, h, w] or [C, 1, h, w] -> [h, w, C]."""
    maps = array.reshape(array.shape[0], *array.shape[-2:])
    return maps.transpose(1, 2, 0)


FAMILY = Family(rules, (".Resampler.Kernel",), {_to_map: lambda array: array.transpose(2, 0, 1)})


def _basis(name: str, is_gen: bool) -> dict[str, Rule]:
    basis = f"{name}.Basis" if is_gen else f"{name}.Basis.weight"
    return {
        basis: Rule(("params", "basis"), _to_map),
        f"{name}.LinearLayer.weight": Rule(("params", "project", "kernel"), dense),
    }


def _block(name: str, ours: str) -> dict[str, Rule]:
    found = {
        f"{name}.LinearLayer{i + 1}.Layer.weight": Rule(
            ("params", f"{ours}_conv_{i}", "kernel"), conv
        )
        for i in range(3)
    }
    for i in range(2):
        found[f"{name}.NonLinearity{i + 1}.Bias"] = Rule(("params", f"{ours}_conv_{i}", "bias"))
    return found
