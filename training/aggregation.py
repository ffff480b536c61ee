"""The paper's aggregation network: one bottleneck per tap, shared over timesteps, mixed by softmax weights.

One thing differs, for speed: the paper brings every tap to the output grid and runs its bottleneck there; here a bottleneck
runs on the tap's own grid, and what the taps of one grid add up to is enlarged with the next finer one. Nine of the bundled
model's thirteen bottlenecks cost a quarter to a 64th of what they did. With taps that all have the output grid it is the
paper's network to the letter.
"""

import torch
import torch.nn.functional as F
from torch import nn

from unet import GroupNorm

WIDTH = 128
INNER = 32
GROUPS = 32


class ConvNorm(nn.Module):
    """A convolution without bias, then GroupNorm: the released code's parameter names."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int):
        super().__init__()
        self.padding = kernel // 2
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.norm = GroupNorm(GROUPS, channels_out)

    def forward(self, x):
        return self.norm(F.conv2d(x, self.weight, padding=self.padding))


class BottleneckBlock(nn.Module):
    """1x1 -> 3x3 -> 1x1 with GroupNorm(32) after each convolution and a 1x1 + GroupNorm shortcut."""

    def __init__(self, channels: int, width: int, inner: int):
        super().__init__()
        self.conv1 = ConvNorm(channels, inner, 1)
        self.conv2 = ConvNorm(inner, inner, 3)
        self.conv3 = ConvNorm(inner, width, 1)
        self.shortcut = ConvNorm(channels, width, 1) if channels != width else None

    def forward(self, tap):
        """tap [B, channels, h, w] -> [B, width, h, w]."""
        h = F.relu(self.conv1(tap))
        h = F.relu(self.conv2(h))
        # Channels equal to the width need no shortcut convolution; then the tap itself is added.
        return F.relu(self.conv3(h) + (tap if self.shortcut is None else self.shortcut(tap)))


def enlarge(x, scale: float):
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
        """One step's weighted partial sum [B, width, H/4, W/4], not normalised; weights [L]. Coarse taps come first."""
        total, grid = 0.0, self.tap_scales[0]
        for i, (tap, scale) in enumerate(zip(taps, self.tap_scales)):
            if scale != grid:
                total, grid = enlarge(total, grid / scale), scale
            total = total + weights[i] * self.bottleneck_layers[i][0](tap)
        return enlarge(total, grid)


def for_unet(unet, steps: int = 1) -> AggregationNetwork:
    """The network for a UNet's thirteen taps: up-block i of n has 1 / 2^(n-1-i) of the output grid's cells along each side."""
    levels = len(unet.up_blocks)
    scales = [2.0 ** (levels - 1 - i) for i in range(levels) for _ in range(3)] + [1.0]
    return AggregationNetwork(unet.tap_channels(), scales, steps)
