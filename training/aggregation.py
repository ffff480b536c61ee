"""The paper's aggregation network: one bottleneck per tap, shared over timesteps, mixed by softmax weights."""

import torch
import torch.nn.functional as F
from torch import nn

from unet import GroupNorm

WIDTH = 128
INNER = 32
GROUPS = 32


class ConvNorm(nn.Module):
    """A convolution without bias; its GroupNorm is called separately, so that a resize can come between the two."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int):
        super().__init__()
        self.padding = kernel // 2
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.norm = GroupNorm(GROUPS, channels_out)

    def forward(self, x):
        return F.conv2d(x, self.weight, padding=self.padding)


class BottleneckBlock(nn.Module):
    """1x1 -> 3x3 -> 1x1 with GroupNorm(32) after each convolution and a 1x1 + GroupNorm shortcut."""

    def __init__(self, channels: int, width: int, inner: int):
        super().__init__()
        self.conv1 = ConvNorm(channels, inner, 1)
        self.conv2 = ConvNorm(inner, inner, 3)
        self.conv3 = ConvNorm(inner, width, 1)
        self.shortcut = ConvNorm(channels, width, 1) if channels != width else None

    def forward(self, tap, scale: float):
        """tap [B, channels, h, w] -> [B, width, h * scale, w * scale].

        The paper resizes the tap first. A 1x1 convolution commutes with bilinear resizing, so both input convolutions
        run at the tap's own resolution: the same numbers at a fraction of the cost.
        """
        h = F.relu(self.conv1.norm(resize(self.conv1(tap), scale)))
        h = F.relu(self.conv2.norm(self.conv2(h)))
        h = self.conv3.norm(self.conv3(h))
        # Channels equal to the width need no shortcut convolution; then the tap itself is resized and added.
        skip = resize(tap, scale) if self.shortcut is None else self.shortcut.norm(resize(self.shortcut(tap), scale))
        return F.relu(h + skip)


def resize(x, scale: float):
    if scale == 1.0:
        return x
    # Float32 and contiguous: torch 1.13's bilinear kernels are five times slower on bfloat16 in channels-last order.
    return F.interpolate(x.float().contiguous(), scale_factor=scale, mode="bilinear", align_corners=False)


class AggregationNetwork(nn.Module):
    """Hyperfeatures of S steps of L taps: sum over both of softmax(mixing_weights)[s, l] * bottleneck_l(tap[s, l])."""

    def __init__(self, tap_channels: list, tap_scales: list, steps: int = 1, width: int = WIDTH, inner: int = INNER):
        super().__init__()
        self.tap_scales, self.steps = tap_scales, steps
        # The inner ModuleList of one keeps the released code's parameter names (bottleneck_layers.{l}.0.conv1...).
        self.bottleneck_layers = nn.ModuleList([nn.Sequential(BottleneckBlock(c, width, inner)) for c in tap_channels])
        self.mixing_weights = nn.Parameter(torch.ones(steps * len(tap_channels)))

    def mixing(self) -> torch.Tensor:
        """Softmax over all steps and taps together: [S, L]."""
        return torch.softmax(self.mixing_weights, dim=0).view(self.steps, -1)

    def forward(self, taps: list, weights: torch.Tensor):
        """One step's weighted partial sum [B, width, H/4, W/4], not normalised; weights [L]."""
        total = None
        for i, (tap, scale) in enumerate(zip(taps, self.tap_scales)):
            part = weights[i] * self.bottleneck_layers[i][0](tap, scale)
            total = part if total is None else total + part
        return total


def for_unet(unet, steps: int = 1) -> AggregationNetwork:
    """The network for a UNet's thirteen taps: up-block i of n runs at 1 / 2^(n-1-i) of the output grid."""
    levels = len(unet.up_blocks)
    scales = [2.0 ** (levels - 1 - i) for i in range(levels) for _ in range(3)] + [1.0]
    return AggregationNetwork(unet.tap_channels(), scales, steps)
