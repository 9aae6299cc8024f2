"""LeCam regularisation: anchors of what the discriminator used to say."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.derivatives import held
from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, Decay, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PlayerTree, PyTree
from jaxgan.penalties._averages import moved, zero


@checked
def lecam(weight: NonNegativeSchedule = 0.3, *, every: Count = 1, decay: Decay = 0.99) -> Penalty:
    """LeCam: real logits stay near what generated ones used to be, and the other way round.

    λ (E_x[(D(x) - α_F)²] + E_z[(D(G(z)) - α_R)²]) with the anchors α_R and α_F exponential moving
    averages of the real and the fake logits, those of this batch included, and held constant in the
    gradient. For data so few that the discriminator remembers them. With a Wasserstein objective it
    makes the generator minimise a LeCam divergence.

    The authors' code penalises only what is on the far side, max(0, D(x) - α_F)² and
    max(0, α_R - D(G(z)))²; in one version it starts after 1,000 updates, in another it corrects the
    averages for their start at zero. Here they start at zero and are as they are.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ; the anchors move in those only.
      decay: of the averages, per update.

    Returns:
      A `Penalty` for the discriminator, which remembers `{"real": α_R, "fake": α_F}` and couples
      the examples of a batch.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or the decay is
        outside [0, 1).

    Example:
      >>> outputs = {"real": jnp.ones(2), "fake": jnp.full(2, -1.0)}
      >>> view = View(params={}, discriminator=abs, scene={}, context=None, outputs=outputs)
      >>> term = lecam(decay=0.5).terms[0]
      >>> values, state = term.values(view, term.init({}))
      >>> values.tolist(), {name: float(anchor) for name, anchor in state.items()}
      ([4.5, 4.5], {'real': 0.5, 'fake': -0.5})

    References:
      Tseng et al., 2021 (arXiv:2104.03310).
    """

    def init(params: PlayerTree) -> PyTree:
        return {which: zero(params) for which in ("real", "fake")}

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        real, fake = (view.head(which, "logits", "lecam") for which in ("real", "fake"))
        anchors = {
            "real": moved(state["real"], jnp.mean(real), 1.0 - decay),
            "fake": moved(state["fake"], jnp.mean(fake), 1.0 - decay),
        }
        fixed = held(anchors, view.params)
        to_fake = real - fixed["fake"].astype(real.dtype)
        to_real = fake - fixed["real"].astype(fake.dtype)
        return to_fake**2 + to_real**2, anchors

    return Penalty(
        (
            Term(
                name="lecam",
                values=values,
                weight=weight,
                every=every,
                init=init,
                couples_batch=True,
            ),
        )
    )
