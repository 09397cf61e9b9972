"""Lets the tests of the report room import the answers in ``samples.py`` beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
