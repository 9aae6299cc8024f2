"""CycleGAN: two domains translated into each other, without pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxgan.auxiliary import cycle_consistency
from jaxgan.auxiliary import identity as kept
from jaxgan.core.checks import is_zero
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import Count, NonNegativeSchedule, OptionalWidth, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import (
    Array,
    Batch,
    Key,
    Metrics,
    NetState,
    Params,
    PlayerTree,
    PyTree,
    ScalarOrSchedule,
    Scene,
)
from jaxgan.games._adversarial import (
    DiscLoss,
    DiscLosses,
    disc_loss,
    disc_metrics,
    gen_loss,
    loss_terms,
    with_terms_logged,
)
from jaxgan.games._pool import Pool, empty_pool, pool_draws, query
from jaxgan.games._translation import flat_logits
from jaxgan.losses import Loss, least_squares

DOMAINS = ("image", "source")
MAKER = {"image": "forward", "source": "backward"}
"""Which generator makes the images of a domain."""
OTHER = {"image": "source", "source": "image"}


@checked
def cyclegan(
    gens: Mapping[str, Network],
    discs: Mapping[str, Network],
    *,
    shapes: Mapping[str, tuple[Count, ...]],
    loss: Loss | None = None,
    cycle_weight: NonNegativeSchedule = 10.0,
    identity_weight: NonNegativeSchedule = 0.5,
    adversarial_weight: NonNegativeSchedule = 2.0,
    pool_size: OptionalWidth = 50,
) -> Game:
    """The game of CycleGAN: G from source to image, F back, and a critic of each domain.

    The losses are::

        L_gen = Σ_domains w E[loss.gen] + λ (E[c(x, F(G(x)))] + E[c(y, G(F(y)))])
                + ι λ (E[c(y, G(y))] + E[c(x, F(x))]),
        L_disc = E[loss.disc(D_Y(y), D_Y(G(x)*))] + E[loss.disc(D_X(x), D_X(F(y)*))]

    with x the batch's `source`, y its `image`, c the mean absolute difference and * an image out of
    the pool of past ones, see `query`. The pools are in the discriminators' state, one for each
    domain, and change in the discriminators' own updates only.

    The scene has dicts by domain: `real` {"image": y, "source": x}, `fake` {"image": G(x),
    "source": F(y)}, `cycle` {"image": G(F(y)), "source": F(G(x))} and, if asked for, `identity`
    {"image": G(y), "source": F(x)}. `critic` takes such a dict and returns the logits of both
    critics, one after the other, with a row for every patch; so are `outputs`, of the newest
    images.

    Args:
      gens: `forward`: source -> image, and `backward`: image -> source.
      discs: `image` and `source`, each of its domain's images -> logits [B, h, w] or [B].
      shapes: of one example of each domain, `image` and `source`.
      loss: an adversarial objective; least squares by default.
      cycle_weight: λ.
      identity_weight: ι, in units of λ; 0 for none. The paper has ½ where colours should stay.
      adversarial_weight: w. `least_squares` has a half in the generator's loss, which the paper has
        not: 2 is the paper's balance, and 1 is for other objectives.
      pool_size: past images of each domain; 0 for none.

    Returns:
      A `Game` with players `gen` and `disc`, which couples the examples of a batch where there is a
      pool.

    Raises:
      ValueError: if a weight or the pool's size is negative, the identity is asked for between
        domains of different shapes or, when played, the data have no `source` or shapes do not fit.

    Example:
      >>> import jax
      >>> import flax.linen as nn
      >>> from jaxgan.models.adapters import from_linen
      >>> x = jnp.zeros((1, 8, 8, 1))
      >>> gens = {name: from_linen(nn.Dense(1), x) for name in ("forward", "backward")}
      >>> discs = {name: from_linen(nn.Dense(1), x) for name in ("image", "source")}
      >>> game = cyclegan(gens, discs, shapes={"image": (8, 8, 1), "source": (8, 8, 1)})
      >>> params, net_state = game.init(jax.random.key(0))
      >>> sorted(params["gen"]), sorted(params["disc"]), sorted(net_state["disc"]["pool"])
      (['backward', 'forward'], ['image', 'source'], ['image', 'source'])

    References:
      Zhu et al., 2017 (arXiv:1703.10593), eq. 1 to 3 and section 4; identity: section 5.2.
    """
    objective = least_squares() if loss is None else loss
    weights = {
        "adversarial_weight": adversarial_weight,
        "cycle_weight": cycle_weight,
        "identity_weight": identity_weight,
    }
    if not is_zero(identity_weight) and tuple(shapes["image"]) != tuple(shapes["source"]):
        raise ValueError(
            f"identity_weight is not 0, but images have shape {tuple(shapes['image'])} and sources "
            f"{tuple(shapes['source'])}; it needs one shape"
        )
    game = _CycleGan(
        gens=gens,
        discs=discs,
        shapes=shapes,
        objective=objective,
        weights=weights,
        pool_size=pool_size,
    )
    networks = (*gens.values(), *discs.values())
    couples = pool_size > 0 or any(network.couples_batch for network in networks)
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=game.critic,
        couples_batch=couples or objective.couples_batch,
        terms=loss_terms(objective),
        detached=detached_of(*networks),
    )


@dataclass(frozen=True, eq=False)
class _CycleGan:
    gens: Mapping[str, Network]
    discs: Mapping[str, Network]
    shapes: Mapping[str, tuple[int, ...]]
    objective: Loss
    weights: Mapping[str, ScalarOrSchedule]
    pool_size: int

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        gens, gen_states = _init(self.gens, key, "init/gen")
        discs, disc_states = _init(self.discs, key, "init/disc")
        disc: NetState = {"network": disc_states, "loss": self.objective.init()}
        if self.pool_size:
            disc["pool"] = {d: empty_pool(self.pool_size, shape=self.shapes[d]) for d in DOMAINS}
        return {"gen": gens, "disc": discs}, {"gen": {"network": gen_states}, "disc": disc}

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        if "source" not in batch:
            raise ValueError("cyclegan needs 'source' in the data, such as unpaired:DIR_A,DIR_B")
        states = dict(net_state["gen"]["network"])

        def translate(images: Mapping[str, Array], what: str) -> dict[str, Array]:
            """Images of each domain, made of those given for it."""
            made = {}
            for domain in DOMAINS:
                name = MAKER[domain]
                key = context.part_stream(f"gen/noise/{what}/{name}")
                made[domain], states[name] = self.gens[name].apply(
                    params["gen"][name], states[name], images[domain], train=context.train, key=key
                )
                found, wanted = made[domain].shape[1:], batch[domain].shape[1:]
                if found != wanted:
                    raise ValueError(
                        f"{name} makes images of shape {found}; "
                        f"those of {domain!r} have shape {wanted}"
                    )
            return made

        real = {domain: batch[domain] for domain in DOMAINS}
        fake = translate({d: real[OTHER[d]] for d in DOMAINS}, "fake")
        cycle = translate({d: fake[OTHER[d]] for d in DOMAINS}, "cycle")
        rest = {name: entry for name, entry in batch.items() if name not in DOMAINS}
        scene: Scene = {**rest, "real": real, "fake": fake, "cycle": cycle}
        if not is_zero(self.weights["identity_weight"]):
            scene["identity"] = translate(real, "identity")
        gen_state = {**net_state["gen"], "network": states}
        return scene, {**net_state, "gen": gen_state}

    def discriminate(
        self,
        params: PlayerTree,
        states: NetState,
        images: Mapping[str, Array],
        context: Context,
        what: str,
    ) -> tuple[dict[str, PyTree], NetState]:
        outs, states = {}, dict(states)
        for domain in DOMAINS:
            key, own = context.part_stream(f"disc/noise/{what}/{domain}"), params["disc"][domain]
            out, states[domain] = self.discs[domain].apply(
                own, states[domain], images[domain], train=context.train, key=key
            )
            outs[domain] = flat_logits(out)
        return outs, states

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        own, start = dict(net_state["disc"]), net_state["disc"]["loss"]
        real, states = self.discriminate(params, own["network"], scene["real"], context, "real")
        fake, own["network"] = self.discriminate(params, states, scene["fake"], context, "fake")
        past = fake
        if self.pool_size:
            seen, own["pool"] = _shown(own["pool"], scene["fake"], context)
            past, own["network"] = self.discriminate(params, states, seen, context, "past")
        made = [gen_loss(self.objective, real[d], fake[d], start, context) for d in DOMAINS]
        adversarial, of_terms = made[0][0] + made[1][0], _summed(terms for _, terms in made)
        found = {}
        for d in DOMAINS:
            found[d] = disc_loss(self.objective, real[d], past[d], own["loss"], context)
            own["loss"] = found[d].state
        loss, gen_metrics = _generators(scene, adversarial, of_terms, self.weights, context)
        outputs = {"real": _joined(real), "fake": _joined(fake)}
        terms = _summed(each.terms for each in found.values())
        disc = DiscLosses(
            loss=found["image"].loss + found["source"].loss,
            outputs={**outputs, "slopes": _mean_slopes(found)},
            state=own,
            metrics=with_terms_logged(disc_metrics(outputs, own["loss"]), terms),
        )
        return disc.joined(net_state, {"gen": loss}, {"gen": gen_metrics})

    def critic(
        self,
        params: PlayerTree,
        net_state: PlayerTree,
        inputs: PyTree,
        scene: Scene,
        context: Context,
    ) -> PyTree:
        states = net_state["disc"]["network"]
        return _joined(self.discriminate(params, states, inputs, context, "real")[0])


def _init(networks: Mapping[str, Network], key: Key, name: str) -> tuple[Params, NetState]:
    made = {each: network.init(stream(key, f"{name}/{each}")) for each, network in networks.items()}
    params = {each: own for each, (own, _) in made.items()}
    return params, {each: state for each, (_, state) in made.items()}


def _shown(
    pools: Mapping[str, Pool], fake: Mapping[str, Array], context: Context
) -> tuple[dict[str, Array], dict[str, Pool]]:
    """What the critics see in place of the newest images, and the pools after that."""
    seen, after = {}, {}
    for domain in DOMAINS:
        draws = context.draw(f"pool/{domain}", pool_draws, (len(fake[domain]),))
        seen[domain], after[domain] = query(pools[domain], fake[domain], draws)
    return seen, after


def _mean_slopes(found: Mapping[str, DiscLoss]) -> dict[str, PyTree]:
    """The slopes of the mean of both domains' losses, at the logits of both."""
    joined = {
        kind: _joined({domain: found[domain].slopes[kind] for domain in DOMAINS})
        for kind in ("real", "fake")
    }
    return {kind: jax.tree.map(lambda x: 0.5 * x, each) for kind, each in joined.items()}


def _summed(terms: Iterable[Metrics]) -> Metrics:
    first, second = terms
    return {name: first[name] + second[name] for name in first}


def _generators(
    scene: Scene,
    adversarial: Array,
    terms: Metrics,
    weights: Mapping[str, ScalarOrSchedule],
    context: Context,
) -> tuple[Array, Metrics]:
    """The generators' loss, and of each of its parts the mean over both domains."""

    def weighted(name: str, value: Array) -> Array:
        return jnp.asarray(at(weights[name], context.step), value.dtype) * value

    real = scene["real"]
    cycle = _both(cycle_consistency(real[d], scene["cycle"][d]) for d in DOMAINS)
    penalty = cycle
    metrics = {"adversarial": adversarial / 2, "cycle": cycle / 2}
    if "identity" in scene:
        same = _both(kept(real[d], scene["identity"][d]) for d in DOMAINS)
        penalty = cycle + weighted("identity_weight", same)
        metrics["identity"] = same / 2
    loss = weighted("adversarial_weight", adversarial) + weighted("cycle_weight", penalty)
    of_terms = {name: weighted("adversarial_weight", value) for name, value in terms.items()}
    return loss, with_terms_logged(metrics, of_terms)


def _both(values: Iterable[Array]) -> Array:
    """The sum over the domains of the means over examples."""
    first, second = (jnp.mean(each) for each in values)
    return first + second


def _joined(outs: Mapping[str, PyTree]) -> PyTree:
    both = [logits_of(outs[domain]) for domain in DOMAINS]
    return jax.tree.map(lambda *each: jnp.concatenate([x.reshape(-1) for x in each]), *both)
