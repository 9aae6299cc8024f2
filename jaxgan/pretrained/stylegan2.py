"""StyleGAN2 of NVlabs/stylegan2-ada-pytorch: `G_ema` and `D` of its pickles, as state dicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxgan.core.errors import PublishedError
from jaxgan.models.layers.sizes import sizes_of
from jaxgan.models.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from jaxgan.pretrained.base import (
    Family,
    Path,
    Rule,
    Rules,
    both,
    conv,
    conv_transpose,
    dense,
    map_to_dense,
    scalar,
)


def rules(player: str, module: Any) -> Rules:
    """Rules of one of the two networks.

    Args:
      player: `"gen"` or `"disc"`.
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Raises:
      PublishedError: if the authors have no such network.

    Example:
      >>> "b4.out.weight" in rules("disc", StyleGAN2Discriminator(8))
      True
    """
    if isinstance(module, StyleGAN2Generator):
        return generator_rules(module)
    if isinstance(module, StyleGAN2Discriminator):
        return discriminator_rules(module)
    raise PublishedError(f"{player}: a {type(module).__name__}; it must be a StyleGAN2 network")


def _to_map(array: np.ndarray) -> np.ndarray:
    """[C, h, w] -> [h, w, C]."""
    return array.transpose(1, 2, 0)


def _transposed(array: np.ndarray) -> np.ndarray:
    """The kernel of an upsampling layer, which its authors store as any other: [out, in, h, w]."""
    return conv_transpose(array.transpose(1, 0, 2, 3))


FAMILY = Family(
    rules,
    ("resample_filter",),
    {
        _to_map: lambda array: array.transpose(2, 0, 1),
        _transposed: lambda array: array.transpose(2, 3, 0, 1),
    },
)


def generator_rules(module: StyleGAN2Generator) -> dict[str, Rule]:
    """Where the arrays of `Generator` go: its mapping and its synthesis network.

    Args:
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Example:
      >>> rules = generator_rules(StyleGAN2Generator(8, num_mapping_layers=1))
      >>> rules["synthesis.b8.conv0.weight"].path
      ('params', 'synthesis', 'b8_conv0', 'conv', 'kernel')
    """
    rules = dict(_mapping("mapping", ("params", "mapping"), module))
    rules["mapping.w_avg"] = Rule(("styles", "mapping", "mean"))
    path: Path = ("params", "synthesis")
    rules["synthesis.b4.const"] = Rule((*path, "const"), _to_map)
    for size in sizes_of(module.image_size):
        for part in ("conv0", "conv1", "torgb"):
            name, ours = f"synthesis.b{size}.{part}", f"b{size}_{part}"
            if name == "synthesis.b4.conv0":
                continue
            rules |= both(f"{name}.affine", (*path, ours, "conv", "affine"), dense)
            kernel = conv if part != "conv0" else _transposed
            rules[f"{name}.weight"] = Rule((*path, ours, "conv", "kernel"), kernel)
            rules[f"{name}.bias"] = Rule((*path, ours, "bias"))
            if part != "torgb":
                rules[f"{name}.noise_strength"] = Rule((*path, ours, "noise", "strength"), scalar)
                const = ("noise", "synthesis", ours, "noise", "const")
                rules[f"{name}.noise_const"] = Rule(const)
    return rules


def discriminator_rules(module: StyleGAN2Discriminator) -> dict[str, Rule]:
    """Where the arrays of `Discriminator` go.

    Args:
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Example:
      >>> discriminator_rules(StyleGAN2Discriminator(8))["b8.skip.weight"].path
      ('params', 'b8_skip', 'kernel')
    """
    rules = both(f"b{module.image_size}.fromrgb", ("params", f"b{module.image_size}_fromrgb"), conv)
    for size in sizes_of(module.image_size)[1:]:
        for part in ("conv0", "conv1"):
            rules |= both(f"b{size}.{part}", ("params", f"b{size}_{part}"), conv)
        if module.residual:
            rules |= both(f"b{size}.skip", ("params", f"b{size}_skip"), conv, None)
    rules |= both("b4.conv", ("params", "b4_conv"), conv)
    rules |= both("b4.fc", ("params", "b4_fc"), map_to_dense(4, 4))
    rules |= both("b4.out", ("params", "b4_out"), dense)
    return rules | dict(_mapping("mapping", ("params", "mapping"), module))


def _mapping(
    name: str, path: Path, module: StyleGAN2Generator | StyleGAN2Discriminator
) -> Iterator[tuple[str, Rule]]:
    if module.num_classes:
        yield from both(f"{name}.embed", (*path, "embed"), dense).items()
    is_there = module.num_classes or isinstance(module, StyleGAN2Generator)
    for index in range(module.num_mapping_layers if is_there else 0):
        yield from both(f"{name}.fc{index}", (*path, f"fc{index}"), dense).items()
