"""Stable Diffusion's noise schedule (scaled_linear, 0.00085 -> 0.012, 1000 steps), with t = -1 as the clean image."""

import torch

TRAIN_TIMESTEPS = 1000
BETA_START = 0.00085
BETA_END = 0.012


def alpha_bars() -> torch.Tensor:
    """Cumulative alphas [TRAIN_TIMESTEPS + 1]; index t + 1, so that index 0 is t = -1, where alpha_bar is 1."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_TIMESTEPS, dtype=torch.float32) ** 2
    return torch.cat([torch.ones(1), torch.cumprod(1.0 - betas, dim=0)])


def sample_timesteps(count: int, generator: torch.Generator) -> torch.Tensor:
    """Integer timesteps [count] in -1 .. 999. Half are uniform, half lean to little noise (t < 300).

    Features are read from (nearly) clean images, so the small-noise end deserves more than its uniform share.
    """
    uniform = torch.randint(-1, TRAIN_TIMESTEPS, (count,), generator=generator)
    small = torch.randint(-1, 300, (count,), generator=generator)
    return torch.where(torch.rand(count, generator=generator) < 0.5, uniform, small)


def add_noise(clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, bars: torch.Tensor) -> torch.Tensor:
    """x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) noise; all [B, 3, H, W], timesteps [B]."""
    bar = bars[timesteps + 1].view(-1, 1, 1, 1)
    return bar.sqrt() * clean + (1.0 - bar).sqrt() * noise


def denoising_loss(prediction: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, bars: torch.Tensor) -> torch.Tensor:
    """Squared error of the noise over alpha_bar, which is the squared error of the velocity that the layers predict.

    At t = -1 no noise was added, and zero is what a perfect model predicts.
    """
    target = noise * (timesteps >= 0).view(-1, 1, 1, 1)
    error = (prediction - target).square().mean((1, 2, 3))
    return (error / bars[timesteps + 1]).mean()
