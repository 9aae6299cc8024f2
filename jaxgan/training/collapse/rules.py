"""What the watch knows: conditions on logged lines, what they mean, what to try."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from jaxgan.training.collapse.conditions import (
    GAP,
    Condition,
    History,
    bursts,
    either,
    every,
    rises,
    series,
    stays_above,
    stays_below,
    stuck_below,
    swings,
    vanishes,
)

DOCS = "docs/collapse.md"

SLACK = 2.0
"""How much easier it is for a warning to stay than to come."""

FIRST_STEP = 200
"""Lines of earlier steps do not count: any discriminator tells a fresh generator's examples."""


class Rule(NamedTuple):
    """One kind of trouble.

    Attributes:
      name: also of its section in the documentation.
      what: the likely cause, in a few words.
      holds: the condition.
      shows: what is said with its last value: a label, and the metric (`GAP` is made of two).
      advice: what to try.
    """

    name: str
    what: str
    holds: Condition
    shows: Mapping[str, str]
    advice: str


class Diagnosis(NamedTuple):
    """A warning.

    Attributes:
      name: the rule's.
      text: what is wrong, with numbers.
      numbers: those numbers, by label.
      advice: what to try.
      docs: where more is said.
    """

    name: str
    text: str
    numbers: dict[str, float]
    advice: str
    docs: str

    def __str__(self) -> str:
        return f"{self.text}; try {self.advice}; docs: {self.docs}"


def _explodes(player: str) -> Condition:
    name = f"{player}/grad_norm"
    return either(bursts(name, 300.0), stays_above(name, 1e4, num=3))


_DUEL = {
    GAP: GAP,
    "separation": "disc/separation",
    "loss slope": "disc/loss_slope",
    "generator gradient": "gen/grad_norm",
}

RULES: tuple[Rule, ...] = (
    Rule(
        "discriminator-wins",
        "the discriminator is winning",
        either(
            stays_below("disc/loss_slope", 0.02),
            # A small loss slope, and logits far apart, in their own spread or for a logistic loss.
            every(stays_below("disc/loss_slope", 0.06), stays_above("disc/separation", 5.0)),
            every(stays_below("disc/loss_slope", 0.15), stays_above(GAP, 15.0)),
        ),
        _DUEL,
        "R1 (penalties.r1) or more of it, a smaller learning rate of the discriminator, "
        "relativistic pairing, augmentation if the data are few",
    ),
    Rule(
        "discriminator-overfits",
        "the discriminator is now sure of the real examples: it memorizes them, or is too strong",
        every(rises("disc/real_sign", before=0.6, now=0.95), stays_below("disc/loss_slope", 0.1)),
        {"mean sign of real logits": "disc/real_sign", **_DUEL},
        "augmentation (augment: ada or diffaugment), more R1, penalties.lecam, a smaller "
        "discriminator, or the checkpoint before",
    ),
    Rule(
        "discriminator-loses",
        "the discriminator is fooled, and takes generated examples for real",
        stays_below("disc/separation", -0.5),
        _DUEL,
        "a larger learning rate of the discriminator or more of its updates "
        "(algorithm: alternating, n_critic), less of its penalties, a larger discriminator",
    ),
    Rule(
        "generator-starves",
        "the generator is no longer pulled anywhere",
        vanishes("gen/grad_norm", share=1e-4, floor=1e-8),
        {"generator gradient": "gen/grad_norm", **_DUEL},
        "another objective than minimax (non_saturating, relativistic), a weaker discriminator "
        "(R1, a smaller learning rate), leaky_relu where units may have died",
    ),
    Rule(
        "gradient-explodes",
        "gradients explode",
        either(_explodes("disc"), _explodes("gen")),
        {
            "discriminator gradient": "disc/grad_norm",
            "generator gradient": "gen/grad_norm",
            GAP: GAP,
        },
        "smaller learning rates, a gradient penalty or spectral norm (a Wasserstein critic needs "
        "one), nonfinite: rollback",
    ),
    Rule(
        "oscillation",
        "the players chase each other in circles",
        swings("disc/separation", reach=0.5, num_turns=4),
        _DUEL,
        "smaller learning rates, Adam with b1 of 0, R1 and R2, an averaged generator (ema), "
        "field: consensus, algorithm: extragradient",
    ),
    Rule(
        "mode-collapse",
        "the generator makes nearly the same of every latent",
        stuck_below("samples/spread", 0.2),
        {"spread of samples beside the data's": "samples/spread"},
        "relativistic pairing with R1 and R2, a larger batch, packing or minibatch: stddev in the "
        "discriminator, unrolled",
    ),
    Rule(
        "repeated-samples",
        "the generator repeats itself",
        stuck_below("samples/nearest", 0.1),
        {
            "distance to the nearest sample beside the data's": "samples/nearest",
            "spread": "samples/spread",
        },
        "relativistic pairing with R1 and R2, a larger batch, packing or minibatch: stddev in the "
        "discriminator, penalties.mode_seeking",
    ),
    Rule(
        "classes-missing",
        "the generator has lost classes, or modes, of the data",
        either(
            stays_above("eval/class_kl*", 0.5, num=2), stays_above("eval/reverse_kl", 0.5, num=2)
        ),
        {
            "divergence of the classes": "eval/class_kl*",
            "classes covered": "eval/classes_covered*",
            "divergence of the modes": "eval/reverse_kl",
            "modes covered": "eval/num_modes",
        },
        "relativistic pairing with R1 and R2, a larger batch, a conditional game (num_classes)",
    ),
    Rule(
        "skipped-steps",
        "many steps are not taken, since they would lose numbers",
        stays_above("skipped", 0.1),
        {"share of steps skipped": "skipped", "generator gradient": "gen/grad_norm"},
        "smaller learning rates, precision: float32, a gradient penalty",
    ),
)


def diagnose(history: History, standing: Collection[str] = ()) -> list[Diagnosis]:
    """What is wrong with a run, by the lines that it has logged.

    A pure function of them, from step `FIRST_STEP` on. A rule that stands is held to less than one
    that is new, by `SLACK`, so that a number at its limit does not come and go.

    Args:
      history: logged lines, the newest last: rows of `read_metrics`, of which it reads those
        metrics that it knows, and `step`. 512 lines are plenty.
      standing: names of the rules that held one line before.

    Returns:
      The warnings that hold, in the order of `RULES`.

    Example:
      >>> line = {"disc/real_out": 7.0, "disc/fake_out": -7.0, "disc/loss_slope": 1e-3}
      >>> (found,) = diagnose([{**line, "gen/grad_norm": 1e-7}] * 8)
      >>> found.name, found.text.partition(": ")[0]
      ('discriminator-wins', 'the discriminator is winning')
    """
    history = [line for line in history if line.get("step", FIRST_STEP) >= FIRST_STEP]
    # Lost numbers are no reason for a warning of NumPy's.
    with np.errstate(all="ignore"):
        return [
            _said(rule, history)
            for rule in RULES
            if rule.holds(history, SLACK if rule.name in standing else 1.0)
        ]


def _said(rule: Rule, history: History) -> Diagnosis:
    numbers = {}
    for label, metric in rule.shows.items():
        if len(values := series(history, metric)):
            numbers[label] = float(values[-1])
    shown = ", ".join(f"{label} {value:.2g}" for label, value in numbers.items())
    text = f"{rule.what}: {shown}" if shown else rule.what
    return Diagnosis(rule.name, text, numbers, rule.advice, f"{DOCS}#{rule.name}")
