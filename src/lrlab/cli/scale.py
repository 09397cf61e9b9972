"""``lrlab scale``."""

from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.cli.options import Json
from lrlab.cli.output import Output, width
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import format_lr

if TYPE_CHECKING:
    from lrlab.schedules.scaling import Scaling

_KEYS = ("batch", "width", "steps", "epochs")


def scale(
    before: Annotated[
        str,
        typer.Option(
            "--from", metavar="KEY=VALUE,...", show_default=False,
            help="The setting now: lr, and batch, width, steps or epochs, such as batch=256,lr=3e-4.",
        ),
    ],
    after: Annotated[
        str,
        typer.Option(
            "--to", metavar="KEY=VALUE,...", help="What changes, such as batch=2048.", show_default=False,
        ),
    ],
    optimizer: Annotated[str, typer.Option(metavar="NAME", help="sgd, adamw, ...")] = "adamw",
    parameter: Annotated[
        str | None,
        typer.Option(
            metavar="matrix|vector|output", show_default=False,
            help="Which parameters, where the width changes; by default matrix, the hidden weights.",
        ),
    ] = None,
    noise_scale: Annotated[
        float | None,
        typer.Option(metavar="SAMPLES", help="Gradient noise scale, if it was measured.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Say how the rate should move with the batch, the width or the length, with source and limits."""
    from lrlab.schedules.scaling import scale_batch, scale_horizon, scale_width

    output = Output(json=json)
    old, new = _pairs("--from", before), _pairs("--to", after)
    if "lr" not in old:
        raise SpecError("scale: --from must tell the rate, lr.", hint="Such as --from batch=256,lr=3e-4.")
    if "lr" in new:
        raise SpecError("scale: --to is given what changes; the rate is the answer.", hint="Leave lr out.")
    _check(old, new)
    _check_options(new, parameter=parameter, noise_scale=noise_scale)
    lr, said = old["lr"], []
    for key in (key for key in _KEYS if key in new):
        if key == "batch":
            step = scale_batch(lr, old[key], new[key], optimizer=optimizer, noise_scale=noise_scale)  # type: ignore[arg-type]
        elif key == "width":
            step = scale_width(lr, old[key], new[key], optimizer=optimizer, parameter=parameter or "matrix")  # type: ignore[arg-type]
        else:
            step = scale_horizon(lr, old[key], new[key])  # type: ignore[arg-type]
        lr = step.lr
        said.append((key, step))
    output.result(_text(old["lr"], lr, said))
    steps = [{"what": key, "before": old[key], "after": new[key], **asdict(step)} for key, step in said]
    output.document(
        "scale",
        {"lr": lr, "before": old["lr"], "factor": lr / old["lr"], "optimizer": optimizer, "steps": steps},
    )


def _text(old: float, lr: float, said: "list[tuple[str, Scaling]]") -> str:
    from lrlab.report.canvas import wrapped

    lines = [f"Use {format_lr(lr, digits=3)} instead of {format_lr(old, digits=3)}."]
    for _, step in said:
        lines.append("")
        for sentence in str(step).splitlines():
            lines += wrapped(sentence, width(), indent="  ")
    return "\n".join(lines)


def _pairs(option: str, text: str) -> dict[str, float]:
    """``batch=256,lr=3e-4`` as numbers by name."""
    found: dict[str, float] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        known = (*_KEYS, "lr")
        if not equals:
            raise SpecError(
                f"scale: {option} takes KEY=VALUE,..., got {part!r:.40}.", hint="Such as batch=256."
            )
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise SpecError(
                f"scale: {option} knows {', '.join(known)}, got {key!r:.40}.",
                hint=f"Perhaps {near[0]} is meant." if near else "",
            )
        if key in found:
            raise SpecError(f"scale: {option} tells {key} twice.")
        try:
            found[key] = float(value)
        except ValueError:
            raise SpecError(f"scale: {key} of {option} must be a number, got {value!r:.40}.") from None
    return found


def _check(old: dict[str, float], new: dict[str, float]) -> None:
    for key in new:
        if key not in old:
            raise SpecError(f"scale: --to changes {key}, and --from does not tell what it is now.")
    for key in old:
        if key not in new and key != "lr":
            raise SpecError(
                f"scale: --from tells {key}, and --to does not tell what it becomes.",
                hint="Leave it out, or tell it.",
            )
    if "steps" in new and "epochs" in new:
        raise SpecError("scale: steps and epochs both tell the length.", hint="Give one of them.")


def _check_options(new: dict[str, float], *, parameter: str | None, noise_scale: float | None) -> None:
    if parameter is not None and "width" not in new:
        raise SpecError("scale: --parameter is for another width, and none is given.", hint="Give width too.")
    if noise_scale is not None and "batch" not in new:
        raise SpecError(
            "scale: --noise-scale is for another batch, and none is given.", hint="Give batch too."
        )
