"""Versions and machine, for reports: enough to judge a difference, nothing that names a person."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("lrlab", "numpy", "torch", "ultralytics", "transformers", "lightning", "keras")


def environment() -> dict[str, str]:
    """Package versions, Python, operating system, processor and its cores."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found["system"] = f"{platform.system()} {platform.release()}"
    found["machine"] = platform.machine()
    found["cores"] = str(os.cpu_count() or 0)
    return found
