"""The ResNet generator of junyanz/pytorch-CycleGAN-and-pix2pix: `net_G_A`, `net_G_B`, `net_G`."""

from __future__ import annotations

from jaxgan.models.cyclegan import ResNetGenerator
from jaxgan.pretrained.base import Family, Rule, Rules, batch_norm, conv, conv_transpose


def rules(player: str, module: ResNetGenerator) -> Rules:
    """Where CycleGAN's arrays go.

    Args:
      player: `"gen"`.
      module: the network, of the same sizes.

    Returns:
      Rules for `convert`.

    Example:
      >>> rules("gen", ResNetGenerator(num_blocks=1))["model.10.conv_block.1.weight"].path
      ('params', 'block_0_conv_0', 'kernel')
    """
    num = module.num_blocks
    after = 10 + num
    convs = {"model.1": "first", "model.4": "down_0", "model.7": "down_1"}
    # Padding, convolution, norm, ReLU, perhaps dropout, padding, convolution, norm.
    second = 6 if module.dropout else 5
    for i in range(num):
        block = f"model.{10 + i}.conv_block"
        convs[f"{block}.1"] = f"block_{i}_conv_0"
        convs[f"{block}.{second}"] = f"block_{i}_conv_1"
    ups = {f"model.{after}": "up_0", f"model.{after + 3}": "up_1"}
    found: dict[str, Rule] = {}
    for name, ours in {**convs, **ups}.items():
        convert = conv_transpose if name in ups else conv
        found[f"{name}.weight"] = Rule(("params", ours, "kernel"), convert)
        if module.norm != "batch":
            found[f"{name}.bias"] = Rule(("params", ours, "bias"))
        else:
            before, _, index = name.rpartition(".")
            found |= batch_norm(f"{before}.{int(index) + 1}", (f"{ours}_norm",))
    last = f"model.{after + 7}"
    found[f"{last}.weight"] = Rule(("params", "last", "kernel"), conv)
    found[f"{last}.bias"] = Rule(("params", "last", "bias"))
    return found


FAMILY = Family(rules)
