"""What is compared between runs, and in which direction."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lrlab.core.errors import SpecError

Direction = Literal["min", "max"]

# Words of a metric's name that tell its direction; the last matching word wins ("neg_loss_acc" is rare).
_SMALLER_IS_BETTER = {
    "loss", "error", "err", "mae", "mse", "rmse", "mape", "nll", "perplexity", "ppl", "wer", "cer", "fid",
    "logloss", "crossentropy", "bpc", "bits",
}  # fmt: skip
_LARGER_IS_BETTER = {
    "acc", "accuracy", "auc", "auroc", "auprc", "f1", "map", "map50", "map50-95", "precision", "recall", "r2",
    "score", "reward", "iou", "miou", "dice", "bleu", "rouge", "top1", "top5", "kappa", "mcc", "psnr", "ssim",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """A named number that a training reports, and whether small or large is good.

    Args:
        name: The name under which the training reports it, such as ``val_loss``.
        direction: ``"min"`` or ``"max"``.

    Raises:
        SpecError: If the name is empty or the direction unknown.

    Example:
        >>> Metric.parse("val_loss").direction, Metric.parse("fitness:max").direction
        ('min', 'max')
    """

    name: str
    direction: Direction = "min"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise SpecError(f"metric: the name must be a word such as val_loss, got {self.name!r}.")
        if self.direction not in ("min", "max"):
            raise SpecError(f'metric: direction must be "min" or "max", got {self.direction!r}.')

    @classmethod
    def parse(cls, text: "str | Metric") -> "Metric":
        """Read ``NAME`` or ``NAME:min|max``; without a direction the name's own words tell it."""
        if isinstance(text, Metric):
            return text
        if not isinstance(text, str):
            raise SpecError(f"metric: expected a name such as val_loss, got {text!r}.")
        name, colon, direction = text.rpartition(":")
        if colon and direction in ("min", "max"):
            return cls(name.strip(), direction)  # type: ignore[arg-type]
        words = text.lower().replace("/", "_").replace("(", "_").replace(")", "").replace(" ", "_").split("_")
        for word in reversed(words):
            if word in _SMALLER_IS_BETTER:
                return cls(text.strip(), "min")
            if word in _LARGER_IS_BETTER:
                return cls(text.strip(), "max")
        raise SpecError(
            f"metric: cannot tell from the name {text!r} whether small or large is good.",
            hint=f'Write "{text}:min" or "{text}:max".',
        )

    def __str__(self) -> str:
        return f"{self.name}:{self.direction}"

    @property
    def worst(self) -> float:
        """The value that every finite one beats."""
        return math.inf if self.direction == "min" else -math.inf

    def loss(self, value: float) -> float:
        """``value`` turned so that smaller is better."""
        return value if self.direction == "min" else -value

    def better(self, first: float, second: float) -> bool:
        """Whether ``first`` beats ``second``; a value that is not finite beats nothing."""
        if not math.isfinite(first):
            return False
        return not math.isfinite(second) or self.loss(first) < self.loss(second)

    def best(self, values: Iterable[float]) -> float:
        """The best finite value, or ``worst`` where there is none."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return self.worst
        return min(finite) if self.direction == "min" else max(finite)
