"""CycleGAN: two domains translated into each other, without pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import jax.numpy as jnp

from jaxgan.auxiliary import cycle_consistency
from jaxgan.auxiliary import identity as kept
from jaxgan.core.checks import check_scalar, is_zero
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.network import Network, detached_of
from jaxgan.core.schedules import at
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, ScalarOrSchedule, Scene
from jaxgan.games.pool import empty_pool, pool_draws, query
from jaxgan.games.translation import flat_logits
from jaxgan.losses import Loss, least_squares

DOMAINS = ("image", "source")
MAKER = {"image": "forward", "source": "backward"}
"""Which generator makes the images of a domain."""
OTHER = {"image": "source", "source": "image"}


def cyclegan(
    gens: Mapping[str, Network],
    discs: Mapping[str, Network],
    *,
    shapes: Mapping[str, tuple[int, ...]],
    loss: Loss | None = None,
    cycle_weight: ScalarOrSchedule = 10.0,
    identity_weight: ScalarOrSchedule = 0.5,
    adversarial_weight: ScalarOrSchedule = 2.0,
    pool_size: int = 50,
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
    _check(weights, pool_size, shapes)
    has_identity = not is_zero(identity_weight)

    def init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        made = {name: net.init(stream(key, f"init/gen/{name}")) for name, net in gens.items()}
        judge = {name: net.init(stream(key, f"init/disc/{name}")) for name, net in discs.items()}
        params = {
            "gen": {name: params for name, (params, _) in made.items()},
            "disc": {name: params for name, (params, _) in judge.items()},
        }
        disc_state: PyTree = {
            "network": {name: state for name, (_, state) in judge.items()},
            "loss": objective.init(),
        }
        if pool_size:
            disc_state["pool"] = {name: empty_pool(pool_size, shapes[name]) for name in DOMAINS}
        gen_state = {"network": {name: state for name, (_, state) in made.items()}}
        return params, {"gen": gen_state, "disc": disc_state}

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        if "source" not in batch:
            raise ValueError("cyclegan needs 'source' in the data, such as unpaired:DIR_A,DIR_B")
        states = dict(net_state["gen"]["network"])

        def translate(images: Mapping[str, Array], what: str) -> dict[str, Array]:
            """Images of each domain, made of those given for it."""
            made = {}
            for domain in DOMAINS:
                name = MAKER[domain]
                made[domain], states[name] = gens[name].apply(
                    params["gen"][name],
                    states[name],
                    images[domain],
                    train=context.train,
                    key=context.part_stream(f"gen/noise/{what}/{name}"),
                )
                if made[domain].shape[1:] != tuple(shapes[domain]):
                    raise ValueError(
                        f"{name} makes images of shape {made[domain].shape[1:]}; "
                        f"those of {domain!r} have shape {tuple(shapes[domain])}"
                    )
            return made

        real = {domain: batch[domain] for domain in DOMAINS}
        fake = translate({d: real[OTHER[d]] for d in DOMAINS}, "fake")
        cycle = translate({d: fake[OTHER[d]] for d in DOMAINS}, "cycle")
        rest = {name: entry for name, entry in batch.items() if name not in DOMAINS}
        scene: Scene = {**rest, "real": real, "fake": fake, "cycle": cycle}
        if has_identity:
            scene["identity"] = translate(real, "identity")
        gen_state = {**net_state["gen"], "network": states}
        return scene, {**net_state, "gen": gen_state}

    def discriminate(
        params: PlayerTree, states: PyTree, images: Mapping[str, Array], context: Context, what: str
    ) -> tuple[dict[str, PyTree], PyTree]:
        outs, states = {}, dict(states)
        for domain in DOMAINS:
            outs[domain], states[domain] = discs[domain].apply(
                params["disc"][domain],
                states[domain],
                images[domain],
                train=context.train,
                key=context.part_stream(f"disc/noise/{what}/{domain}"),
            )
            outs[domain] = flat_logits(outs[domain])
        return outs, states

    def judged(
        scene: Scene, own: PyTree, context: Context
    ) -> tuple[dict[str, Array], dict[str, PyTree]]:
        """What the critics see in place of the newest images, and the pools after that."""
        seen, pools = {}, {}
        for domain in DOMAINS:
            fake = scene["fake"][domain]
            draws = context.draw(f"pool/{domain}", pool_draws, (len(fake),))
            seen[domain], pools[domain] = query(own["pool"][domain], fake, draws)
        return seen, pools

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        own = dict(net_state["disc"])
        real, states = discriminate(params, own["network"], scene["real"], context, "real")
        fake, after = discriminate(params, states, scene["fake"], context, "fake")
        past = fake
        if pool_size:
            seen, own["pool"] = judged(scene, own, context)
            past, after = discriminate(params, states, seen, context, "past")
        state = own["loss"]
        adversarial = _both(objective.gen(real[d], fake[d], state, context) for d in DOMAINS)
        values = {}
        for domain in DOMAINS:
            values[domain], state = objective.disc(real[domain], past[domain], state, context)
        gen_value, gen_metrics = _generators(scene, adversarial, weights, context)
        outputs = {"real": _joined(real), "fake": _joined(fake)}
        disc_metrics = {
            "real_out": jnp.mean(outputs["real"]),
            "fake_out": jnp.mean(outputs["fake"]),
            **(state if isinstance(state, dict) else {}),
        }
        new_state = {**net_state, "disc": {**own, "network": after, "loss": state}}
        metrics = {"gen": gen_metrics, "disc": disc_metrics}
        disc_value = _both(values.values())
        return {"gen": gen_value, "disc": disc_value}, (new_state, metrics, outputs)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> PyTree:
        states = net_state["disc"]["network"]
        return _joined(discriminate(params, states, inputs, context, "real")[0])

    networks = (*gens.values(), *discs.values())
    couples = pool_size > 0 or any(network.couples_batch for network in networks)
    return Game(
        init,
        generate,
        losses,
        critic,
        couples or objective.couples_batch,
        detached=detached_of(*networks),
    )


def _generators(
    scene: Scene, adversarial: Array, weights: Mapping[str, ScalarOrSchedule], context: Context
) -> tuple[Array, dict[str, Array]]:
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
    return loss, metrics


def _both(values: Iterable[Array]) -> Array:
    """The sum over the domains of the means over examples."""
    first, second = (jnp.mean(each) for each in values)
    return first + second


def _joined(outs: Mapping[str, PyTree]) -> Array:
    return jnp.concatenate([logits_of(outs[domain]) for domain in DOMAINS])


def _check(
    weights: Mapping[str, ScalarOrSchedule], pool_size: int, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    for name, weight in weights.items():
        check_scalar(name, weight, at_least=0)
    if pool_size < 0:
        raise ValueError(f"pool_size is {pool_size}; it must be at least 0")
    identity = weights["identity_weight"]
    if not is_zero(identity) and tuple(shapes["image"]) != tuple(shapes["source"]):
        raise ValueError(
            f"identity_weight is not 0, but images have shape {tuple(shapes['image'])} and sources "
            f"{tuple(shapes['source'])}; it needs one shape"
        )
