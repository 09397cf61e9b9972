"""A world for Jupyter kernels in which nothing is the user's own."""

import json
import sys

import pytest


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A world in which the only kernel is the Python that runs this test, and nothing is the user's own."""
    folder = tmp_path_factory.mktemp("jupyter")
    spec = folder / "kernels" / "lrlab-tests"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.joinpath("kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "tests", "language": "python"})
    )
    places = {
        "JUPYTER_PATH": folder,
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": folder / "run",
        "JUPYTER_PLATFORM_DIRS": "1",
        "IPYTHONDIR": folder / "ipython",
        "LRLAB_STORE": folder / "studies",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, str(value))
        yield folder
