"""A command line of somebody else's behind ``--``."""

from typing import Any

import typer
from typer.core import TyperCommand

_KEY = "lrlab.foreign"


class ForeignCommand(TyperCommand):
    """A command that keeps the words behind ``--`` apart: they are no arguments and no options of its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See ``typer.core.TyperCommand``."""
        if "--" in args:
            end = args.index("--")
            ctx.meta[_KEY] = tuple(args[end + 1 :])
            args = args[:end]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """See ``typer.core.TyperCommand``."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND ...]"]


def foreign_words(context: typer.Context) -> tuple[str, ...] | None:
    """The words behind ``--``; None where there is no ``--``."""
    words: tuple[str, ...] | None = context.meta.get(_KEY)
    return words
