"""Families of networks: the options of a network are the fields of its Flax module."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.errors import bad_value
from jaxgan.core.network import Network, packed, unconditional
from jaxgan.core.network import remat as recompute
from jaxgan.core.ranges import check
from jaxgan.core.typing import Array, NetState
from jaxgan.models.adapters import from_linen, from_linen_styles

# None: that of the inputs, which are float32.
PRECISIONS: Mapping[str, Any] = {"bfloat16": jnp.bfloat16, "float32": None}
REMATS: Mapping[str, Callable[[Network], Network]] = {
    "none": lambda network: network,
    "full": recompute,
}

# Fields that are no options: Flax's own, what `precision` says, and what no config can write.
NO_OPTIONS = ("parent", "name", "dtype", "kernel_init", "num_reference")
EMPTY = inspect.Parameter.empty

Shape = tuple[int, ...]
Options = Mapping[str, Any]


class Option(NamedTuple):
    """An option that is no field of the module, or has another default or type than the field.

    Attributes:
      default: where a config says nothing.
      kind: its type; None for the field's, of which `"auto"` may stand for any.
    """

    default: Any
    kind: Any = None


# Of every network; `packing` is an option of those families that list it.
SHARED: Mapping[str, Option] = {
    "precision": Option("float32", Literal["bfloat16", "float32"]),
    "remat": Option("none", Literal["none", "full"]),
}


@dataclass(frozen=True)
class Data:
    """What a network has to fit, which is no option of it.

    Attributes:
      family: name of the network, for messages.
      shape: of one example.
      latent_dim: length of the latents.
      num_classes: of a conditional game, else None.
      distribution: of an encoder's codes.
      resolution: at which a network that grows computes; all by default.
      source_shape: of what an example is made of, in a game of translation.
    """

    family: str
    shape: Shape
    latent_dim: int = 0
    num_classes: int | None = None
    distribution: str = "point"
    resolution: int | None = None
    source_shape: Shape = ()

    @property
    def seen_shape(self) -> Shape:
        """Of one example at the resolution of a network that grows."""
        if not self.resolution:
            return self.shape
        return (self.resolution, self.resolution, self.shape[-1])


# A field of a module by what the network has to fit and by its options.
Decision = Callable[[Data, Options], Any]

# Fields of `Data` as parameters of a family.
GIVEN: Mapping[str, Option] = {
    "shape": Option(EMPTY, Shape),
    "latent_dim": Option(EMPTY, int),
    "num_classes": Option(None, int | None),
    "distribution": Option("point", str),
    "resolution": Option(None, int | None),
    "source_shape": Option(EMPTY, Shape),
}


class Role(NamedTuple):
    """What the networks of one role are given.

    Attributes:
      given: the fields of `Data` that it depends on; they are the first parameters of a `Family`.
      inputs: the shapes of its inputs, without the batch axis.
    """

    given: tuple[str, ...]
    inputs: Callable[[Data], Sequence[Shape]]


GENERATOR = Role(("shape", "latent_dim", "num_classes"), lambda data: [(data.latent_dim,)])
DISCRIMINATOR = Role(("shape", "num_classes"), lambda data: [data.seen_shape])
ENCODER = Role(("shape", "latent_dim", "distribution"), lambda data: [data.shape])
JOINT = Role(("shape", "latent_dim"), lambda data: [data.shape, (data.latent_dim,)])
TRANSLATOR = Role(("shape", "source_shape"), lambda data: [data.source_shape])


def _couples(fields: Options) -> bool | None:
    return None if fields.get("minibatch", "none") == "none" else True


@dataclass(frozen=True, eq=False)
class Family:
    """A function (shape, ..., options) -> `Network`, made of a Flax module.

    Its options are the module's fields, with their types, defaults and explanations there, but for
    what the data decide, what is fixed, and `NO_OPTIONS`; and those of `SHARED`. The module is
    given everything by keyword.

    Attributes:
      name: of the family, for messages.
      module: the Flax module's class.
      role: what the network is given. `num_classes`, `resolution` and `distribution` are passed
        to a module with fields of these names.
      from_data: field -> (data, options) -> its value. Such a field is an option only if `options`
        lists it, and `options[name]` is then what a config says.
      fixed: fields that are no options, by value.
      options: those that are no fields, or have another default or type.
      couples_batch: (fields) -> see `from_linen`.
      check: (data, options); raises if they do not fit each other.
      mean_style: (net_state) -> the mean style, of a generator with styles.

    Example:
      >>> from jaxgan import models
      >>> family = Family(
      ...     "toy",
      ...     models.MLPDiscriminator,
      ...     DISCRIMINATOR,
      ...     fixed={"activation": nn.relu, "conditioning": "none"},
      ...     options={"features": Option((8,))},
      ... )
      >>> family((2,), norm="spectral").couples_batch
      False
      >>> [*inspect.signature(family).parameters][:5]
      ['shape', 'num_classes', 'features', 'input_scale', 'norm']
    """

    name: str
    module: type[nn.Module]
    role: Role
    from_data: Mapping[str, Decision] = field(default_factory=dict)
    fixed: Options = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    couples_batch: Callable[[Options], bool | None] = _couples
    check: Callable[[Data, Options], object] = lambda data, options: None
    mean_style: Callable[[NetState], Array] | None = None
    __signature__: inspect.Signature = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "__signature__", self._signature())

    def __call__(self, *given: Any, **options: Any) -> Network:
        """Makes the network.

        Args:
          *given: what the role is given, in the order of `Role.given`, or by keyword.
          **options: those of the family.

        Returns:
          A `Network` of (inputs), or of (inputs, label) in a conditional game, whether it uses
          labels or not.

        Raises:
          ConfigError: if the data are not of a kind that the family is made for.
          ValueError: if an option is out of its range.
        """
        bound = self.__signature__.bind(*given, **options)
        bound.apply_defaults()
        for name, parameter in self.__signature__.parameters.items():
            check(name, bound.arguments[name], parameter.annotation)
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in bound.arguments.items()
        }
        data = Data(self.name, **{name: values[name] for name in self.role.given})
        known = self._defaults()
        fields = {name: value for name, value in values.items() if name in known}
        fields |= {name: decide(data, values) for name, decide in self.from_data.items()}
        fields |= {**self.fixed, "dtype": PRECISIONS[values["precision"]]}
        packing, with_label = values.get("packing", 1), uses_label(fields)
        if packing > 1 and (head := fields["head"]) not in ("features", "logit"):
            raise ValueError(bad_value("packing", packing, f"1, as head is {head!r}"))
        module = self.module(**fields)
        self.check(data, values)
        shapes = [(1, *shape[:-1], packing * shape[-1]) for shape in self.role.inputs(data)]
        inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
        if with_label:
            label_shape = (1,) if packing == 1 else (1, packing)
            inputs.append(jax.ShapeDtypeStruct(label_shape, jnp.int32))
        network = REMATS[values["remat"]](self._network(module, inputs, self.couples_batch(fields)))
        network = network if packing == 1 else packed(network, num=packing)
        return unconditional(network) if data.num_classes and not with_label else network

    def _network(self, module: nn.Module, inputs: Sequence[Any], couples: bool | None) -> Network:
        if self.mean_style is None:
            return from_linen(module, *inputs, couples_batch=couples)
        return from_linen_styles(module, *inputs, mean=self.mean_style, couples_batch=couples)

    def _defaults(self) -> dict[str, Any]:
        """Of the module's fields; `EMPTY` where there is none."""
        return {
            one.name: EMPTY if one.default is dataclasses.MISSING else one.default
            for one in dataclasses.fields(self.module)
        }

    def _signature(self) -> inspect.Signature:
        decided = {*self.role.given, *self.from_data, *self.fixed, *NO_OPTIONS}
        own = {k: Option(v) for k, v in self._defaults().items() if k not in decided}
        options = {**own, **self.options, **SHARED}
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=GIVEN[name].default,
                annotation=GIVEN[name].kind,
            )
            for name in self.role.given
        ]
        kinds = typing.get_type_hints(self.module, include_extras=True)
        parameters += [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=option.default,
                annotation=option.kind or _or_auto(kinds[name], option.default),
            )
            for name, option in options.items()
        ]
        return inspect.Signature(parameters, return_annotation=Network)


def uses_label(fields: Options) -> bool:
    """Whether a module is called with labels.

    Args:
      fields: of the module.

    Returns:
      Of a module that can be conditioned in several ways, or has heads, whether this one needs
      labels; of another one, whether it has classes.

    Example:
      >>> uses_label({"head": "projection"}), uses_label({"num_classes": None}), uses_label({})
      (True, False, False)
    """
    if "conditioning" in fields or "head" in fields:
        is_conditioned = fields.get("conditioning", "none") != "none"
        return is_conditioned or fields.get("head") == "projection"
    return fields.get("num_classes") is not None


def _or_auto(kind: Any, default: Any) -> Any:
    return Literal["auto"] | kind if default == "auto" else kind
