"""How a good rate moves when the batch, the width or the length of the training changes."""

import math
from dataclasses import dataclass

from lrlab.core.errors import SpecError
from lrlab.core.lr_range import positive_rate
from lrlab.core.question import is_real

ADAPTIVE = ("adam", "adamw", "rmsprop", "adagrad")
PLAIN = ("sgd", "momentum", "nesterov")
PARAMETERS = ("matrix", "vector", "output")

# How the best rate falls with the number of steps, as a power; see ``scale_horizon``.
HORIZON_POWER = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A rate in a new setting, and what it rests on.

    Args:
        lr: The new rate.
        factor: What the old one is multiplied by.
        sentence: What was done and why, for a person.
        source: The paper.
        limits: Where the rule ends, a sentence each.
        also: What else must change with it, a sentence each.
    """

    lr: float
    factor: float
    sentence: str
    source: str
    limits: tuple[str, ...]
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Everything, a line each."""
        return "\n".join((self.sentence, *self.also, *self.limits, f"Source: {self.source}."))


def scale_batch(
    lr: float, before: int, after: int, *, optimizer: str = "adamw", noise_scale: float | None = None
) -> Scaling:
    r"""The rate for another batch size.

    .. math:: \eta' = \eta\,\Bigl(\frac{B'}{B}\Bigr)^{p}, \qquad
        \eta' = \eta\,\Bigl(\frac{1 + N/B}{1 + N/B'}\Bigr)^{p} \text{ where the noise scale } N \text{ is known}

    with ``p`` 1 for SGD (linear) and 1/2 for Adam and its kin (square root). The second form goes over into the first
    for batches far below the noise scale, and beyond it hardly rises at all.

    Args:
        lr: Rate at batch size ``before``; above 0.
        before: Samples in an optimizer step now (with accumulation and all processes); at least 1.
        after: The same in the new setting.
        optimizer: ``sgd``, ``momentum``, ``nesterov``, or ``adam``, ``adamw``, ``rmsprop``, ``adagrad``.
        noise_scale: The gradient noise scale ``N`` in samples, if it was measured.

    Raises:
        SpecError: If an argument breaks its rule.

    References:
        Goyal et al., 2017, https://arxiv.org/abs/1706.02677, section 2.1; Malladi et al., 2022,
        https://arxiv.org/abs/2205.10287; McCandlish et al., 2018, https://arxiv.org/abs/1812.06162 (its
        rate for SGD; the power for Adam in its appendix).

    Example:
        >>> scale_batch(0.1, 256, 1024, optimizer="sgd").lr
        0.4
        >>> scale_batch(1e-3, 256, 1024).factor
        2.0
        >>> round(scale_batch(0.1, 256, 1024, optimizer="sgd", noise_scale=256).factor, 3)
        1.6
    """
    lr = positive_rate(lr)
    old, new = _count("before", before), _count("after", after)
    adaptive = _is_adaptive(optimizer)
    power = 0.5 if adaptive else 1.0
    ratio = new / old
    limits = []
    if noise_scale is not None:
        noise = _above_0("noise_scale", noise_scale)
        ratio = (1 + noise / old) / (1 + noise / new)
        source = "McCandlish et al., An Empirical Model of Large-Batch Training, 2018"
        limits.append("The noise scale grows while training goes on; this is for where it was measured.")
        if new > noise:
            limits.append(
                f"Above the noise scale of {noise:g} samples a larger batch hardly saves steps any more."
            )
    elif adaptive:
        source = "Malladi et al., On the SDEs and Scaling Rules for Adaptive Gradient Algorithms, 2022"
        limits.append(
            "It holds while the gradient is mostly noise: beyond the noise scale the best rate no longer rises."
        )
    else:
        source = "Goyal et al., Accurate, Large Minibatch SGD, 2017"
        limits.append(
            "It held up to 8192 images with a warm-up of 5 epochs; above, and early in training, it breaks."
        )
    factor = ratio**power
    also = (
        _adam_also(new / old) if adaptive and optimizer in ("adam", "adamw") and noise_scale is None else ()
    )
    law = "square root" if adaptive else "linear"
    if noise_scale is not None:
        law = f"noise-scale ({law})"
    return Scaling(
        lr=lr * factor,
        factor=factor,
        sentence=f"From batch {old} to {new}, multiply the rate by {factor:.4g} ({law} rule for {optimizer}): {lr * factor:.4g}.",
        source=source,
        limits=(
            *limits,
            "As many epochs are another number of steps then: scale for the steps too, where the length matters.",
        ),
        also=also,
    )


def scale_width(
    lr: float, before: int, after: int, *, optimizer: str = "adamw", parameter: str = "matrix"
) -> Scaling:
    r"""The rate for another width of the model, in the maximal update parametrization.

    ========== ================================== ============== ==============
    parameter  which                              Adam           SGD
    ========== ================================== ============== ==============
    ``matrix`` hidden weights (both sides grow)   :math:`1/r`    1
    ``vector`` input weights, biases, gains       1              :math:`r`
    ``output`` weights of the last layer          :math:`1/r`    :math:`1/r`
    ========== ================================== ============== ==============

    with ``r`` the new width over the old one.

    Args:
        lr: Rate of these parameters at width ``before``; above 0.
        before: Width now; at least 1.
        after: The new width.
        optimizer: As in ``scale_batch``.
        parameter: ``"matrix"``, ``"vector"`` or ``"output"``.

    Raises:
        SpecError: If an argument breaks its rule.

    References:
        Yang et al., Tensor Programs V, 2022, https://arxiv.org/abs/2203.03466, table 3.

    Example:
        >>> scale_width(1e-2, 256, 1024).lr
        0.0025
        >>> scale_width(1e-2, 256, 1024, parameter="vector").factor
        1.0
    """
    lr = positive_rate(lr)
    old, new = _count("before", before), _count("after", after)
    if parameter not in PARAMETERS:
        raise SpecError(f"scale: parameter must be one of {', '.join(PARAMETERS)}, got {parameter!r:.40}.")
    ratio = new / old
    factors = (
        {"matrix": 1 / ratio, "vector": 1.0, "output": 1 / ratio}
        if _is_adaptive(optimizer)
        else {"matrix": 1.0, "vector": ratio, "output": 1 / ratio}
    )
    factor = factors[parameter]
    spread = {"matrix": "1/fan_in", "vector": "1/fan_in", "output": "1/fan_in squared"}[parameter]
    return Scaling(
        lr=lr * factor,
        factor=factor,
        sentence=f"From width {old} to {new}, multiply the rate of {parameter}-like parameters by {factor:.4g} "
        f"(muP for {optimizer}): {lr * factor:.4g}.",
        source="Yang et al., Tensor Programs V: Tuning Large Neural Networks via Zero-Shot Hyperparameter Transfer, 2022",
        limits=(
            "It holds for models that are built by the parametrization throughout, not for standard initialization.",
            "Depth, batch size and length of training are not covered.",
        ),
        also=(f"Initialize with a variance of {spread}.", "Scale attention by 1/d instead of 1/sqrt(d)."),
    )


def scale_horizon(lr: float, before: int, after: int, *, power: float = HORIZON_POWER) -> Scaling:
    r"""The rate for a longer or shorter training, at the same batch size.

    .. math:: \eta' = \eta\,(T'/T)^{-\beta}

    Args:
        lr: Rate for a training of ``before`` steps; above 0.
        before: Steps (or tokens, samples, epochs) of the training now; at least 1.
        after: The same of the new training.
        power: How the best rate falls with the length, :math:`\beta`; in ``[0, 1]``.

    Raises:
        SpecError: If an argument breaks its rule.

    References:
        Bjorck et al., Scaling Optimal LR Across Token Horizons, 2024, https://arxiv.org/abs/2409.19913.

    Example:
        >>> round(scale_horizon(1e-3, 1000, 10_000).factor, 3)
        0.501
    """
    lr = positive_rate(lr)
    old, new = _count("before", before), _count("after", after)
    if not is_real(power) or not 0 <= power <= 1:
        raise SpecError(f"scale: power must lie in [0, 1], got {power!r:.40}.")
    factor = (new / old) ** -power
    return Scaling(
        lr=lr * factor,
        factor=factor,
        sentence=f"From a length of {old} to {new}, multiply the rate by {factor:.4g} (power {-power:g} of the length): {lr * factor:.4g}.",
        source="Bjorck et al., Scaling Optimal LR Across Token Horizons, 2024",
        limits=(
            "The power was fitted to language models and differs between models; on small networks it lies between "
            "0.2 and 0.4 at a constant rate.",
            "Under a schedule that decays to 0 over the whole training the best rate moves less.",
            "Beyond a factor of ten in length, measure again.",
        ),
    )


def _adam_also(ratio: float) -> tuple[str, ...]:
    return (
        f"Adam's 1 - beta1 and 1 - beta2 are multiplied by {ratio:.4g} too, where they stay below 1.",
        f"Adam's epsilon is divided by {math.sqrt(ratio):.4g}.",
    )


def _is_adaptive(optimizer: object) -> bool:
    if optimizer not in ADAPTIVE + PLAIN:
        raise SpecError(
            f"scale: optimizer must be one of {', '.join(PLAIN + ADAPTIVE)}, got {optimizer!r:.40}."
        )
    return optimizer in ADAPTIVE


def _count(what: str, value: object) -> int:
    if not isinstance(value, int | float) or not is_real(value) or value < 1 or value != int(value):
        raise SpecError(f"scale: {what} must be a whole number of at least 1, got {value!r:.40}.")
    return int(value)


def _above_0(what: str, value: object) -> float:
    if not isinstance(value, int | float) or not is_real(value) or value <= 0:
        raise SpecError(f"scale: {what} must be above 0, got {value!r:.40}.")
    return float(value)
