"""Training steps written by hand in PyTorch, to hold ours against: DCGAN at 32 pixels, the ring."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

IMAGE_SIZE, CHANNELS, LATENT = 32, 3, 100
LEARNING_RATE, B1, B2, R1_WEIGHT = 2e-4, 0.5, 0.999, 10.0
RADIUS, STD, MODES = 2.0, 0.02, 8


class Options(NamedTuple):
    """How PyTorch is used.

    Attributes:
      device: `"cpu"` or `"cuda"`.
      channels_last: whether images are NHWC in memory.
      mode: of `torch.compile`; None for eager.
      bfloat16: whether products are, by autocast.
    """

    device: str = "cpu"
    channels_last: bool = False
    mode: str | None = None
    bfloat16: bool = False


def dcgan_networks(base_channels: int) -> tuple[Any, Any]:
    """The networks of our DCGAN: same layers, widths, norms, biases and initialisation."""
    width, num_doublings = 4 * base_channels, 2

    def upsampling(in_features: int, features: int) -> list[nn.Module]:
        layer = nn.ConvTranspose2d(in_features, features, 4, 2, 1, bias=False)
        return [layer, nn.BatchNorm2d(features), nn.ReLU()]

    def downsampling(in_features: int, features: int) -> list[nn.Module]:
        layer = nn.Conv2d(in_features, features, 4, 2, 1, bias=False)
        return [layer, nn.BatchNorm2d(features), nn.LeakyReLU(0.2)]

    gen_layers: list[nn.Module] = [
        nn.Linear(LATENT, 16 * width, bias=False),
        nn.Unflatten(1, (width, 4, 4)),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]
    disc_layers: list[nn.Module] = [
        nn.Conv2d(CHANNELS, base_channels, 4, 2, 1),
        nn.LeakyReLU(0.2),
    ]
    for i in range(num_doublings):
        gen_layers += upsampling(width // 2**i, width // 2 ** (i + 1))
        disc_layers += downsampling(base_channels * 2**i, base_channels * 2 ** (i + 1))
    gen_layers += [nn.ConvTranspose2d(base_channels, CHANNELS, 4, 2, 1), nn.Tanh()]
    disc_layers += [nn.Flatten(), nn.Linear(16 * width, 1), nn.Flatten(0)]
    networks = nn.Sequential(*gen_layers), nn.Sequential(*disc_layers)
    for network in networks:
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
    return networks


def dcgan(
    images: np.ndarray, base_channels: int, options: Options, r1: bool = False
) -> tuple[Callable[[], None], int]:
    """A simultaneous step of DCGAN, with PyTorch's fused Adam.

    Args:
      images: batches for as many steps, [N, B, 3, 32, 32]; they are used in turn.
      base_channels: width of the networks.
      options: how.
      r1: whether with R1 on the real images.

    Returns:
      (step, number of parameters); a step returns before a GPU has done it.
    """
    torch.manual_seed(0)
    gen, disc = dcgan_networks(base_channels)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    gen, disc = (net.to(options.device, memory_format=layout) for net in (gen, disc))
    players = [list(disc.parameters()), list(gen.parameters())]
    optimizers = [
        torch.optim.Adam(p, lr=LEARNING_RATE, betas=(B1, B2), fused=True) for p in players
    ]
    batches = [
        torch.from_numpy(batch).to(options.device).contiguous(memory_format=layout)
        for batch in images
    ]

    def losses(real: Any, z: Any) -> tuple[Any, Any]:
        real = real.requires_grad_(r1)
        with torch.autocast(options.device, torch.bfloat16, enabled=options.bfloat16):
            real_logits, fake_logits = disc(real), disc(gen(z))
        real_logits, fake_logits = real_logits.float(), fake_logits.float()
        disc_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        if r1:
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            disc_loss = disc_loss + R1_WEIGHT / 2 * slope.square().sum((1, 2, 3)).mean()
        return disc_loss, F.softplus(-fake_logits).mean()

    if options.mode and r1:  # the inner gradient has to be inside the compiled part
        losses = torch.compile(losses, mode=options.mode)
    elif options.mode:
        gen, disc = (torch.compile(net, mode=options.mode) for net in (gen, disc))
    turn = [0]

    def step() -> None:
        real, turn[0] = batches[turn[0] % len(batches)], turn[0] + 1
        disc_loss, gen_loss = losses(real, torch.randn(len(real), LATENT, device=options.device))
        gradients = (
            torch.autograd.grad(disc_loss, players[0], retain_graph=True),
            torch.autograd.grad(gen_loss, players[1]),
        )
        for params, grads, optimizer in zip(players, gradients, optimizers, strict=True):
            for param, grad in zip(params, grads, strict=True):
                param.grad = grad
            optimizer.step()

    return step, sum(p.numel() for params in players for p in params)


def perceptron(num_in: int, width: int, num_out: int) -> nn.Sequential:
    """Two hidden layers of ReLU."""
    return nn.Sequential(
        nn.Linear(num_in, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, num_out),
    )


def ring(batch: int, latent: int, width: int, rate: float, options: Options) -> Callable[[], None]:
    """A simultaneous step of the ring game; data and latents are drawn in it."""
    torch.manual_seed(0)
    gen, disc = (
        perceptron(*sizes).to(options.device) for sizes in ((latent, width, 2), (2, width, 1))
    )
    optimizers = [torch.optim.Adam(m.parameters(), rate, betas=(0.5, 0.999)) for m in (gen, disc)]
    angles = 2 * math.pi * torch.arange(MODES, device=options.device) / MODES
    modes = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)
    players = [list(gen.parameters()), list(disc.parameters())]

    def normal(num: int) -> torch.Tensor:
        return torch.randn(batch, num, device=options.device)

    def gradients() -> list[tuple[torch.Tensor, ...]]:
        real = modes[torch.randint(MODES, (batch,), device=options.device)] + STD * normal(2)
        fake = gen(normal(latent))
        # One forward pass for both players, as on our side.
        real_logits, fake_logits = disc(real), disc(fake)
        disc_loss = (F.softplus(-real_logits) + F.softplus(fake_logits)).mean()
        gen_loss = F.softplus(-fake_logits).mean()
        return [
            torch.autograd.grad(gen_loss, players[0], retain_graph=True),
            torch.autograd.grad(disc_loss, players[1]),
        ]

    compute = torch.compile(gradients, mode=options.mode) if options.mode else gradients

    def step() -> None:
        for params, grads, optimizer in zip(players, compute(), optimizers, strict=True):
            for param, grad in zip(params, grads, strict=True):
                param.grad = grad
            optimizer.step()

    return step
