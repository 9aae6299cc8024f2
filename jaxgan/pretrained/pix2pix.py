"""The U-Net and the patch discriminator of junyanz/pytorch-CycleGAN-and-pix2pix: `net_G`, `net_D`.

The spectral norm is not among its options.
"""

from __future__ import annotations

from jaxgan.models.pix2pix import PatchDiscriminator, UNetGenerator
from jaxgan.pretrained.base import Converter, Family, Rule, Rules, batch_norm, conv, conv_transpose


def rules(player: str, module: UNetGenerator | PatchDiscriminator) -> Rules:
    """Where pix2pix's arrays go.

    Args:
      player: `"gen"` or `"disc"`.
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Example:
      >>> rules("gen", UNetGenerator(num_downs=5))["model.model.0.weight"].path
      ('params', 'down_0', 'kernel')
    """
    if isinstance(module, UNetGenerator):
        return _unet_rules(module)
    return _patch_rules(module)


FAMILY = Family(rules)


def layer(
    name: str, ours: str, convert: Converter, norm_name: str, norm: str, has_bias: bool
) -> dict[str, Rule]:
    """Rules of a convolution and of the norm behind it.

    Args:
      name: of the published convolution.
      ours: of our convolution.
      convert: converts its kernel.
      norm_name: of the published norm; `""` without one.
      norm: `"batch"`, or one without parameters.
      has_bias: of the convolution.

    Returns:
      Rules.

    Example:
      >>> sorted(layer("model.1", "conv_0", conv, "", "batch", has_bias=True))
      ['model.1.bias', 'model.1.weight']
    """
    found = {f"{name}.weight": Rule(("params", ours, "kernel"), convert)}
    if has_bias:
        found[f"{name}.bias"] = Rule(("params", ours, "bias"))
    if norm_name and norm == "batch":
        found |= batch_norm(norm_name, (norm_of(ours),))
    return found


def norm_of(ours: str) -> str:
    """The name of the norm behind one of our layers.

    >>> norm_of("down_3"), norm_of("conv_1")
    ('down_norm_3', 'norm_1')
    """
    kind, _, number = ours.partition("_")
    return f"norm_{number}" if kind == "conv" else f"{kind}_norm_{number}"


def _unet_rules(module: UNetGenerator) -> Rules:
    norm, last = module.norm, module.num_downs - 1
    has_bias = norm != "batch"
    found: dict[str, Rule] = {}
    prefix = "model.model"
    for i in range(module.num_downs):
        down, norm_down, up, norm_up = (1, 2, 5, 6)
        if i == 0:
            down, up = 0, 3
        if i == last:
            up, norm_up = 3, 4
        normed = f"{prefix}.{norm_down}" if 0 < i < last else ""
        found |= layer(f"{prefix}.{down}", f"down_{i}", conv, normed, norm, has_bias)
        normed = f"{prefix}.{norm_up}" if i > 0 else ""
        found |= layer(
            f"{prefix}.{up}", f"up_{i}", conv_transpose, normed, norm, has_bias or i == 0
        )
        prefix += ".1.model" if i == 0 else ".3.model"
    return found


def _patch_rules(module: PatchDiscriminator) -> Rules:
    norm = module.norm
    found: dict[str, Rule] = {}
    for i in range(module.num_layers + 1):
        index = 0 if i == 0 else 3 * i - 1
        normed = f"model.{index + 1}" if i > 0 else ""
        has_bias = norm != "batch" or i == 0
        found |= layer(f"model.{index}", f"conv_{i}", conv, normed, norm, has_bias)
    index = 3 * module.num_layers + 2
    return {**found, **layer(f"model.{index}", "logits", conv, "", norm, has_bias=True)}
