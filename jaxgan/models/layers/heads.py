"""What a discriminator returns, made of its last features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.typing import Array
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.norms import apply_layer

Head = Literal["classes", "classifier", "codes", "features", "logit", "projection"]
NEEDING_CLASSES = ("classes", "classifier", "projection")

Outputs = Array | dict[str, Array]

CODE_FEATURES = 128

_INIT = nn.initializers.lecun_normal()


class HeadOptions(NamedTuple):
    """Which head, and its sizes.

    Attributes:
      head: its name, see `apply_head`.
      num_classes: how many classes there are; None without.
      num_categories: width of `code_logits`: the values of all categorical codes; 0 for none.
      num_continuous: continuous codes of `"codes"`; 0 for none.
    """

    head: Head = "logit"
    num_classes: int | None = None
    num_categories: int = 10
    num_continuous: int = 2


def check_head(options: HeadOptions) -> None:
    """Raises unless there is what a head needs.

    Args:
        options: the head's.

    Raises:
        ValueError: naming what is missing.

    >>> check_head(HeadOptions("projection"))
    Traceback (most recent call last):
    ...
    ValueError: head is 'projection', which needs classes; set num_classes
    """
    head = options.head
    if head in NEEDING_CLASSES and not options.num_classes:
        raise ValueError(f"head is {head!r}, which needs classes; set num_classes")
    if head == "codes" and options.num_categories + options.num_continuous < 1:
        raise ValueError("head is 'codes', which needs a code; set num_categories")


def apply_head(
    features: Array,
    options: HeadOptions,
    *,
    label: Array | None = None,
    norm: str = "none",
    train: bool = True,
    kernel_init: Callable[..., Array] = _INIT,
) -> Outputs:
    r"""A discriminator's output; called inside a compact method, which owns its parameters.

    With φ the features and ψ an affine map, by `options.head`:

    - `"logit"`: ψ(φ), an array of logits.
    - `"features"`: `logits` ψ(φ) and `features` φ.
    - `"projection"`: logits ψ(φ) + V_yᵀ φ, with a vector V_y for each class.
    - `"classifier"`: `logits`, `class_logits` of another affine map, and `features` (ACGAN).
    - `"classes"`: `class_logits` l; the logits of being real at all are log Σ_k exp l_k, as of
      n + 1 classes whose last, "generated", has logit 0; `features` (semi-supervised learning).
    - `"codes"`: `logits`, `features`, and what a network with one hidden layer, as wide as the
      paper's 128 but without its batch norm, says of the codes: `code_logits`, `code_mean`
      (InfoGAN).

    Args:
        features: [B, F], in at least 32 bits.
        options: which head.
        label: [B], for `"projection"`; an example without a class has V_y = 0.
        norm: `"spectral"` normalises every kernel, V too.
        train: whether power iterations move.
        kernel_init: Flax initialiser of every kernel.

    Returns:
        Logits [B], or a dict of `logits` [B], `features` [B, F], `class_logits`
        [B, num_classes], `code_logits` [B, num_categories], `code_mean` [B, num_continuous].

    >>> class Critic(nn.Module):
    ...     @nn.compact
    ...     def __call__(self, x):
    ...         return apply_head(x, HeadOptions("classifier", num_classes=10))
    >>> out, _ = Critic().init_with_output(jax.random.key(0), jnp.ones((2, 5)))
    >>> {name: part.shape for name, part in sorted(out.items())}
    {'class_logits': (2, 10), 'features': (2, 5), 'logits': (2,)}

    References:
        Projection: Miyato and Koyama, 2018 (arXiv:1802.05637). Classifier: Odena et al., 2017
        (arXiv:1610.09585). Classes: Salimans et al., 2016 (arXiv:1606.03498), section 5. Codes:
        Chen et al., 2016 (arXiv:1606.03657), appendix C.
    """
    chex.assert_rank(features, 2)

    def dense(num: int, x: Array, name: str | None = None, use_bias: bool = True) -> Array:
        layer = Dense(num, use_bias, kernel_init=kernel_init, name=name)
        return apply_layer(layer, x, norm, train)

    head, num_classes = options.head, options.num_classes or 0
    if head == "classes":
        class_logits = dense(num_classes, features, "class_head")
        logits = jax.nn.logsumexp(class_logits, axis=-1)
        return {"logits": logits, "class_logits": class_logits, "features": features}
    # Without a name, as it has always been: parameters of older checkpoints fit.
    logits = dense(1, features).squeeze(-1)
    if head == "logit":
        return logits
    if head == "projection":
        codes = one_hot(label, num_classes, features.dtype)
        vectors = dense(features.shape[-1], codes, "class_embedding", use_bias=False)
        return logits + jnp.sum(vectors * features, axis=-1)
    out = {"logits": logits, "features": features}
    if head == "classifier":
        out["class_logits"] = dense(num_classes, features, "class_head")
    if head == "codes":
        hidden = nn.leaky_relu(dense(CODE_FEATURES, features, "code_hidden"), 0.1)
        if options.num_categories:
            out["code_logits"] = dense(options.num_categories, hidden, "code_logits")
        if options.num_continuous:
            out["code_mean"] = dense(options.num_continuous, hidden, "code_mean")
    return out
