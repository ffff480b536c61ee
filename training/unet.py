"""A small pixel-space UNet with the layout and parameter names of Stable Diffusion's (diffusers' UNet2D).

The image is pixel-unshuffled by 4 inside, so the finest grid is H/4 x W/4. Four up-blocks of three resnets give the
paper's twelve taps: the output of each resnet's second convolution, before the residual is added. There is no
self-attention: an earlier model had learned it, and carried masks equally well with all of it left out.

The output is the noise, as in Stable Diffusion, but the layers predict the velocity v = sqrt(a) noise - sqrt(1 - a) x_0
(a = alpha_bar) and a fixed formula turns it into the noise: 48 channels cannot also carry the 48 numbers of pure noise
that each cell holds at large t (the same layers predicting noise directly were stuck at an error of 0.40 for t >= 100).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

import schedule

CHANNELS = (48, 96, 128, 192)
GROUPS = 16
PATCH = 4
IMAGE_CHANNELS = 3


def timestep_embedding(timesteps: torch.Tensor, dim: int) -> torch.Tensor:
    """Sinusoid of float timesteps [B] -> [B, dim]; cosines first (flip_sin_to_cos), freq_shift 0, as in SD 1.5."""
    half = dim // 2
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * (-math.log(10000.0) / half))
    angles = timesteps.float()[:, None] * frequencies[None, :]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class GroupNorm(nn.GroupNorm):
    """Always in float32: under bfloat16 autocast torch 1.13 has no CPU kernel that mixes the two."""

    def forward(self, x):
        return super().forward(x.float().contiguous())


class TimestepEmbedding(nn.Module):
    def __init__(self, channels: int, embedding: int):
        super().__init__()
        self.linear_1 = nn.Linear(channels, embedding)
        self.linear_2 = nn.Linear(embedding, embedding)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class ResnetBlock2D(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, embedding: int):
        super().__init__()
        self.norm1 = GroupNorm(GROUPS, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.time_emb_proj = nn.Linear(embedding, channels_out)
        self.norm2 = GroupNorm(GROUPS, channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else None

    def forward(self, x, embedding):
        """-> (block output, tap), both [B, channels_out, h, w]."""
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(F.silu(embedding))[:, :, None, None]
        tap = self.conv2(F.silu(self.norm2(h)))
        skip = x if self.conv_shortcut is None else self.conv_shortcut(x)
        return skip + tap, tap


class Downsample2D(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x)


class Upsample2D(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class DownBlock2D(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, embedding: int, downsample: bool):
        super().__init__()
        self.resnets = nn.ModuleList(
            [ResnetBlock2D(channels_in if j == 0 else channels_out, channels_out, embedding) for j in range(2)]
        )
        self.downsamplers = nn.ModuleList([Downsample2D(channels_out)]) if downsample else None

    def forward(self, x, embedding, skips: list):
        for resnet in self.resnets:
            x, _ = resnet(x, embedding)
            skips.append(x)
        if self.downsamplers is not None:
            x = self.downsamplers[0](x)
            skips.append(x)
        return x


class MidBlock2D(nn.Module):
    def __init__(self, channels: int, embedding: int):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock2D(channels, channels, embedding) for _ in range(2)])

    def forward(self, x, embedding):
        for resnet in self.resnets:
            x, _ = resnet(x, embedding)
        return x


class UpBlock2D(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, skips: tuple, embedding: int, upsample: bool):
        super().__init__()
        self.resnets = nn.ModuleList(
            [ResnetBlock2D((channels_in if j == 0 else channels_out) + skips[j], channels_out, embedding) for j in range(3)]
        )
        self.upsamplers = nn.ModuleList([Upsample2D(channels_out)]) if upsample else None

    def forward(self, x, embedding, skips: list, taps: list):
        for resnet in self.resnets:
            x, tap = resnet(torch.cat([x, skips.pop()], dim=1), embedding)
            taps.append(tap)
        return x if self.upsamplers is None else self.upsamplers[0](x)


class UNet2D(nn.Module):
    """Predicts the noise of `sample` [B, 3, H, W] at `timestep` [B] (float, -1 = clean); H, W multiples of 32."""

    def __init__(self, channels: tuple = CHANNELS):
        super().__init__()
        levels = len(channels)
        embedding = channels[0] * 4
        unshuffled = IMAGE_CHANNELS * PATCH**2
        # Pixel-unshuffle as a fixed strided convolution: the same numbers, and any size survives the ONNX export.
        self.register_buffer("unshuffle", torch.eye(unshuffled).view(unshuffled, IMAGE_CHANNELS, PATCH, PATCH), persistent=False)
        self.register_buffer("alpha_bars", schedule.alpha_bars(), persistent=False)
        self.conv_in = nn.Conv2d(unshuffled, channels[0], 3, padding=1)
        self.time_embedding = TimestepEmbedding(channels[0], embedding)
        self.down_blocks = nn.ModuleList(
            [
                DownBlock2D(channels[max(i - 1, 0)], channels[i], embedding, downsample=i < levels - 1)
                for i in range(levels)
            ]
        )
        self.mid_block = MidBlock2D(channels[-1], embedding)
        skips = [channels[0]]
        for i, c in enumerate(channels):
            skips += [c, c] + ([c] if i < levels - 1 else [])
        up = []
        for i in range(levels):
            c = channels[levels - 1 - i]
            above = channels[min(levels - i, levels - 1)]
            three = (skips.pop(), skips.pop(), skips.pop())
            up.append(UpBlock2D(above, c, three, embedding, upsample=i < levels - 1))
        self.up_blocks = nn.ModuleList(up)
        self.conv_norm_out = GroupNorm(GROUPS, channels[0])
        self.conv_out = nn.Conv2d(channels[0], unshuffled, 3, padding=1)
        self.channels = channels
        self.reset_parameters()

    def reset_parameters(self):
        # The last convolution starts at zero, so the first prediction is the mean of the target.
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, sample, timestep):
        """-> (noise prediction [B, 3, H, W], 13 taps: twelve decoder convolutions, then the unshuffled input)."""
        pixels = F.conv2d(sample, self.unshuffle, stride=PATCH)  # B x 48 x H/4 x W/4
        embedding = self.time_embedding(timestep_embedding(timestep, self.channels[0]))
        x = self.conv_in(pixels)
        skips, taps = [x], []
        for block in self.down_blocks:
            x = block(x, embedding, skips)
        x = self.mid_block(x, embedding)
        for block in self.up_blocks:
            x = block(x, embedding, skips, taps)
        velocity = F.pixel_shuffle(self.conv_out(F.silu(self.conv_norm_out(x))), PATCH)
        bar = self.alpha_bars[timestep.long() + 1].view(-1, 1, 1, 1)
        noise = bar.sqrt() * velocity + (1.0 - bar).sqrt() * sample
        return noise, [*taps, pixels]

    def tap_channels(self) -> list:
        return [resnet.conv2.out_channels for block in self.up_blocks for resnet in block.resnets] + [self.unshuffle.shape[0]]

    def tap_names(self) -> list:
        return [f"up_blocks.{i}.resnets.{j}" for i in range(len(self.up_blocks)) for j in range(3)] + ["input"]
