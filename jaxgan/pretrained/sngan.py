"""SNGAN, SAGAN and cGAN-PD of kwotsin/mimicry: `netG` and `netD` of its checkpoints."""

from __future__ import annotations

from functools import partial

import numpy as np

from jaxgan.models.sngan import TABLES, SNGANDiscriminator, SNGANGenerator
from jaxgan.pretrained.base import (
    Converter,
    Family,
    Path,
    Rule,
    Rules,
    batch_norm,
    conv,
    dense,
    dense_to_map,
    largest_singular_value,
    pointwise,
    right_vector,
    same,
    turned_unit,
    unit,
)


def layer(
    name: str, path: Path, kernel: Converter, is_spectral: bool, bias: Converter | None = same
) -> dict[str, Rule | list[Rule]]:
    """Rules of a layer, spectrally normalised or not.

    Args:
      name: of the published layer.
      path: of our layer, without a collection; its power iteration is beside it.
      kernel: converts the weight.
      is_spectral: whether it has a power iteration.
      bias: converts the bias, and likewise the vector u; None if there is no bias.

    Example:
      >>> sorted(layer("l5", ("dense",), dense, is_spectral=True))
      ['l5.bias', 'l5.weight_orig', 'l5.weight_u']
    """
    weight = f"{name}.weight_orig" if is_spectral else f"{name}.weight"
    rules: dict[str, Rule | list[Rule]] = {weight: Rule(("params", *path, "kernel"), kernel)}
    if bias is not None:
        rules[f"{name}.bias"] = Rule(("params", *path, "bias"), bias)
    if is_spectral:
        turn = bias or same
        u, sigma = spectral_paths(path, f"{path[-1]}_spectral")
        rules[f"{name}.weight_u"] = [
            Rule(u, partial(turned_unit, turn)),
            Rule(sigma, largest_singular_value, (weight,)),
        ]
    return rules


def spectral_paths(path: Path, state: str) -> tuple[Path, Path]:
    """Where the power iteration of a layer has u and σ.

    Args:
      path: of the layer, without a collection.
      state: name of the power iteration, which is beside the layer.

    Example:
      >>> spectral_paths(("block_1", "conv_1"), "conv_1_spectral")[0]
      ('spectral', 'block_1', 'conv_1_spectral', 'conv_1/kernel/u')
    """
    beside = ("spectral", *path[:-1], state)
    return (*beside, f"{path[-1]}/kernel/u"), (*beside, f"{path[-1]}/kernel/sigma")


def rules(player: str, module: SNGANGenerator | SNGANDiscriminator) -> Rules:
    """Where mimicry's arrays go.

    Args:
      player: `"gen"` or `"disc"`.
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Example:
      >>> rules("gen", SNGANGenerator(32, base_channels=8))["block2.c1.weight"].path
      ('params', 'block_0', 'conv_1', 'kernel')
    """
    if isinstance(module, SNGANGenerator):
        return _generator_rules(module)
    return _discriminator_rules(module)


def _gains(features: int, array: np.ndarray) -> np.ndarray:
    return array[:, :features] - 1


def _biases(features: int, array: np.ndarray) -> np.ndarray:
    return array[:, features:]


def _of_gains(features: int, array: np.ndarray) -> np.ndarray:
    """In 64 bits, of which 1 takes none of those that it has in 32."""
    wide = 1 + array.astype(np.float64)
    return np.concatenate([wide, np.zeros_like(wide)], axis=1)


def _of_biases(features: int, array: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(array), array], axis=1)


FAMILY = Family(
    rules,
    (".num_batches_tracked", ".weight_v", ".sn_sigma"),
    {_gains: _of_gains, _biases: _of_biases},
)


def _generator_rules(module: SNGANGenerator) -> Rules:
    table, is_spectral = TABLES[module.image_size], module.kernel_norm == "spectral"
    turn = dense_to_map(table.start, table.start)
    found: dict[str, Rule | list[Rule]] = dict(layer("l1", ("dense",), turn, is_spectral, turn))
    num_blocks, width = len(table.gen) - 1, module.base_channels
    widths = [width // ratio for ratio in table.gen]
    for i in range(num_blocks):
        name, path = f"block{i + 2}", (f"block_{i}",)
        for theirs, ours in (("c1", "conv_1"), ("c2", "conv_2"), ("c_sc", "shortcut")):
            found |= layer(f"{name}.{theirs}", (*path, ours), conv, is_spectral)
        for index, features in ((1, widths[i]), (2, widths[i + 1])):
            norm = (*path, f"norm_{index}")
            if module.conditioning == "none":
                found |= batch_norm(f"{name}.b{index}", norm)
            else:
                found |= _conditional_norm(f"{name}.b{index}", norm, features)
    found |= batch_norm(f"b{num_blocks + 2}", ("norm",))
    found |= layer(f"c{num_blocks + 2}", ("conv",), conv, is_spectral)
    return {**found, **_attention_rules(module.attention)}


def _discriminator_rules(module: SNGANDiscriminator) -> Rules:
    table, found = TABLES[module.image_size], dict[str, Rule | list[Rule]]()
    widths = [module.base_channels // ratio for ratio in table.disc]
    for i, width in enumerate(widths):
        name, path = f"block{i + 1}", (f"block_{i}",)
        found |= layer(f"{name}.c1", (*path, "conv_1"), conv, True)
        found |= layer(f"{name}.c2", (*path, "conv_2"), conv, True)
        if i < table.num_halvings or width != widths[i - 1]:
            found |= layer(f"{name}.c_sc", (*path, "shortcut"), conv, True)
    # In sngan_48 the last block and the last layer are both numbered 5.
    number = len(widths) + (module.image_size != 48)
    found |= _head_rules(module, f"l{number}")
    return {**found, **_attention_rules(module.attention)}


def _head_rules(module: SNGANDiscriminator, name: str) -> dict[str, Rule | list[Rule]]:
    is_projection = module.head == "projection"
    # In cgan_pd_32, and nowhere else, the head is made of mimicry's own layers, not of PyTorch's.
    is_own = is_projection and module.image_size == 32 and not module.attention
    vector, weight = ("sn_u", "weight") if is_own else ("weight_u", "weight_orig")
    u, sigma = spectral_paths(("Dense_0",), "SpectralNorm_0")
    found: dict[str, Rule | list[Rule]] = {
        f"{name}.{weight}": Rule(("params", "Dense_0", "kernel"), dense),
        f"{name}.bias": Rule(("params", "Dense_0", "bias")),
        f"{name}.{vector}": [
            Rule(u, unit),
            Rule(sigma, largest_singular_value, (f"{name}.{weight}",)),
        ],
    }
    if is_projection:
        u, sigma = spectral_paths(("class_embedding",), "SpectralNorm_1")
        table = (f"l_y.{weight}",)
        found[table[0]] = Rule(("params", "class_embedding", "kernel"))
        # Our kernel is [classes, features] as theirs, but our u is of the features.
        found[f"l_y.{vector}"] = [
            Rule(u, right_vector, table),
            Rule(sigma, largest_singular_value, table),
        ]
    return found


def _attention_rules(attention: int) -> dict[str, Rule | list[Rule]]:
    if not attention:
        return {}
    found: dict[str, Rule | list[Rule]] = {
        "attn_block.gamma": Rule(("params", "attention", "gamma"))
    }
    for theirs, ours in (("theta", "g"), ("phi", "f"), ("g", "h"), ("o", "v")):
        name, path = f"attn_block.{theirs}", ("attention", ours)
        found |= layer(name, path, pointwise, True, bias=None)
    return found


def _conditional_norm(name: str, path: Path, features: int) -> dict[str, Rule | list[Rule]]:
    params, stats = ("params", *path), ("batch_stats", *path, "BatchNorm_0")
    return {
        f"{name}.embed.weight": [
            Rule((*params, "scale"), partial(_gains, features)),
            Rule((*params, "bias"), partial(_biases, features)),
        ],
        f"{name}.bn.running_mean": Rule((*stats, "mean")),
        f"{name}.bn.running_var": Rule((*stats, "var")),
    }
