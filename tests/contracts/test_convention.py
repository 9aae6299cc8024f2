"""One convention of calls: the object first, what is combined with it next, the rest by keyword."""

from __future__ import annotations

import ast
import doctest
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import jaxgan
from jaxgan import (
    algorithms,
    augment,
    auxiliary,
    fields,
    games,
    losses,
    optimizers,
    penalties,
    transforms,
)
from jaxgan.core import network

FIRST: dict[ModuleType, tuple[str, ...]] = {
    fields: ("field",),
    transforms: ("algorithm",),
    algorithms: ("field",),
    penalties: ("weight",),
    auxiliary: ("weight",),
    losses: (),
    optimizers: ("learning_rate",),
    augment: ("policy",),
}
"""What factories of a package take by position; those of `games` are all in the table below."""

OTHERS: dict[str, tuple[str, ...]] = {
    "algorithms.apply_updates": ("state", "grads"),
    "algorithms.flatten_metrics": ("metrics",),
    "algorithms.make_context": ("state",),
    "augment.adjustable": ("augment",),
    "augment.fixed": ("augment",),
    "auxiliary.infogan_latent": ("noise_dim",),
    "fields.gradient": ("game",),
    "games.ada": ("game",),
    "games.apa": ("game",),
    "games.augmented": ("game", "augment"),
    "games.augmented_at": ("game", "augment"),
    "games.autoencoder": ("encoder", "decoder"),
    "games.balanced": ("game", "penalty"),
    "games.bernoulli_likelihood": (),
    "games.bigan": ("gen", "encoder", "disc"),
    "games.bilinear": ("matrix",),
    "games.cyclegan": ("gens", "discs"),
    "games.dirac": ("loss",),
    "games.empty_pool": ("size",),
    "games.gan": ("gen", "disc"),
    "games.gaussian_likelihood": (),
    "games.gman": ("gen", "discs"),
    "games.implicit": ("game",),
    "games.infogan": ("gen", "disc"),
    "games.infogan_codes": ("noise_dim",),
    "games.instance_noise": ("game",),
    "games.logan": ("game",),
    "games.mad_gan": ("gens", "disc"),
    "games.make_phases": ("resolutions",),
    "games.matrix_game": ("first", "second"),
    "games.normal_latent": ("dim",),
    "games.pix2pix": ("gen", "disc"),
    "games.prisoners_dilemma": (),
    "games.progressive": ("gen", "disc"),
    "games.quadratic": ("gen_curvature", "coupling", "disc_curvature"),
    "games.super_resolution": ("gen", "disc"),
    "games.tandem": (),
    "games.translation": ("gen", "disc"),
    "games.unrolled": ("game",),
    "games.vae": ("encoder", "decoder"),
    "games.vae_gan": ("encoder", "decoder", "disc"),
    "games.with_penalty": ("game", "penalty"),
    "games.with_signals": ("game",),
    "losses.alpha_divergence": ("alpha",),
    "losses.as_loss": ("base",),
    "losses.f_gan": ("divergence",),
    "losses.feature_matching": ("base",),
    "losses.flip_labels": ("base",),
    "losses.over_outputs": ("base",),
    "losses.relativistic": ("base",),
    "losses.relativistic_average": ("base",),
    "losses.stateless": ("disc", "gen"),
    "losses.top_k": ("base",),
    "optimizers.clip_gradients": ("optimizer",),
    "optimizers.clip_weights": ("bound",),
    "optimizers.decay_weights": ("optimizer",),
    "optimizers.with_rates": ("optimizer",),
    "transforms.member_names": (),
    "transforms.pilot": ("make",),
    "transforms.points": (),
    "transforms.sweep": ("make",),
    "transforms.vectorized": ("make",),
    "penalties.balanced_consistency": ("augment",),
    "penalties.consistency": ("augment",),
}

ARITHMETIC = {
    "augment": {"color_matrix", "each", "geometric_matrix", "recolor", "resample"},
    "auxiliary": {
        *("categorical_bound", "cross_entropy", "cycle_consistency", "gaussian_bound"),
        *("identity", "l1", "l2"),
    },
    "fields": {"linearize", "off_diagonal", "shaping", "solve", "with_solver_metrics"},
    "games": {"gaussian_kl", "query", "signals", "sparsity_kl"},
    "losses": {"capped_exp", "logits", "with_logits"},
    "optimizers": {"hold_schedules", "init", "update"},
    "penalties": {"input_gradient", "norm", "squared_norm"},
    "transforms": {"all_finite", "averaged", "branch", "member"},
}
"""Functions of arrays, states and points: they make nothing that is played."""


def name_of(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def positional(function: Callable[..., Any]) -> tuple[str, ...]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds)


def factories() -> Iterator[tuple[ModuleType, str, Callable[..., Any]]]:
    for module in (*FIRST, games):
        for name in module.__all__:
            made = getattr(module, name)
            if inspect.isfunction(made) and name not in ARITHMETIC.get(name_of(module), ()):
                yield module, f"{name_of(module)}.{name}", made


@pytest.mark.parametrize(
    ("module", "name", "factory"), [pytest.param(*row, id=row[1]) for row in factories()]
)
def test_what_follows_the_object_goes_by_keyword(
    module: ModuleType, name: str, factory: Callable[..., Any]
) -> None:
    expected = OTHERS[name] if name in OTHERS else FIRST[module]
    assert positional(factory) == expected


def test_the_table_names_what_is_there_and_differs() -> None:
    found = {name: module for module, name, _ in factories()}
    assert set(OTHERS) <= set(found)
    assert not [n for n, row in OTHERS.items() if FIRST.get(found[n]) == row]
    for name, names in ARITHMETIC.items():
        assert names <= set(getattr(jaxgan, name).__all__)


def test_maps_of_networks_too() -> None:
    assert positional(network.packed) == positional(network.remat) == ("network",)


PACKAGE = Path(jaxgan.__file__).parent
PLAYED = ("core", "losses", "penalties", "auxiliary", "augment", "games", "fields", "algorithms")
SOURCES = [path for part in (*PLAYED, "transforms") for path in (PACKAGE / part).glob("*.py")]
TREES = {path: ast.parse(path.read_text()) for path in [*SOURCES, PACKAGE / "optimizers.py"]}


def test_what_draws_takes_its_key_first() -> None:
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
                assert "key" not in names[1:], f"{path.name}: {node.name}"


BY_KEYWORD = (
    *("Network", "Styles", "Loss", "Term", "View", "Game", "Field", "Linearized", "Algorithm"),
    *("TrainState", "Phases", "Source", "DeviceSource", "Extractor", "Distance", "Manifest"),
)
CONTRACTS: dict[str, int] = {**dict.fromkeys(BY_KEYWORD, 0), "Context": 1, "Penalty": 1}
"""How many arguments a contract takes by position where it is built."""


def built_by_position(tree: ast.AST) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and len(node.args) > CONTRACTS.get(ast.unparse(node.func).rpartition(".")[2], 99)
    ]


def examples(text: str) -> ast.AST:
    """What the doctests of a text run."""
    return ast.parse("".join(one.source for one in doctest.DocTestParser().get_examples(text)))


def docstrings(tree: ast.AST) -> list[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [ast.get_docstring(n) or "" for n in ast.walk(tree) if isinstance(n, kinds)]


def test_contracts_are_built_by_keyword() -> None:
    folders = [PACKAGE.parent / part for part in ("jaxgan", "tests", "experiments")]
    built = {}
    for path in [path for folder in folders for path in folder.rglob("*.py")]:
        tree = ast.parse(path.read_text())
        trees = [tree, *map(examples, docstrings(tree))]
        built[path] = [found for one in trees for found in built_by_position(one)]
    for path in (PACKAGE.parent / "docs").rglob("*.md"):
        built[path] = built_by_position(examples(path.read_text()))
    assert not {path.name: found for path, found in built.items() if found}


def test_the_check_of_contracts_checks() -> None:
    tree = ast.parse("a = Field(game, init, apply)\nb = core.Context(key, 3)\nc = Context(key)")
    assert built_by_position(tree) == ["Field(game, init, apply)", "core.Context(key, 3)"]
