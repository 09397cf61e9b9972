"""``lrlab stop``."""

from lrlab.cli.options import Json, Quiet, Store, StudyName
from lrlab.cli.output import Output


def stop(name: StudyName, store: Store = None, json: Json = False, quiet: Quiet = False) -> None:
    """Stop a study that another process runs; its results stay."""
    from lrlab.api.engines import open_lab

    output = Output(json=json, quiet=quiet)
    open_lab(store).stop(name)
    output.note(f"Study {name} ends at the next whole unit. Its results: lrlab studies show {name}")
    output.document("stop", {"study": name})
