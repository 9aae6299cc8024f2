"""The per-replica mode: the same pull as the global batch where losses are means over examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, distributed, fields, optimizers, penalties
from jaxgan.fields import Field, gradient
from tests import helpers

NUM_REPLICAS = 4
Make = Callable[[Game], Game]
Build = Callable[[Make], Field]
PENALTY = penalties.r1(weight=0.5) + penalties.r2(weight=0.5, every=2)


def gan(penalty: Any = None) -> Game:
    return helpers.mlp_gan(penalty=penalty)


# Every row builds a field of a game; `split` puts the replicas innermost, or nothing.
FIELDS: dict[str, Build] = {
    "gradient": lambda split: gradient(split(gan())),
    "penalties inside": lambda split: gradient(split(gan(PENALTY))),
    "penalties outside": lambda split: gradient(jaxgan.with_penalty(split(gan()), PENALTY)),
    "consensus": lambda split: fields.consensus(gradient(split(gan())), gamma=1.0),
    "unrolled": lambda split: gradient(jaxgan.unrolled(split(gan()), num_steps=3)),
    "unrolled, penalties": lambda split: gradient(
        jaxgan.unrolled(split(gan(PENALTY)), num_steps=2)
    ),
    "unrolled, first order": lambda split: gradient(
        jaxgan.unrolled(split(gan()), num_steps=3, mode="first_order")
    ),
    "consensus of unrolled": lambda split: fields.consensus(
        gradient(jaxgan.unrolled(split(gan()), num_steps=2)), gamma=1.0
    ),
    "microbatch": lambda split: fields.microbatch(gradient(split(gan())), num_parts=2),
}


def pull(field: Field) -> Any:
    """The field's pull after one update of each player, all on a mesh."""
    mesh = distributed.make_mesh(NUM_REPLICAS)
    whole = distributed.replicated(mesh)
    params, net_state = field.game.init(jax.random.key(0))
    optimizer = optimizers.sgd(0.1)
    context = Context(
        jax.random.key(1),
        step=jnp.int32(2),
        updates=dict.fromkeys(params, jnp.int32(2)),
        opt_state={player: optimizer.init(params[player]) for player in params},
        optimizers=tuple((player, optimizer) for player in params),
    )
    batch = jax.device_put(helpers.real_batch(), distributed.batch_sharding(mesh))
    apply = jax.jit(field.apply, out_shardings=whole)
    memory = field.init(params)
    return jax.device_get(apply(params, memory, net_state, batch, context)[::2])


SLOW = ["penalties inside", "unrolled, penalties", "unrolled, first order", "consensus of unrolled"]


@pytest.mark.parametrize("name", helpers.rows(FIELDS, SLOW))
def test_equals_the_global_batch(name: str) -> None:
    mesh = distributed.make_mesh(NUM_REPLICAS)
    globally = pull(FIELDS[name](lambda game: game))
    per_replica = pull(FIELDS[name](lambda game: distributed.replica_mean(game, mesh=mesh)))
    assert jax.tree.structure(globally) == jax.tree.structure(per_replica)
    assert helpers.max_difference(globally, per_replica) < 1e-5
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(globally[0])) > 1e-3


def test_batch_norm_is_that_of_each_replica() -> None:
    game = helpers.mlp_gan(gen_batch_norm=True, disc_batch_norm=True)
    params, net_state = game.init(jax.random.key(0))
    batch, key = helpers.real_batch(), jax.random.key(1)

    def evaluate(game: Game, batch: Any, context: Context) -> Any:
        scene, new_state = game.generate(params, net_state, batch, context)
        values, (new_state, metrics, _) = game.losses(params, new_state, scene, context)
        return values, new_state, metrics

    split = distributed.replica_mean(game, mesh=distributed.make_mesh(NUM_REPLICAS))
    found = jax.jit(lambda batch: evaluate(split, batch, Context(key)))(batch)
    parts = jnp.reshape(batch["image"], (NUM_REPLICAS, -1, helpers.DIM))
    each = [
        evaluate(game, {"image": x}, Context(key, part=jnp.int32(i), num_parts=NUM_REPLICAS))
        for i, x in enumerate(parts)
    ]
    expected = jax.tree.map(lambda *xs: sum(xs) / NUM_REPLICAS, *each)
    assert helpers.max_difference(found, expected) < 1e-6
    whole = evaluate(game, batch, Context(key))
    assert helpers.max_difference(found[0], whole[0]) > 1e-3


@pytest.mark.slow
def test_a_run_of_several_seeds() -> None:
    mesh = distributed.make_mesh(NUM_REPLICAS)
    ends = []
    for game in (gan(), distributed.replica_mean(gan(), mesh=mesh)):
        one = jaxgan.simultaneous(gradient(game), optimizers=helpers.adams())
        algorithm = jaxgan.seeds(one, num_seeds=2)
        state = algorithm.init(jax.random.key(0))
        step = distributed.jit_step(algorithm, mesh, distributed.state_shardings(state, mesh))
        for index in range(3):
            batch = helpers.real_batch(algorithm.num_batches, seed=index)
            state, metrics = step(state, jax.device_put(batch, distributed.batch_sharding(mesh)))
        ends.append(helpers.plain((state, metrics)))
    assert helpers.max_difference(*ends) < 1e-5


def test_what_cannot_be_exact_is_refused() -> None:
    mesh = distributed.make_mesh(NUM_REPLICAS)
    with pytest.raises(
        ValueError, match=r"looks ahead.*unrolled\(replica_mean\(game, mesh=mesh\)\)"
    ):
        distributed.replica_mean(jaxgan.unrolled(gan(), num_steps=1), mesh=mesh)
    with pytest.raises(ValueError, match=r"mesh\.model is 2; a replica has all parameters"):
        distributed.replica_mean(gan(), mesh=distributed.make_mesh(NUM_REPLICAS, model=2))
    odd = {"image": helpers.real_batch()["image"][:6]}
    split = distributed.replica_mean(gan(), mesh=mesh)
    params, net_state = split.init(jax.random.key(0))
    with pytest.raises(ValueError, match="divisible"):
        split.generate(params, net_state, odd, Context(jax.random.key(0)))
