"""``lrlab.torch``: recipes, lrlab's own PyTorch training loop."""

from lrlab.api.torch import Recipe as Recipe
from lrlab.api.torch import ScheduleLR as ScheduleLR
