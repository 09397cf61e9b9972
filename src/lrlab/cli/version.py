"""``lrlab version``."""

from lrlab.cli.options import Json
from lrlab.cli.output import Output


def version(json: Json = False) -> None:
    """The version of lrlab, and of what it works with."""
    from lrlab.api.environment import environment

    output = Output(json=json)
    found = environment()
    output.result(f"lrlab {found['lrlab']}")
    output.document("version", found)
