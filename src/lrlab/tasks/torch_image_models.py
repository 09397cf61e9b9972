"""Small models of images: ``(n, channels, height, width)`` to scores, of any size from 8 to 224 pixels a side.

In training they vary the images that they are given; the draws come from PyTorch's global random state, which a run
keeps for itself, so that a resumed run varies them alike. In evaluation nothing is varied.
"""

import torch
from torch import nn

_PART_PIXELS = 2**19  # a model in evaluation sees at once: its memory stays small whatever it is given
_SHARE = 8  # images are moved by up to this part of their size


def cnn(*, channels: int, size: int, outputs: int, augment: str = "none", width: int = 16) -> nn.Module:
    """Convolutions with pooling between them, and two lines through what is left; no batch statistics.

    Args:
        channels: Of an image.
        size: Pixels a side.
        outputs: Scores an image.
        augment: ``none``, ``shift``, ``flip`` or ``shift+flip``.
        width: Channels of the first convolution.
    """
    layers: list[nn.Module] = []
    inputs, wide = channels, width
    while size > 8 or not layers:
        layers += [nn.Conv2d(inputs, wide, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        inputs, wide, size = wide, min(2 * wide, 4 * width), size // 2
    layers += [nn.Conv2d(inputs, wide, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
    layers += [nn.Linear(16 * wide, 4 * width), nn.ReLU(), nn.Dropout(0.25), nn.Linear(4 * width, outputs)]
    return Pictured(nn.Sequential(*layers), augment)


def resnet(*, channels: int, size: int, outputs: int, augment: str = "none", width: int = 16) -> nn.Module:
    """Three residual blocks with batch normalisation, and the mean of what they give.

    He et al., Deep Residual Learning, 2015, https://arxiv.org/abs/1512.03385. No map is smaller than 2x2, so that a
    batch of one image has a deviation.

    Args:
        channels: Of an image.
        size: Pixels a side.
        outputs: Scores an image.
        augment: ``none``, ``shift``, ``flip`` or ``shift+flip``.
        width: Channels of the first block; the next ones have twice and four times as many.
    """
    stride = 2 if size > 16 else 1
    layers = [_convolution(channels, width, 3, stride), nn.ReLU()]
    size = -(-size // stride)
    while size > 16:
        layers.append(nn.MaxPool2d(2))
        size //= 2
    layers += [_Block(width, width, 1), _Block(width, 2 * width, 2), _Block(2 * width, 4 * width, 2)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, outputs)]
    return Pictured(nn.Sequential(*layers), augment)


class Pictured(nn.Module):
    """A model of images that varies them in training, and is evaluated on any number of them in parts.

    Args:
        net: The model; what it gives for an image must not depend on the others when it is evaluated.
        augment: ``none``, ``shift``, ``flip`` or ``shift+flip``.
    """

    def __init__(self, net: nn.Module, augment: str) -> None:
        super().__init__()
        self.net = net
        self._ways = augment.split("+")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            return self.net(self._varied(x))  # type: ignore[no-any-return]
        at_once = max(_PART_PIXELS // (x.shape[-1] * x.shape[-2]), 1)
        if len(x) <= at_once:
            return self.net(x)  # type: ignore[no-any-return]
        return torch.cat([self.net(part) for part in torch.split(x, at_once)])

    def _varied(self, x: torch.Tensor) -> torch.Tensor:
        if self._ways == ["none"]:
            return x
        count, channels, height, width = x.shape
        rows, columns = torch.arange(height).expand(count, -1), torch.arange(width).expand(count, -1)
        if "shift" in self._ways:  # what comes in at an edge repeats the edge
            rows = (rows + _steps(count, height)).clamp(0, height - 1)
            columns = (columns + _steps(count, width)).clamp(0, width - 1)
        if "flip" in self._ways:
            columns = torch.where(torch.rand(count, 1) < 0.5, columns.flip(1), columns)
        places = (rows[:, :, None] * width + columns[:, None, :]).reshape(count, 1, -1).to(x.device)
        return x.flatten(2).gather(2, places.expand(-1, channels, -1)).view_as(x)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, 3, stride)
        self.second = _convolution(outputs, outputs, 3, 1)
        straight = inputs == outputs and stride == 1
        self.short = nn.Identity() if straight else _convolution(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.second(nn.functional.relu(self.first(x)))
        return nn.functional.relu(inner + self.short(x))


def _convolution(inputs: int, outputs: int, side: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _steps(count: int, side: int) -> torch.Tensor:
    """How far each image is moved, ``(count, 1)``."""
    most = max(side // _SHARE, 1)
    return torch.randint(-most, most + 1, (count, 1))
