"""The one-step model as a graph for CPUs: the same numbers as `step.onnx` up to 8-bit rounding, at a fraction of its cost.

What is different from the exported graph:
- the timestep is always -1 (the clean image) and the mixing weights are known: both are folded into biases and scales;
- the noise prediction is left out, nothing behind the last tap runs;
- 3x3 convolutions, which are most of the work, run on 8-bit integers (weights per channel, activations with ranges that
  were measured on photographs);
- a group norm is two sums and one scaling, instead of five passes over the map; one that follows a convolution reads its
  8-bit numbers as they are, for norms do not depend on their zero and scale;
- the last 1x1 convolution of a bottleneck and its norm are one matrix product: mean and variance of W h follow from the
  mean of h and from h h^T, so W is scaled before it is applied and its normalised output is never written twice.

The operators FusedGemm, FusedMatMul and QuickGelu are onnxruntime's own; its CPU provider has all of them.
"""

import math

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import aggregation
import unet as unet_module

OPSET = 17
EPSILON = 1e-5
RUNTIME = "com.microsoft"


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().numpy()


class Builder:
    """Collects nodes; every method takes and returns names of tensors."""

    def __init__(self, ranges: dict):
        self.ranges = ranges
        self.nodes, self.initializers, self.known, self.shared = [], [], {}, {}
        self.number = 0

    def name(self, hint: str) -> str:
        self.number += 1
        return f"{hint}_{self.number}"

    def constant(self, value: np.ndarray) -> str:
        key = (value.tobytes(), value.dtype.str, value.shape)
        if key not in self.known:
            self.known[key] = self.own(value)
        return self.known[key]

    def own(self, value: np.ndarray) -> str:
        """A constant that no other node reads."""
        name = self.name("c")
        self.initializers.append(numpy_helper.from_array(value if value.ndim == 0 else np.ascontiguousarray(value), name))
        return name

    def floats(self, *values) -> str:
        return self.constant(np.array(values, np.float32))

    def ints(self, *values) -> str:
        return self.constant(np.array(values, np.int64))

    def value(self, name: str) -> np.ndarray:
        """A constant's."""
        return numpy_helper.to_array(next(i for i in self.initializers if i.name == name))

    def node(self, op: str, *inputs, domain: str = "", **attributes) -> str:
        output = self.name(op)
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=self.name(f"/{op}"), domain=domain, **attributes))
        return output

    # Quantisation: uint8 activations, int8 weights with a scale per output channel.

    def scale_of(self, key: str):
        low, high = self.ranges[key]
        low, high = min(low, 0.0), max(high, 0.0)  # zero must be exact: convolutions pad with it
        scale = max((high - low) / 255, 1e-8)
        return np.float32(scale), np.uint8(round(-low / scale))

    def quantise(self, x: str, key: str) -> tuple:
        scale, zero = self.scale_of(key)
        names = self.constant(np.array(scale)), self.constant(np.array(zero))
        return (self.node("QuantizeLinear", x, *names), *names)

    def conv8(self, x: tuple, weight: np.ndarray, bias, key: str, **attributes) -> tuple:
        """A convolution on (quantised tensor, scale, zero point), quantised to the range measured for `key`."""
        scale = np.maximum(np.abs(weight).max(axis=(1, 2, 3)), 1e-8) / 127
        rounded = np.clip(np.round(weight / scale[:, None, None, None]), -127, 127).astype(np.int8)
        x_scale = self.value(x[1])
        y_scale, y_zero = self.scale_of(key)
        y = self.constant(np.array(y_scale)), self.constant(np.array(y_zero))
        # Processors without VNNI want weights as unsigned integers, and onnxruntime converts only those of a single node.
        inputs = [*x, self.own(rounded), self.constant(scale.astype(np.float32)), self.own(np.zeros(len(scale), np.int8)), *y]
        if bias is not None:
            inputs.append(self.constant(np.round(bias / (scale * x_scale)).astype(np.int32)))
        return (self.node("QLinearConv", *inputs, **attributes), *y)

    def dequantised(self, x: tuple, channels: int, level: int) -> str:
        # One reader that is not a Reshape, or onnxruntime would run the node once for each reader.
        flat = self.node("Flatten", self.node("DequantizeLinear", *x), axis=2)
        return self.shaped(flat, channels, level)

    # Float operators.

    def linear(self, weight: np.ndarray, x: str) -> str:
        """weight [out, in] times x [in, N]: a 1x1 convolution of a flattened map."""
        return self.node("Gemm", self.constant(weight), x)

    def flat(self, x: str) -> str:
        return self.node("Flatten", x, axis=2)

    def once(self, key: tuple, make) -> str:
        """What `make` returns, made with the first call for a key."""
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]

    def size(self, level: int) -> str:
        """Rows and columns of the grids of a level, [2]: half as many as on the level before."""
        shape = self.once(("shape",), lambda: self.node("Shape", "sample", start=2))
        return self.once(("size", level), lambda: self.node("Div", shape, self.ints(unet_module.PATCH * 2**level)))

    def count(self, channels: int, level: int) -> str:
        """Numbers in so many channels of a level, as a float."""

        def make() -> str:
            cells = self.node("ReduceProd", self.size(level), keepdims=0)
            return self.node("Cast", self.node("Mul", cells, self.constant(np.array(channels))), to=TensorProto.FLOAT)

        return self.once(("count", channels, level), make)

    def shaped(self, x: str, channels: int, level: int) -> str:
        """[channels, N] -> [1, channels, h, w]."""
        shape = self.once(("shape", channels, level), lambda: self.node("Concat", self.ints(1, channels), self.size(level), axis=0))
        return self.node("Reshape", x, shape)

    def doubled(self, x: str) -> str:
        """Each cell four times."""
        return self.node("Resize", x, "", self.floats(1, 1, 2, 2), mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def statistics(self, x: str, channels: int, groups: int, level: int) -> tuple:
        """Mean and variance of each channel's group, [channels] each."""
        rows = self.node("Reshape", self.flat(x), self.ints(groups, 1, -1))
        mean = self.node("ReduceMean", rows, axes=[1, 2], keepdims=0)
        # A row times itself: onnxruntime's ReduceSumSquare takes five times as long.
        squares = self.node("Reshape", self.node("FusedMatMul", rows, rows, domain=RUNTIME, transB=1), self.ints(-1))
        squares = self.node("Div", squares, self.count(channels // groups, level))
        variance = self.node("Relu", self.node("Sub", squares, self.node("Mul", mean, mean)))
        group_of = self.constant(np.arange(channels, dtype=np.int64) // (channels // groups))
        return self.node("Gather", mean, group_of), self.node("Gather", variance, group_of)

    def group_norm(self, x: str, norm, level: int, unit: float = 1) -> str:
        """The norm of x [1, channels, h, w], or of numbers of which x is so many units and any constant."""
        gamma, beta = self.constant(array(norm.weight)), self.constant(array(norm.bias))
        epsilon = EPSILON / unit**2
        if norm.num_groups == norm.num_channels:
            return self.node("InstanceNormalization", x, gamma, beta, epsilon=epsilon)
        mean, variance = self.statistics(x, norm.num_channels, norm.num_groups, level)
        return self.node("BatchNormalization", x, gamma, beta, mean, variance, epsilon=epsilon)

    def group_norm8(self, x: tuple, norm, level: int) -> str:
        """The norm of a quantised tensor: it does not depend on the zero point, nor on the scale but for epsilon."""
        return self.group_norm(self.node("Cast", x[0], to=TensorProto.FLOAT), norm, level, self.value(x[1]).item())

    def silu(self, x: str) -> str:
        return self.node("QuickGelu", x, domain=RUNTIME, alpha=1.0)

    # The UNet.

    def padded_conv(self, x: str, module, key: str, stride: int = 1, upsample: bool = False) -> tuple:
        quantised, *parameters = self.quantise(x, f"{key}:in")
        if upsample:
            quantised = self.doubled(quantised)
        pad = module.kernel_size[0] // 2
        return self.conv8(
            (quantised, *parameters), array(module.weight), array(module.bias), f"{key}:out",
            pads=[pad] * 4, strides=[stride] * 2, kernel_shape=list(module.kernel_size),
        )  # fmt: skip

    def resnet(self, x: str, block, key: str, level: int) -> tuple:
        channels = block.conv2.out_channels
        h = self.padded_conv(self.silu(self.group_norm(x, block.norm1, level)), block.conv1, f"{key}.conv1")
        h = self.padded_conv(self.silu(self.group_norm8(h, block.norm2, level)), block.conv2, f"{key}.conv2")
        tap = self.dequantised(h, channels, level)
        if block.conv_shortcut is not None:
            x = self.dequantised(self.padded_conv(x, block.conv_shortcut, f"{key}.conv_shortcut"), channels, level)
        return self.node("Add", x, tap), tap

    def sampler(self, x: str, conv, key: str, level: int, **options) -> str:
        """To another level, down with a stride or up before the convolution."""
        return self.dequantised(self.padded_conv(x, conv, key, **options), conv.out_channels, level)

    def unet(self, model: unet_module.UNet2D) -> tuple:
        """-> (taps, unshuffled pixels); runs up to the last tap."""
        # As a convolution, like in the network: a Transpose of single pixels takes twice as long.
        patch = [unet_module.PATCH] * 2
        pixels = self.node("Conv", "sample", self.constant(array(model.unshuffle)), strides=patch, kernel_shape=patch)

        bottom = len(model.channels) - 1
        x = self.sampler(pixels, model.conv_in, "conv_in", 0)
        skips, taps = [x], []
        for i, block in enumerate(model.down_blocks):
            for j, resnet in enumerate(block.resnets):
                x, _ = self.resnet(x, resnet, f"down_blocks.{i}.resnets.{j}", i)
                skips.append(x)
            if block.downsamplers is not None:
                x = self.sampler(x, block.downsamplers[0].conv, f"down_blocks.{i}.downsamplers.0.conv", i + 1, stride=2)
                skips.append(x)
        for j, resnet in enumerate(model.mid_block.resnets):
            x, _ = self.resnet(x, resnet, f"mid_block.resnets.{j}", bottom)
        for i, block in enumerate(model.up_blocks):
            for j, resnet in enumerate(block.resnets):
                joined = self.node("Concat", x, skips.pop(), axis=1)
                x, tap = self.resnet(joined, resnet, f"up_blocks.{i}.resnets.{j}", bottom - i)
                taps.append(tap)
            if block.upsamplers is not None:
                x = self.sampler(x, block.upsamplers[0].conv, f"up_blocks.{i}.upsamplers.0.conv", bottom - i - 1, upsample=True)
        return taps, pixels

    # The aggregation network.

    def scaled_product(self, weight: np.ndarray, norm, h: str, level: int, mix: float) -> tuple:
        """The matrix and the bias [out, 1] whose product with h [in, N] is mix * norm(weight h)."""
        out, groups = weight.shape[0], norm.num_groups
        gram = self.node("Div", self.node("FusedMatMul", h, h, domain=RUNTIME, transB=1), self.count(1, level))
        matrix = self.constant(weight)
        average = np.kron(np.eye(groups, dtype=np.float32), np.full((out // groups,) * 2, groups / out, np.float32))
        mean = self.node("MatMul", self.constant(average @ weight), self.node("ReduceMean", h, axes=[1]))
        squares = self.node("ReduceSum", self.node("Mul", self.node("MatMul", matrix, gram), matrix), self.ints(1))
        variance = self.node("Sub", self.node("MatMul", self.constant(average), squares), self.node("Mul", mean, mean))
        deviation = self.node("Sqrt", self.node("Add", self.node("Relu", variance), self.floats(EPSILON)))
        a = self.node("Div", self.constant(array(norm.weight)[:, None] * mix), deviation)
        b = self.node("Sub", self.constant(array(norm.bias)[:, None] * mix), self.node("Mul", a, mean))
        return self.node("Mul", a, matrix), b

    def resizing(self, like: str, axis: int, scale: float) -> str:
        """The matrix [size * scale, size] of bilinear resizing along one axis of `like`."""
        size = self.node("Shape", like, start=axis, end=axis + 1)
        square = self.node("ConstantOfShape", self.node("Concat", size, size, axis=0), value=helper.make_tensor("", TensorProto.FLOAT, [1], [0]))
        identity = self.node("EyeLike", square)
        return self.node("Resize", identity, "", self.floats(scale, 1), mode="linear", coordinate_transformation_mode="half_pixel")

    def enlarge(self, x: str, scale: float) -> str:
        """[1, channels, h, w] -> [1, channels, h * scale, w * scale]: two matrix products take a third of the time of onnxruntime's Resize."""
        if scale == 1:
            return x
        columns = self.node("Transpose", self.resizing(x, 3, scale), perm=[1, 0])
        return self.node("MatMul", self.resizing(x, 2, scale), self.node("MatMul", x, columns))

    def bottleneck(self, tap: str, block, mix: float, key: str, level: int) -> str:
        """mix * block(tap), on the tap's own grid."""
        inner, width = block.conv1.weight.shape[0], block.conv3.weight.shape[0]
        flat_tap = self.flat(tap)
        matrix = lambda module: array(module.weight)[:, :, 0, 0]
        h = self.shaped(self.linear(matrix(block.conv1), flat_tap), inner, level)
        # The norm's ReLU is the lower end of the quantised range.
        h = self.quantise(self.group_norm(h, block.conv1.norm, level), f"{key}.conv2:in")
        h = self.conv8(h, array(block.conv2.weight), None, f"{key}.conv2:out", pads=[1] * 4, strides=[1, 1], kernel_shape=[3, 3])
        h = self.flat(self.node("Relu", self.group_norm8(h, block.conv2.norm, level)))
        product, bias = self.scaled_product(matrix(block.conv3), block.conv3.norm, h, level, mix)
        if block.shortcut is None:
            skip = self.node("Add", self.node("Mul", flat_tap, self.floats(mix)), bias)
        else:
            skip_product, skip_bias = self.scaled_product(matrix(block.shortcut), block.shortcut.norm, flat_tap, level, mix)
            h = self.node("Concat", h, flat_tap, axis=0)
            product = self.node("Concat", product, skip_product, axis=1)
            skip = self.node("Add", bias, skip_bias)
        return self.shaped(self.node("FusedGemm", product, h, skip, domain=RUNTIME, activation="Relu"), width, level)

    def aggregation(self, taps: list, pixels: str, network: aggregation.AggregationNetwork) -> None:
        mixing = network.mixing()[0].tolist()
        total, grid = None, network.tap_scales[0]
        for i, (tap, scale) in enumerate(zip([*taps, pixels], network.tap_scales)):
            if scale != grid:
                total, grid = self.enlarge(total, grid / scale), scale
            part = self.bottleneck(tap, network.bottleneck_layers[i][0], mixing[i], f"aggregation.{i}", round(math.log2(scale)))
            total = part if total is None else self.node("Add", total, part)
        self.nodes.append(helper.make_node("Identity", [self.enlarge(total, grid)], ["hyperfeatures"]))


def fold_timestep(model: unet_module.UNet2D) -> None:
    """Adds what the time embedding of t = -1 gives each resnet to the bias of its first convolution."""
    with torch.no_grad():
        embedding = unet_module.timestep_embedding(torch.tensor([-1.0]), model.channels[0])
        activated = torch.nn.functional.silu(model.time_embedding(embedding))
        for module in model.modules():
            if isinstance(module, unet_module.ResnetBlock2D):
                module.conv1.bias += module.time_emb_proj(activated)[0]
                module.time_emb_proj.weight.zero_()
                module.time_emb_proj.bias.zero_()


def build(model: unet_module.UNet2D, network: aggregation.AggregationNetwork, ranges: dict) -> onnx.ModelProto:
    """`sample` [1, 3, H, W] -> `hyperfeatures` [1, width, H/4, W/4]; the timestep must have been folded."""
    if network.steps != 1:
        raise ValueError("only models with one step have a graph without timestep")
    builder = Builder(ranges)
    builder.aggregation(*builder.unet(model), network)
    graph = helper.make_graph(
        builder.nodes,
        "fast_step",
        [helper.make_tensor_value_info("sample", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("hyperfeatures", TensorProto.FLOAT, [1, "channels", "grid_height", "grid_width"])],
        builder.initializers,
    )
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIME, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="propagate")
