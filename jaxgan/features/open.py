"""Opens features from the words of a config or a command line: `"auto"`, `"inception:FILE"`."""

from __future__ import annotations

from pathlib import Path

from jaxgan.core.errors import FeatureError, bad_value
from jaxgan.core.text import did_you_mean
from jaxgan.data import DeviceSource, Source
from jaxgan.features import weights
from jaxgan.features.base import Extractor
from jaxgan.features.classifier import classifier
from jaxgan.features.inception import CONVENTIONS, inception
from jaxgan.features.pixels import pixels
from jaxgan.features.random_conv import random_conv

NAMES = ("auto", "classifier", "inception", "pixels", "random-conv")


def open_features(
    spec: str,
    *,
    source: Source | DeviceSource,
    cache_dir: Path | None = None,
    data_key: str | None = None,
) -> Extractor:
    """Features by name, for a data set.

    Args:
      spec: one of
        `auto`: `classifier` for labelled images, `random-conv` for others, `pixels` for points;
        `classifier`: a small network trained on the data set itself;
        `inception[:FILE][,CONVENTION]`: Inception-v3 with the weights of FILE, which
        `jaxgan weights` writes, by default the one in `$JAXGAN_WEIGHTS` or the cache; CONVENTION is
        `pytorch-fid`, the default, or `torch-fidelity`;
        `pixels`: the pixels, or a point's coordinates;
        `random-conv`: a fixed network that nobody trained.
      source: the real data.
      cache_dir: where a trained classifier is kept; None for `~/.cache/jaxgan`.
      data_key: a hash of the source's content, if it is known already.

    Returns:
      An `Extractor`.

    Raises:
      FeatureError: for an unknown name, or if the data or weights do not allow it.

    Example:
      >>> from jaxgan.data import open_source
      >>> open_features("auto", source=open_source("ring")).name
      'pixels'
      >>> open_features("pixel", source=open_source("ring"))
      Traceback (most recent call last):
      jaxgan.core.errors.FeatureError: features is 'pixel'; it must be auto, classifier, \
inception[:FILE][,CONVENTION], pixels, random-conv; did you mean pixels?
    """
    name, argument, convention = _split(spec)
    if name == "auto":
        name = _automatic(source)
    is_plain = spec == name or spec == "auto"
    if name == "inception" and (convention in CONVENTIONS or not convention):
        return _inception(source, argument, convention)
    if name == "pixels" and is_plain:
        return pixels()
    if name == "random-conv" and is_plain:
        return random_conv(source.element_spec["image"].shape)
    if name == "classifier" and is_plain:
        folder = weights.cache_dir() if cache_dir is None else cache_dir
        return classifier(source, cache_dir=folder, data_key=data_key)
    raise _unknown(spec, name, convention)


def check_spec(spec: str, path: str = "features") -> None:
    """Raises unless a spec names features.

    Args:
      spec: as of `open_features`.
      path: what it is called in the message.

    Raises:
      FeatureError: naming what is known.

    Example:
      >>> check_spec("inception:a.safetensors,pytorch-fid")
      >>> check_spec("inception,fid")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.FeatureError: features is 'inception,fid'; it must be inception[:FILE], \
inception[:FILE],pytorch-fid or inception[:FILE],torch-fidelity
    """
    name, _, convention = _split(spec)
    is_inception = name == "inception" and (convention in CONVENTIONS or not convention)
    if not is_inception and (name == "inception" or spec not in NAMES):
        raise _unknown(spec, name, convention, path)


def _split(spec: str) -> tuple[str, str, str]:
    """`NAME[:FILE][,CONVENTION]`."""
    name, _, argument = spec.partition(":")
    if not argument:
        name, _, convention = spec.partition(",")
    else:
        argument, _, convention = argument.partition(",")
    return name, argument, convention


def _automatic(source: Source | DeviceSource) -> str:
    if len(source.element_spec["image"].shape) != 3:
        return "pixels"
    is_labelled = isinstance(source, Source) and (source.num_classes or 0) > 1
    return "classifier" if is_labelled else "random-conv"


def _inception(source: Source | DeviceSource, file: str, convention: str) -> Extractor:
    shape = source.element_spec["image"].shape
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise FeatureError(
            f"features: inception for {source.name}, whose examples have shape {shape}; "
            "they must be [H, W, 1] or [H, W, 3]"
        )
    path = Path(file).expanduser() if file else None
    return inception(path, convention=convention or "pytorch-fid")


def _unknown(spec: str, name: str, convention: str, path: str = "features") -> FeatureError:
    if name == "inception":
        hint = did_you_mean(convention, CONVENTIONS)
        allowed = f"inception[:FILE], {' or '.join(f'inception[:FILE],{c}' for c in CONVENTIONS)}"
    else:
        hint = did_you_mean(name, NAMES)
        allowed = ", ".join(NAMES).replace("inception", "inception[:FILE][,CONVENTION]")
    return FeatureError(f"{bad_value(path, spec, allowed)}{hint and ';'}{hint}")
