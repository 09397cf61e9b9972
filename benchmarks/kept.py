"""What a benchmark found, as JSON: its text for the terminal, and a file of it where ``-o`` names one."""

import argparse
import json
from pathlib import Path


def output_option(parser: argparse.ArgumentParser, default: Path | None = None) -> None:
    """Add ``-o``, ``--output``: the file that ``save`` writes."""
    parser.add_argument("-o", "--output", type=Path, default=default, help="keep the figures there, as JSON")


def save(found: object, output: Path | None) -> str:
    """What was found as JSON, written to ``output`` too, unless that is None; its folder is made."""
    text = json.dumps(found, indent=1)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")
    return text
