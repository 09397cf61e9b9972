"""``lrlab.torch``: trainings made of PyTorch's parts."""

from lrlab.tasks.torch_recipe import Recipe as Recipe
from lrlab.tasks.torch_scheduler import ScheduleLR as ScheduleLR
