"""What flags and paths mean before anything is built."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import Algorithm, Context, Field, Game, fields
from jaxgan.cli.program import Parser
from jaxgan.config import build
from jaxgan.config.base import Config, differences, load_config, override
from jaxgan.config.games import has_normal_latents
from jaxgan.config.networks.translation import unet
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from jaxgan.core.typing import PlayerTree
from jaxgan.data import open_source
from jaxgan.files.atomic import replacing
from tests import helpers

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("pix2pix", "paired:a"),
        ("cyclegan", "unpaired:a,b"),
        ("super_resolution", "super_resolution:a"),
        ("pix2pix", "unpaired_digits"),
        ("digits", "npz:a.npz"),
    ],
)
def test_other_data_leave_out_what_the_file_says_of_its_own(name: str, source: str) -> None:
    own = resolve(load_config(f"{CONFIGS / name}.py:smoke"))["data"]
    config = resolve(load_config(f"{CONFIGS / name}.py:smoke", [f"--config.data.source={source}"]))
    is_alike = source.endswith("digits")
    assert config["data"] == {"source": source} | ({"task": own["task"]} if is_alike else {})


def test_what_fits_the_other_data_stays_and_so_does_what_was_asked_for() -> None:
    def data(*flags: str) -> Any:
        return load_config(f"{CONFIGS}/pix2pix.py", [f"--config.data.{flag}" for flag in flags])[
            "data"
        ]

    assert data("source=folder:a") == {"source": "folder:a", "image_size": 64}
    asked = data("source=folder:a", "jitter=True")
    assert asked == {"source": "folder:a", "image_size": 64, "jitter": True}
    unknown = data("source=nothing")  # whoever opens it says so
    assert unknown == {**data(), "source": "nothing"}


def test_none_is_none_as_the_docs_have_it() -> None:
    flags = ["--config.data.image_size=none", "--config.data.num_labels=none"]
    data = resolve(load_config(f"{CONFIGS}/digits.py:smoke", flags))["data"]
    assert data == {"source": "digits", "image_size": None, "num_labels": None}
    assert open_source(data.pop("source"), **data).num_examples == 1797


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home" / "a").mkdir(parents=True)
    Image.new("RGB", (8, 4)).save(tmp_path / "home" / "a" / "1.png")
    np.savez(tmp_path / "home" / "own.npz", points=np.zeros((3, 2)))
    return tmp_path / "home"


def test_a_tilde_is_home_wherever_a_path_is_taken(home: Path) -> None:
    parser = Parser()
    inner = parser.add_subparsers().add_parser("sample")
    inner.add_argument("--out", type=Path)
    assert parser.parse_args(["sample", "--out=~/x.png"]).out == home / "x.png"
    assert parser.parse_args(["sample", "--out=~nobody-here/x"]).out == Path("~nobody-here/x")
    (home / "c.py").write_text("def get_config(arg): return {'seed': 3}")
    assert load_config("~/c.py") == {"seed": 3}
    for spec in ("folder:~/a", "npz:~/own.npz", "paired:~/a", "super_resolution:~/a,~/a"):
        options = {} if spec.startswith(("folder", "npz")) else {"image_size": 4}
        assert open_source(spec, **options).num_examples in (1, 3)
    assert not Path("~").exists()


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "samples.npz"
    with pytest.raises(OSError, match=r"File too large: '.*samples\.npz'"), replacing(path):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    assert not list(tmp_path.iterdir())


def test_a_size_that_a_network_cannot_halve_is_told_as_a_size() -> None:
    with pytest.raises(ConfigError, match=r"data.image_size: images of 50x50 .* multiples of 4"):
        unet((50, 50, 3), (50, 50, 3))


SGD = {"name": "sgd", "learning_rate": 0.1}


def fields_of(field: Any) -> Any:
    return resolve({"field": field, "optimizer": {"gen": SGD, "disc": SGD}})["field"]


def test_fields_are_a_list_however_they_are_written() -> None:
    one = {"name": "consensus", "gamma": 2.0, "norms": None}
    assert fields_of(one) == fields_of([one]) == fields_of({"consensus": {"gamma": 2.0}}) == [one]
    assert fields_of(None) == fields_of("gradient") == fields_of({"name": "gradient"}) == []
    two = fields_of(["symplectic", {"name": "consensus", "gamma": 2.0}])
    assert [entry["name"] for entry in two] == ["symplectic", "consensus"]
    assert two[1] == one
    assert fields_of(two) == two


def test_fields_are_applied_in_order() -> None:
    def pull(names: Sequence[str], of: Callable[[Config, Game], Field]) -> PlayerTree:
        config = {"generator": "mlp", "discriminator": "mlp", "field": list(names)}
        config = resolve({**config, "optimizer": {"gen": SGD, "disc": SGD}})
        game = build.build_game(config, {"image": jax.ShapeDtypeStruct((2,), "float32")})
        (params, net_state), field = game.init(jax.random.key(0)), of(config, game)
        batch, context = {"image": jnp.ones((4, 2))}, Context(jax.random.key(1))
        return field.apply(params, field.init(params), net_state, batch, context)[0]

    def by_hand(config: Config, game: Game) -> Field:
        return fields.consensus(fields.symplectic(fields.gradient(game)))

    found = pull(["symplectic", "consensus"], build.build_field)
    chex.assert_trees_all_equal(found, pull([], by_hand))
    other = pull(["consensus", "symplectic"], build.build_field)
    assert helpers.max_difference(found, other) > 1e-3


def test_a_flag_names_an_entry_of_a_list() -> None:
    both = {"field": [{"name": "symplectic"}, {"name": "consensus", "gamma": 1.0}]}
    changed = override(both, "field.consensus.gamma", "2")
    assert changed == {"field": [{"name": "symplectic"}, {"name": "consensus", "gamma": 2}]}
    assert override(both, "field.lola.alpha", "1")["field"][2] == {"name": "lola", "alpha": 1}
    for field in ("consensus", {"name": "consensus"}, ["consensus"]):
        one = override({"field": field}, "field.consensus.gamma", "2")["field"]
        assert fields_of(one)[0]["gamma"] == 2
    assert fields_of(override({}, "field.consensus.gamma", "2")["field"])[0]["gamma"] == 2
    with pytest.raises(ConfigError, match=r"field\.lola: 2 entries have that name"):
        override({"field": ["lola", "lola"]}, "field.lola.alpha", "1")


def test_transforms_are_applied_in_order_before_the_averages_of_their_own_keys() -> None:
    def algorithm(config: Config, *flags: tuple[str, str]) -> Algorithm:
        config = {"generator": "mlp", "discriminator": "mlp", **config}
        for flag, value in flags:
            config = override(config, flag, value)
        config = resolve({**config, "optimizer": {"gen": SGD, "disc": SGD}})
        return build.build_algorithm(config, {"image": jax.ShapeDtypeStruct((2,), "float32")})

    def averages(found: Algorithm) -> tuple[float, ...]:
        state, batch = found.init(jax.random.key(0)), {"image": jnp.ones((4, 2))}
        start = state.params["gen"]["Dense_0"]["kernel"]
        state, _ = found.step(state, batch)
        old, new = (
            jnp.linalg.norm(tree["Dense_0"]["kernel"] - start)
            for tree in (state.ema["gen"]["params"], state.params["gen"])
        )
        return round(float(old / new), 3), len(jax.tree.leaves(state.memory))

    one = {"name": "ema", "decay": 0.75, "warmup": False}
    assert averages(algorithm({"transforms": [one]})) == (0.25, 0)
    flags = ("transforms.ema.decay", "0.5"), ("transforms.lookahead.alpha", "1.0")
    assert averages(algorithm({"transforms": [one]}, *flags))[0] == 0.5
    halved = {"name": "lookahead", "num_steps": 1, "alpha": 0.5}
    assert averages(algorithm({"transforms": [one, halved]}))[0] == 0.5  # the average is inside
    assert averages(algorithm({"transforms": [halved, one]}))[0] == 0.25
    assert averages(algorithm({"transforms": [halved], "ema": one}))[0] == 0.25


def test_which_latents_are_known_to_be_normal(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import jaxgan as jg\n\n\ndef uniform(dim):\n    return jg.normal_latent(dim)\n\n\n"
        "def bare(latent_dim):\n    return jg.bilinear()\n\n\n"
        "def asks(latent):\n    return jg.bilinear()\n"
    )

    def is_normal(config: Config) -> bool:
        players = {"gen": SGD, "disc": SGD}
        return has_normal_latents(resolve({**config, "optimizer": players}))

    own = f"{tmp_path / 'mine.py'}"
    assert is_normal({})
    assert is_normal({"game": "bigan"})
    assert is_normal({"game": f"{own}:asks"})
    assert not is_normal({"game": "infogan"})
    assert not is_normal({"latent": f"{own}:uniform"})
    assert not is_normal({"game": f"{own}:bare"})
    with pytest.raises(ConfigError, match="latent is 'normal'; it must be left out, as game 'inf"):
        is_normal({"game": "infogan", "latent": "normal"})


def test_what_differs_of_a_list_is_named() -> None:
    old, new = ([{"name": "lola", "alpha": alpha}] for alpha in (1.0, 2.0))
    assert differences({"field": old}, {"field": new}) == {"field.lola.alpha": (1.0, 2.0)}
    two = [*old, {"name": "sos"}]
    assert differences({"field": two}, {"field": two[::-1]}) == {"field": (two, two[::-1])}


def test_sections_of_runs_of_0_1_are_read() -> None:
    old = {"ema": {"name": "ema", "decay": 0.9}, "optimizer": {"gen": SGD, "disc": SGD}}
    assert resolve(old)["ema"]["decay"] == 0.9


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"features": ""}, "evaluation.features is ''; it must be a name"),
        ({"features": 3}, "evaluation.features is 3; it must be a string"),
        ({"metrics": "fd"}, "evaluation.metrics is 'fd'; it must be a list, each a string"),
        ({"metrics": [3]}, "evaluation.metrics is [3]; it must be a list, each a string"),
        (
            {"features": "inception,fid"},
            "evaluation.features is 'inception,fid'; it must be inception[:FILE], "
            "inception[:FILE],pytorch-fid or inception[:FILE],torch-fidelity",
        ),
    ],
)
def test_what_is_measured_is_checked_though_nothing_is_evaluated(
    section: dict[str, Any], words: str
) -> None:
    config = {"evaluation": section, "optimizer": {"gen": SGD, "disc": SGD}}
    with pytest.raises(ConfigError) as error:
        resolve(config)
    assert str(error.value) == words
