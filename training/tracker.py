"""The mask tracker: recognition taps, a memory of masks read by similarity, and a decoder that answers where the object is now.

Shapes: B images, N objects in them (`owner` [N] says whose), sides H x W multiples of 32; n is the number of cells at stride 8. Masks are
probabilities at half resolution, [N, 1, H/2, W/2].

    encode    image                               -> maps, keys and descriptors; once for all objects
    memorise  maps, mask                          -> what a memory frame keeps of an object
    read      maps, memory frames                 -> matching channels: what similarities to the memory say of every cell
    decode    maps, matching channels, last masks -> logits [N, 1, H/2, W/2]: the labels that the reads propagate, corrected

A layer that reads the image beside an object's maps is a sum of what the image adds, computed once for all objects, and of what the object does.

A read is a softmax over similarities. From exponentials of them come propagated labels (the object's share) and soft maxima (the best similarity to
object and to background), so that one product and one thin product serve all objects of a frame.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

import recognition
from recognition import RecognitionEncoder

KEY, VALUE = 64, 48
W16, W8, W4, W2 = 96, 96, 48, 32
# Taps of a descriptor, and what each weighs in its length.
DESCRIPTOR_TAPS = ((3, 0.8), (2, 0.5), (1, 0.33))
DESCRIPTOR = sum(recognition.CHANNELS[tap] for tap, _ in DESCRIPTOR_TAPS)
# Labels propagated by key and by descriptor, then for each: best of object, its lead over background in the first frame, in the last, in the last nearby,
# the labels propagated from nearby, the best nearby.
CHANNELS = 2 + 2 * 6
LABELS = (0, 1, 6, 12)  # the channels that are propagated labels
SHARPNESS = 40.0  # of soft maxima
BLOCK = 8  # cells of a window's block, a side
UNDECIDED = 1.7  # what an undecided mask lacks in overlap, see expected_overlap
FAR = 0.25  # what a cell of the last frame at stride 16 counts beside those at stride 8


class Norm(nn.GroupNorm):
    """In float32 whatever its input is: torch 1.13's has no bfloat16 on CPUs."""

    def forward(self, x):
        return super().forward(x.float()).to(x.dtype)


def norm(channels: int) -> nn.GroupNorm:
    return Norm(8, channels)


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.a, self.na = nn.Conv2d(inputs, outputs, 3, padding=1), norm(outputs)
        self.b, self.nb = nn.Conv2d(outputs, outputs, 3, padding=1), norm(outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x):
        return self._after(self.a(x), x if self.skip is None else self.skip(x))

    def _after(self, h, skip):
        return F.relu(self.nb(self.b(F.relu(self.na(h)))) + skip)


class ImageResidual(Residual):
    """One whose input channels from `first` to `end` are the image's: what they add is `image_part`, and `forward` gets the others alone."""

    def __init__(self, inputs: int, outputs: int, first: int, end: int):
        super().__init__(inputs, outputs)
        self.first, self.end = first, end

    def image_part(self, x):
        """[B, end - first, h, w] -> [B, 2 * outputs, h, w]: of the first convolution, and of the skip."""
        return torch.cat([part(layer, x, self.first, self.end) for layer in (self.a, self.skip)], 1)

    def forward(self, x, image_part):
        a, skip = image_part.chunk(2, 1)
        return self._after(a + rest(self.a, x, self.first, self.end), skip + rest(self.skip, x, self.first, self.end))


def part(layer: nn.Conv2d, x: torch.Tensor, first: int, end: int) -> torch.Tensor:
    """What a layer's input channels from `first` to `end` add to its outputs, with its bias."""
    return F.conv2d(x, layer.weight[:, first:end], layer.bias, padding=layer.padding)


def rest(layer: nn.Conv2d, x: torch.Tensor, first: int, end: int) -> torch.Tensor:
    """What all its other input channels add."""
    return F.conv2d(x, torch.cat([layer.weight[:, :first], layer.weight[:, end:]], 1), padding=layer.padding)


def strided(channels: tuple) -> nn.ModuleList:
    return nn.ModuleList([nn.Conv2d(i, o, 3, 2, 1) for i, o in zip(channels, channels[1:])])


def upsample(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def double(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def unit(x: torch.Tensor) -> torch.Tensor:
    return F.normalize(x, dim=1)


def of(maps: torch.Tensor, owner) -> torch.Tensor:
    """Images' maps for each object. `owner` None: all objects are of the one image, whose map is not copied."""
    return maps if owner is None else maps[owner]


def rows(x: torch.Tensor) -> torch.Tensor:
    """[1, C, h, w] -> [h*w, C]"""
    return x.flatten(2)[0].transpose(0, 1)


def sharp(queries: torch.Tensor, keys: torch.Tensor, scale) -> torch.Tensor:
    """exp(scale * (similarity - 1)) of rows [n, C] and rows [m, C], [n, m]."""
    return torch.exp(scaled(queries, scale) @ ones_after(keys).T)


def scaled(queries: torch.Tensor, scale) -> torch.Tensor:
    """Rows or a map whose products with `ones_after` of others are scale * (similarity - 1): similarities are at most 1, so their exponentials
    don't overflow, and no pass over all pairs is needed for it."""
    return torch.cat([queries * scale, -scale * torch.ones_like(queries[:, :1])], 1)


def ones_after(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


class Windows:
    """A map's cells in square blocks, and around each block all cells within BLOCK of it. Sides are filled up with zeros."""

    def __init__(self, height: int, width: int):
        self.height, self.width = height, width
        self.down, self.across = (height + BLOCK - 1) // BLOCK, (width + BLOCK - 1) // BLOCK

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """[1, C, h, w] -> [blocks, BLOCK^2, C]"""
        return self._cut(self._padded(x), BLOCK, BLOCK)

    def around(self, x: torch.Tensor) -> torch.Tensor:
        """[1, C, h, w] -> [blocks, 9 * BLOCK^2, C]"""
        x = self._padded(x)
        return torch.cat([self._cut(x, BLOCK * i, BLOCK * j) for i in range(3) for j in range(3)], 1)

    def _padded(self, x: torch.Tensor) -> torch.Tensor:
        """-> [h + 3 * BLOCK, w + 3 * BLOCK, C]: whole cells are moved from here on."""
        return F.pad(x[0].permute(1, 2, 0), (0, 0, BLOCK, 2 * BLOCK, BLOCK, 2 * BLOCK))

    def _cut(self, x: torch.Tensor, top: int, left: int) -> torch.Tensor:
        x = x[top : top + self.down * BLOCK, left : left + self.across * BLOCK]
        x = x.reshape(self.down, BLOCK, self.across, BLOCK, -1).transpose(1, 2)
        return x.reshape(self.down * self.across, BLOCK * BLOCK, -1)

    def joined(self, x: torch.Tensor) -> torch.Tensor:
        """[blocks, BLOCK^2, C] -> rows [h*w, C]"""
        x = x.reshape(self.down, self.across, BLOCK, BLOCK, -1).permute(0, 2, 1, 3, 4)
        x = x.reshape(self.down * BLOCK, self.across * BLOCK, -1)
        return x[: self.height, : self.width].reshape(self.height * self.width, -1)


def nearness(reach: torch.Tensor) -> torch.Tensor:
    """exp(-|p - q|^2 / (2 reach^2)) of the cells of a block and those around it (see Windows), [BLOCK^2, 9 * BLOCK^2]."""
    own, other = torch.arange(BLOCK), torch.arange(-BLOCK, 2 * BLOCK)
    away = (own[:, None] - other[None, :]).float().to(reach.device) / reach
    close = torch.exp(-0.5 * away.square()).reshape(BLOCK, 3, BLOCK)  # of one side: cell, block, cell in it
    both = close[:, None, :, None, :, None] * close[None, :, None, :, None, :]
    return both.reshape(BLOCK * BLOCK, 9 * BLOCK * BLOCK)


class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        c2, c4, c8, c16, c32 = recognition.CHANNELS
        self.encoder = RecognitionEncoder()
        self.lateral32, self.lateral16, self.fuse16 = nn.Conv2d(c32, 128, 1), nn.Conv2d(c16, 128, 1), Residual(128, W16)
        self.lateral8, self.fuse8 = nn.Conv2d(c8, W16, 1), Residual(W16, W8)
        self.lateral4, self.top4, self.fuse4 = nn.Conv2d(c4, W4, 1), nn.Conv2d(W8, W4, 1), Residual(W4, W4)
        self.key = nn.Conv2d(DESCRIPTOR, KEY, 1)

        self.mask_in = strided((1, 16, 32, 32))
        self.value_in, self.value_out = ImageResidual(W8 + 32, 64, 0, W8), nn.Conv2d(64, VALUE, 3, padding=1)

        self.log_scale = nn.Parameter(torch.tensor(math.log(30.0)))  # inverse temperature of the key's read of values
        self.log_reach = nn.Parameter(torch.tensor(math.log(3.0)))  # how near is nearby, in cells
        self.label_weight = nn.Parameter(torch.full((len(LABELS),), 0.3))  # of the labels' logits in the mask's

        self.last_in = strided((1, 16, 16, 16))
        self.decode8 = ImageResidual(W8 + VALUE + CHANNELS + 16, 96, 0, W8)
        self.down16, self.decode16 = nn.Conv2d(96, W16, 3, 2, 1), ImageResidual(2 * W16, W16, W16, 2 * W16)
        self.merge8 = Residual(96 + W16, 64)
        self.decode4 = ImageResidual(64 + W4 + 2, W4, 64, 64 + W4)
        self.decode2 = nn.ModuleList([nn.Conv2d(W4 + c2 + 1, W2, 3, padding=1), nn.Conv2d(W2, W2, 3, padding=1)])
        self.out = nn.Conv2d(W2, 1, 3, padding=1)

    def _load_from_state_dict(self, state, prefix, *rest):
        # Weights on disk call it so.
        if prefix + "vote" in state:
            state[prefix + "label_weight"] = state.pop(prefix + "vote")
        super()._load_from_state_dict(state, prefix, *rest)

    # --- once a frame -------------------------------------------------------------------------------------------------------------

    def encode(self, image: torch.Tensor) -> dict:
        """RGB [B, 3, H, W] in [-1, 1] -> maps; `descriptor` [B, 176, H/8, W/8] and `key` [B, 64, H/8, W/8] have unit length. The others are what the
        image adds in layers that read of objects: `value8` [B, 128, H/8, W/8], `decode8` [B, 192, H/8, W/8], `decode16` [B, 192, H/16, W/16],
        `decode4` [B, 96, H/4, W/4], `decode2` [B, 32, H/2, W/2]."""
        taps = self.encoder(image)
        f2, f4, f8, f16, f32 = taps
        p16 = self.fuse16(self.lateral16(f16) + upsample(self.lateral32(f32), f16))
        p8 = self.fuse8(self.lateral8(f8) + upsample(p16, f8))
        p4 = self.fuse4(self.lateral4(f4) + upsample(self.top4(p8), f4))
        descriptor = self.describe(taps)
        return {
            "value8": self.value_in.image_part(p8),
            "decode8": self.decode8.image_part(p8),
            "decode16": self.decode16.image_part(p16),
            "decode4": self.decode4.image_part(p4),
            "decode2": part(self.decode2[0], f2, W4, W4 + recognition.CHANNELS[0]),
            "key": unit(self.key(descriptor)),
            "descriptor": descriptor,
        }

    def describe(self, taps: list) -> torch.Tensor:
        """DESCRIPTOR_TAPS at stride 8, each centred on its mean over the frame, of unit length and weighted, one after the other."""
        parts = []
        for tap, weight in DESCRIPTOR_TAPS:
            x = taps[tap]
            x = F.avg_pool2d(x, 2) if recognition.STRIDES[tap] == 4 else x
            x = unit(x - x.mean((2, 3), keepdim=True))
            parts.append(weight * (unit(double(x)) if recognition.STRIDES[tap] == 16 else x))
        return unit(torch.cat(parts, 1))

    # --- once an object ---------------------------------------------------------------------------------------------------------------

    def memorise(self, maps: dict, owner, mask: torch.Tensor) -> dict:
        """What a frame keeps: its maps `key` and `descriptor`, and for each object values [N, 48, h8, w8] and its share of every cell
        [N, 1, h8, w8]. `owner` None: all objects are of the one image."""
        x = double(mask)
        for layer in self.mask_in:
            x = F.relu(layer(x))
        value = self.value_out(self.value_in(x, of(maps["value8"], owner)))
        return {"key": maps["key"], "descriptor": maps["descriptor"], "value": value, "mask": F.avg_pool2d(mask, 4)}

    def read(self, maps: dict, owner: torch.Tensor, memory: list) -> dict:
        """`memory`: frames, the painted one first, the last one last. -> `value` [N, 48, h8, w8], `channels` [N, 14, h8, w8]."""
        values, channels = [None] * len(owner), [None] * len(owner)
        for b in range(len(maps["key"])):
            mine = (owner == b).nonzero()[:, 0]
            if len(mine) == 0:
                continue
            kept = []
            for m in memory:
                frame = {name: m[name][b : b + 1] for name in ("key", "descriptor")}
                kept.append({**frame, "read": readable(m["value"][mine], m["mask"][mine])})
            *coarse, far = [pooled(frame) for frame in kept]
            coarse = coarse or [far]
            stack = {name: torch.cat([f[name] for f in coarse], 0) for name in ("key", "read")}
            first = {**coarse[0], "share": coarse[0]["read"][:, len(mine) * VALUE :]}
            value, read = self.read_rows(maps["key"][b : b + 1], maps["descriptor"][b : b + 1], stack, first, kept[-1], far, len(mine))
            for i, n in enumerate(mine.tolist()):
                values[n], channels[n] = value[i], read[i]
        return {"value": torch.stack(values), "channels": torch.stack(channels)}

    def read_rows(self, key, descriptor, memory: dict, first: dict, last: dict, far: dict, objects: int, gain=1.0):
        """One image's read. `last`: the frame before, maps at stride 8 `key` [1, 64, h, w], `descriptor` [1, C, h, w], `read`
        [1, N * 48 + N + 1, h, w] (see readable). Rows at stride 16 (see pooled): `far` of the same frame; `memory` of those before it, `key` and `read`;
        `first` of the painted frames, of one or several, `key`, `descriptor` and `share`. `gain`: what similarities of descriptors are multiplied with.

        The last frame is read at stride 8 in a window around each cell; what lies farther away, and all that is older, at stride 16.
        """
        height, width = key.shape[-2:]
        far_read = FAR * far["read"]
        window = Windows(height, width)
        read_near = window.around(last["read"])
        own = slice(objects * VALUE, None)  # of what is read: the objects' shares and the number of cells

        scale = self.log_scale.exp()
        # Softmaxes, with their sums as one more column of the products.
        around = {name: window.around(ones_after(last[name])).transpose(1, 2) for name in ("key", "descriptor")}
        read = window.joined(torch.exp(window.of(scaled(key, scale)) @ around["key"]) @ read_near)
        read = read + sharp(rows(key), memory["key"], scale) @ memory["read"] + sharp(rows(key), far["key"], scale) @ far_read
        read = read[:, :-1] / read[:, -1:].clamp(min=1e-30)
        value = read[:, : objects * VALUE].T.reshape(objects, VALUE, height, width)
        channels = [read[:, objects * VALUE :]]

        near = nearness(self.log_reach.exp())
        shares = read_near[:, :, own]
        leads, labels = [], None
        for name, d, scale in (("key", key, SHARPNESS), ("descriptor", descriptor, SHARPNESS * gain)):
            here = torch.exp(window.of(scaled(d, scale)) @ around[name])
            there = sharp(rows(d), far[name], scale) @ far_read[:, own]
            f1, b1, o1, r1 = soft_maxima(sharp(rows(d), first[name], scale) @ first["share"])
            f2, b2, o2, r2 = soft_maxima(window.joined(here @ shares) + there)
            f3, b3, o3, r3 = soft_maxima(window.joined((here * near) @ shares))
            leads += [f1, f1 - b1, f2 - b2, f3 - b3, o3 / (o3 + r3), torch.maximum(f3, b3)]
            labels = (o1 + o2) / (o1 + o2 + r1 + r2)
        channels = torch.stack([*channels, labels, *leads], 0)  # 14 x n x N
        return value, channels.permute(2, 0, 1).reshape(objects, CHANNELS, height, width)

    def decode(self, maps: dict, owner, read: dict, last: torch.Tensor):
        """`last`: masks of the frame before [N, 1, H/2, W/2]. -> (logits [N, 1, H/2, W/2], quality [N], see expected_overlap)."""
        image8, image16, image4, image2 = (of(maps[f"decode{stride}"], owner) for stride in (8, 16, 4, 2))
        before = double(last)
        for layer in self.last_in:
            before = F.relu(layer(before))
        channels = read["channels"]
        x = self.decode8(torch.cat([read["value"], channels, before], 1), image8)
        y = self.decode16(F.relu(self.down16(x)), image16)
        x = self.merge8(torch.cat([x, upsample(y, x)], 1))
        x = self.decode4(torch.cat([upsample(x, image4), F.avg_pool2d(last, 2), upsample(channels[:, :1], image4)], 1), image4)
        first, second = self.decode2
        x = F.relu(image2 + rest(first, torch.cat([upsample(x, image2), last], 1), W4, W4 + recognition.CHANNELS[0]))
        x = F.relu(second(x))
        labels = torch.stack([channels[:, i] for i in LABELS], 1).clamp(0.02, 0.98)
        logits = self.out(x) + upsample((torch.log(labels / (1 - labels)) * self.label_weight.view(1, -1, 1, 1)).sum(1, keepdim=True), x)
        return logits, expected_overlap(logits)


def expected_overlap(logits: torch.Tensor) -> torch.Tensor:
    """The intersection over union with the truth that masks [N, 1, h, w] can be expected to have, 0..1 [N]; 1 where there is no object. It falls
    with what the pixels that may belong to the object lack in decidedness, on average; UNDECIDED was fitted on nine sequences of DAVIS."""
    inside = torch.sigmoid(logits)
    undecided = (inside * (1 - (2 * inside - 1).abs())).sum((1, 2, 3)) / (inside.sum((1, 2, 3)) + 1)
    return (1 - UNDECIDED * undecided).clamp(0, 1)


def soft_maxima(sums: torch.Tensor):
    """`sums` [n, N + 1] of exponentials of sharpened similarities: to each object's share of cells, and to all cells. -> for each cell and object
    the best similarity to the object and to the rest of the frame, and their masses, all [n, N]."""
    own = sums[:, :-1]
    rest = (sums[:, -1:] - own).clamp(min=1e-18)
    own = own.clamp(min=1e-18)
    return 1 + torch.log(own) / SHARPNESS, 1 + torch.log(rest) / SHARPNESS, own, rest


def readable(value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What is read from a frame's cells: values of all objects, their shares, and the number of cells that a row stands for.
    [N, 48, h, w], [N, 1, h, w] -> [1, N * 48 + N + 1, h, w]"""
    return torch.cat([value.flatten(0, 1), mask.flatten(0, 1), torch.ones_like(mask[0])], 0)[None]


def pooled(frame: dict) -> dict:
    """A frame's rows at stride 16: mean keys and descriptors, and sums of what is read."""
    small = {name: rows(unit(F.avg_pool2d(frame[name], 2))) for name in ("key", "descriptor")}
    return {**small, "read": rows(4 * F.avg_pool2d(frame["read"], 2))}


def join(logits: torch.Tensor, owner: torch.Tensor, images: int):
    """Soft aggregation (Oh et al. 2019, eq. 5), for images with several objects: they are made to share every pixel. A single object keeps
    its logits. [N, 1, h, w] -> the same, after sharing."""
    count = torch.bincount(owner, minlength=images)[owner].view(-1, 1, 1, 1)
    probability = torch.sigmoid(logits).clamp(1e-5, 1 - 1e-5)
    odds = probability / (1 - probability)
    log_free = torch.zeros(images, *logits.shape[1:], device=logits.device).index_add(0, owner, torch.log1p(-probability))
    free = log_free.exp().clamp(1e-5, 1 - 1e-5)
    total = (free / (1 - free)).index_add(0, owner, odds)
    shared = torch.log(odds) - torch.log((total[owner] - odds).clamp(min=1e-6))
    return torch.where(count > 1, shared, logits)


# The trial that this began with (a sketch of the same decoder), its names and ours.
TRIAL_NAMES = {
    "enc": "encoder", "l32": "lateral32", "l16": "lateral16", "f16": "fuse16", "l8": "lateral8", "f8": "fuse8", "l4": "lateral4",
    "t4": "top4", "f4": "fuse4", "vmask": "mask_in", "pmask": "last_in", "d8": "decode8", "c16": "down16", "r16": "decode16",
    "m8": "merge8", "d4": "decode4", "base": "label_weight",
}  # fmt: skip


def from_trial(path) -> Tracker:
    tracker = Tracker()
    own = tracker.state_dict()
    for name, value in torch.load(path, map_location="cpu")["avg"].items():
        head, _, tail = name.partition(".")
        if head in ("vmask", "pmask", "d2"):
            index, _, rest = tail.partition(".")
            tail = f"{int(index) // 2}.{rest}"
        if head == "value":
            head, tail = ("value_in", tail[2:]) if tail.startswith("0.") else ("value_out", tail[2:])
        ours = TRIAL_NAMES.get(head, {"d2": "decode2"}.get(head, head)) + (f".{tail}" if tail else "")
        if ours in own and own[ours].shape == value.shape and head != "logscale":
            own[ours] = value.float()
        elif head != "logscale":
            print("not taken over:", name)
    tracker.load_state_dict(own)
    return tracker
