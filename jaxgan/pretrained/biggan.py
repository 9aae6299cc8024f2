"""BigGAN of ajbrock/BigGAN-PyTorch: the state dicts `G`, `G_ema` and `D`."""

from __future__ import annotations

from functools import partial

import numpy as np

from jaxgan.models.biggan import ATTENTION, TABLES, BigGANDiscriminator, BigGANGenerator
from jaxgan.pretrained.base import (
    Converter,
    Family,
    Path,
    Rule,
    Rules,
    conv,
    dense,
    dense_to_map,
    pointwise,
    right_vector,
    same,
    scalar,
    turned_unit,
)
from jaxgan.pretrained.publish import inverse_of


def layer(
    name: str,
    path: Path,
    kernel: Converter,
    is_spectral: bool = True,
    bias: Converter | None = same,
    state: str | None = None,
) -> dict[str, Rule]:
    """Rules of a layer, spectrally normalised or not.

    Args:
      name: of the published layer.
      path: of our layer, without a collection; its power iteration is beside it.
      kernel: converts the weight.
      is_spectral: whether it has a power iteration.
      bias: converts the bias, and likewise the vector u; None if there is no bias.
      state: name of our power iteration; by default the layer's, and `_spectral`.

    Example:
      >>> sorted(layer("linear", ("dense",), dense))
      ['linear.bias', 'linear.sv0', 'linear.u0', 'linear.weight']
    """
    rules = {f"{name}.weight": Rule(("params", *path, "kernel"), kernel)}
    if bias is not None:
        rules[f"{name}.bias"] = Rule(("params", *path, "bias"), bias)
    if is_spectral:
        turn = bias or same
        beside = ("spectral", *path[:-1], state or f"{path[-1]}_spectral")
        rules[f"{name}.u0"] = Rule((*beside, f"{path[-1]}/kernel/u"), partial(turned_unit, turn))
        rules[f"{name}.sv0"] = Rule((*beside, f"{path[-1]}/kernel/sigma"), scalar)
    return rules


def rules(player: str, module: BigGANGenerator | BigGANDiscriminator) -> Rules:
    """Where the arrays of BigGAN-PyTorch go; its batch norms are those without `--cross_replica`.

    Args:
      player: `"gen"` or `"disc"`.
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Example:
      >>> module = BigGANGenerator(32, num_classes=10, base_channels=4)
      >>> rules("gen", module)["blocks.0.0.bn1.gain.weight"].path
      ('params', 'block_0', 'norm_1', 'scale', 'kernel')
    """
    if isinstance(module, BigGANGenerator):
        return _generator_rules(module)
    return _discriminator_rules(module)


def _as_row(turn: Converter, array: np.ndarray) -> np.ndarray:
    return inverse_of(turn, {})(array.reshape(-1)).reshape(1, -1)


FAMILY = Family(
    rules,
    (".num_batches_tracked", ".accumulation_counter"),
    {scalar: lambda array: array.reshape(1), turned_unit: _as_row},
)


def _generator_rules(module: BigGANGenerator) -> Rules:
    table, is_spectral = TABLES[module.image_size], module.kernel_norm == "spectral"
    turn = dense_to_map(table.start, table.start)
    found = layer("linear", ("dense",), turn, is_spectral, turn)
    found["shared.weight"] = Rule(("params", "embed", "table", "kernel"))
    attention = ATTENTION if module.attention is None else module.attention
    for i in range(len(table.gen) - 1):
        name, path = f"blocks.{i}.0", (f"block_{i}",)
        for theirs, ours in (("conv1", "conv_1"), ("conv2", "conv_2"), ("conv_sc", "shortcut")):
            found |= layer(f"{name}.{theirs}", (*path, ours), conv, is_spectral)
        for index in (1, 2):
            norm, ours_norm = f"{name}.bn{index}", (*path, f"norm_{index}")
            for theirs, ours in (("gain", "scale"), ("bias", "bias")):
                found |= layer(f"{norm}.{theirs}", (*ours_norm, ours), dense, is_spectral, None)
            found |= _statistics(norm, (*ours_norm, "BatchNorm_0"))
        if table.start * 2 ** (i + 1) == attention:
            found |= _attention_rules(f"blocks.{i}.1", is_spectral)
    found["output_layer.0.gain"] = Rule(("params", "norm", "scale"))
    found["output_layer.0.bias"] = Rule(("params", "norm", "bias"))
    found |= _statistics("output_layer.0", ("norm",))
    return {**found, **layer("output_layer.2", ("conv",), conv, is_spectral)}


def _discriminator_rules(module: BigGANDiscriminator) -> Rules:
    table, found = TABLES[module.image_size], dict[str, Rule]()
    attention = ATTENTION if module.attention is None else module.attention
    for i, ratio in enumerate(table.disc):
        name, path = f"blocks.{i}.0", (f"block_{i}",)
        found |= layer(f"{name}.conv1", (*path, "conv_1"), conv)
        found |= layer(f"{name}.conv2", (*path, "conv_2"), conv)
        if i < table.num_halvings or ratio != table.disc[i - 1]:
            found |= layer(f"{name}.conv_sc", (*path, "shortcut"), conv)
        if i < table.num_halvings and module.image_size // 2 ** (i + 1) == attention:
            found |= _attention_rules(f"blocks.{i}.1", True)
    found |= layer("linear", ("Dense_0",), dense, state="SpectralNorm_0")
    if module.head == "projection":
        found |= layer("embed", ("class_embedding",), same, bias=None, state="SpectralNorm_1")
        # Our kernel is [classes, features] as theirs, but our u is of the features.
        found["embed.u0"] = found["embed.u0"]._replace(convert=right_vector, also=("embed.weight",))
    return found


def _attention_rules(name: str, is_spectral: bool) -> dict[str, Rule]:
    found = {f"{name}.gamma": Rule(("params", "attention", "gamma"))}
    for theirs, ours in (("theta", "g"), ("phi", "f"), ("g", "h"), ("o", "v")):
        path = ("attention", ours)
        found |= layer(f"{name}.{theirs}", path, pointwise, is_spectral, None)
    return found


def _statistics(name: str, path: Path) -> dict[str, Rule]:
    stats = ("batch_stats", *path)
    return {
        f"{name}.stored_mean": Rule((*stats, "mean")),
        f"{name}.stored_var": Rule((*stats, "var")),
    }
