"""The click decoder: from maps of an image that know nothing of the user, and what the user has pointed at, to a mask.

The recognition encoder is frozen and looks at an image once, and so does `prepare`; only `decode` runs again with each click. Hints are
[B, 4, H/2, W/2] in 0..1: discs and strokes on the object, the same on what is not the object, what is outside a box, the mask so far.
"""

import torch
import torch.nn.functional as F
from torch import nn

import recognition
from tracker import W4, W8, W16, Residual

HINTS = 4
# At strides 2, 4, 8 and 16.
WIDTHS = (16, 32, 64, 128)
HEADS, KEY = 4, 32


class ConvNorm(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True):
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), *([nn.ReLU()] if active else []))


class Block(nn.Module):
    """A wide depthwise convolution and two pointwise ones, as in ConvNeXt, with batch norms that fold away."""

    def __init__(self, channels: int, kernel: int, expansion: int = 2):
        super().__init__()
        self.layers = nn.Sequential(
            ConvNorm(channels, channels, kernel, groups=channels, active=False),
            ConvNorm(channels, channels * expansion),
            ConvNorm(channels * expansion, channels, active=False),
        )
        nn.init.constant_(self.layers[-1][1].weight, 0.3)

    def forward(self, x):
        return x + self.layers(x)


class Attention(nn.Module):
    """Every cell looks at all others."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.project = nn.Conv2d(channels, 3 * HEADS * KEY, 1)
        self.out = nn.Conv2d(HEADS * KEY, channels, 1)

    def forward(self, x):
        batch, _, height, width = x.shape
        q, k, v = self.project(self.norm(x)).reshape(batch, 3, HEADS, KEY, height * width).unbind(1)  # B x heads x KEY x cells
        weights = torch.softmax(q.transpose(2, 3) @ k * KEY**-0.5, 3)
        return x + self.out((v @ weights.transpose(2, 3)).reshape(batch, HEADS * KEY, height, width))


def doubled(x):
    return F.interpolate(x.float(), scale_factor=2, mode="bilinear", align_corners=False)


class Pyramid(nn.Module):
    """The tracker's maps of a frame at strides 2, 4, 8 and 16, as it had learned them when clicks were trained; frozen."""

    def __init__(self):
        super().__init__()
        _, c4, c8, c16, c32 = recognition.CHANNELS
        self.lateral32, self.lateral16, self.fuse16 = nn.Conv2d(c32, 128, 1), nn.Conv2d(c16, 128, 1), Residual(128, W16)
        self.lateral8, self.fuse8 = nn.Conv2d(c8, W16, 1), Residual(W16, W8)
        self.lateral4, self.top4, self.fuse4 = nn.Conv2d(c4, W4, 1), nn.Conv2d(W8, W4, 1), Residual(W4, W4)

    def forward(self, taps):
        t2, t4, t8, t16, t32 = taps
        p16 = self.fuse16(self.lateral16(t16) + doubled(self.lateral32(t32)))
        p8 = self.fuse8(self.lateral8(t8) + doubled(p16))
        p4 = self.fuse4(self.lateral4(t4) + doubled(self.top4(p8)))
        return t2, p4, p8, p16


class ClickDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        c2, c4, c8, c16 = WIDTHS
        self.pyramid = Pyramid()
        self.from16 = ConvNorm(W16, c16, active=False)
        self.from8 = ConvNorm(W8, c8, active=False)
        self.from4 = ConvNorm(W4, c4, active=False)
        self.from2 = ConvNorm(recognition.CHANNELS[0], c2, active=False)
        self.key = nn.Conv2d(c16, HEADS * KEY, 1)
        self.log_scale = nn.Parameter(torch.full((HEADS,), 2.3))

        self.hints2 = ConvNorm(HINTS, c2, 3)
        self.hints4 = ConvNorm(c2, c4, 3, 2)
        self.hints8 = ConvNorm(c4, c4, 3, 2)
        self.hints16 = ConvNorm(c4 + HINTS, c8, 3, 2)
        self.mix16 = ConvNorm(c8 + HINTS * HEADS, c16, active=False)
        self.blocks16 = nn.Sequential(Block(c16, 7), Attention(c16), Block(c16, 7), Attention(c16), Block(c16, 7))
        self.up8 = ConvNorm(c16 + c4, c8, active=False)
        self.blocks8 = nn.Sequential(Block(c8, 5), Block(c8, 5))
        self.up4 = ConvNorm(c8 + c4, c4, active=False)
        self.blocks4 = nn.Sequential(Block(c4, 5), Block(c4, 5))
        self.up2 = ConvNorm(c4 + c2, c2, active=False)
        self.blocks2 = nn.Sequential(nn.ReLU(), ConvNorm(c2, c2, 3))
        self.answer = nn.Conv2d(c2, 1, 1)
        nn.init.zeros_(self.answer.weight)

    def prepare(self, taps):
        """Raw taps of the encoder (recognition.CHANNELS) -> maps at strides 2, 4, 8, 16 (WIDTHS), and how alike cells at stride 16 are
        [B, HEADS, cells, cells]."""
        return self.project(self.pyramid(taps))

    def project(self, pyramid):
        t2, p4, p8, p16 = pyramid
        f16 = self.from16(p16)
        batch, _, height, width = f16.shape
        key = F.normalize(self.key(f16).float().reshape(batch, HEADS, KEY, height * width), dim=2)
        likeness = (self.log_scale.exp()[None, :, None, None] * (key.transpose(2, 3) @ key)).exp()
        return self.from2(t2), self.from4(p4), self.from8(p8), f16, likeness

    def matching_scores(self, likeness, hints):
        """How like its nearest look-alikes among the hinted cells each cell is: [B, HINTS * HEADS, H/16, W/16], about -1..1."""
        batch, _, height, width = hints.shape
        weight = hints.reshape(batch, 1, HINTS, height * width)
        scores = torch.log(weight @ likeness + 0.05) / self.log_scale.exp()[None, :, None, None]  # likeness is symmetric
        return scores.transpose(1, 2).reshape(batch, HINTS * HEADS, height, width)

    def decode(self, maps, hints):
        """-> logits [B, 1, H/2, W/2]"""
        f2, f4, f8, f16, likeness = maps
        h2 = self.hints2(hints)
        h4 = self.hints4(h2)
        h8 = self.hints8(h4)
        coarse = F.max_pool2d(hints, 8)
        h16 = self.hints16(torch.cat([h8, F.max_pool2d(hints, 4)], 1))
        x = F.relu(f16 + self.mix16(torch.cat([h16, self.matching_scores(likeness, coarse)], 1)))
        x = self.blocks16(x)
        x = F.relu(f8 + self.up8(torch.cat([doubled(x), h8], 1)))
        x = self.blocks8(x)
        x = F.relu(f4 + self.up4(torch.cat([doubled(x), h4], 1)))
        x = self.blocks4(x)
        x = F.relu(f2 + self.up2(torch.cat([doubled(x), h2], 1)))
        return self.answer(self.blocks2(x)).float()

    def forward(self, taps, hints):
        return self.decode(self.prepare(taps), hints)
