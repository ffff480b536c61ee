/**
 * The smallest case on WebGPU: one image through the bundled model there and on the CPU. It proves that the path works; on a
 * software device the time says nothing of a GPU. The model is given 64 pixels a side instead of 256 or more, because a
 * software device takes minutes for those.
 *
 *     npm run bench:webgpu [-- --side 64]     (a multiple of 32)
 *
 * Takes the Vulkan device that `VK_ICD_FILENAMES` names, else the software one of Debian's chromium-common, else what the
 * system has. Without any it says so and ends well.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { DescriptorMap } from '../src/core/descriptor-map.js';
import { UserError } from '../src/core/errors.js';
import type { Raster } from '../src/core/frame.js';
import { openExtractor } from '../src/features/diffusion-extractor.js';
import type { InstalledModel } from '../src/models/model-folder.js';
import { findModel } from '../src/models/registry.js';
import { openRuntime } from '../src/runtime/onnx-runtime.js';
import type { Device } from '../src/runtime/session.js';

const { values } = parseArgs({ options: { side: { type: 'string', default: '64' } } });
const side = Number(values.side);

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) {
	// Read by the Vulkan loader when the runtime asks for its first device.
	process.env.VK_ICD_FILENAMES = SWIFTSHADER;
}
const driver = process.env.VK_ICD_FILENAMES;
// The runtime does not tell which device it got; software drivers are known by their names.
const isSoftware = /swiftshader|lvp/.test(driver ?? '');

const image: Raster<3> = {
	width: side,
	height: side,
	channels: 3,
	data: Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 7919) % 251),
};

const installed = await findModel(undefined);
const model: InstalledModel = {
	...installed,
	manifest: {
		...installed.manifest,
		image: { ...installed.manifest.image, resize: { mode: 'fit', shortSide: side, multiple: 32 } },
	},
};

/** The model in full precision on a device: the first image, which also prepares the device's programs, and the second. */
const describeOn = async (
	device: Device,
): Promise<{ map: DescriptorMap; firstMilliseconds: number; milliseconds: number }> => {
	const runtime = openRuntime({ device });
	try {
		const extractor = openExtractor(model, runtime, { precision: 'full' });
		const start = performance.now();
		await extractor.extract(image);
		const second = performance.now();
		const map = await extractor.extract(image);
		return { map, firstMilliseconds: second - start, milliseconds: performance.now() - second };
	} finally {
		await runtime.close();
	}
};

const onCpu = await describeOn('cpu');
const onGpu = await describeOn('webgpu').catch((error: unknown) => {
	if (error instanceof UserError) {
		return error;
	}
	throw error;
});
if (onGpu instanceof UserError) {
	console.log(
		`WebGPU not measured, there is no device for it here. ${onGpu.message}\nA software device: apt-get install chromium-common libvulkan1.`,
	);
} else {
	let difference = 0;
	for (const [at, value] of onCpu.map.data.entries()) {
		difference = Math.max(difference, Math.abs(value - (onGpu.map.data[at] ?? Number.NaN)));
	}
	const { channels, height, width } = onGpu.map;
	const device = isSoftware ? 'a SOFTWARE device: this is no measurement of a GPU' : 'the system’s device';
	console.log(`WebGPU on ${device} (${driver ?? 'default Vulkan driver'})`);
	console.log(`- one image of ${side}×${side}, descriptors ${channels} × ${height} × ${width}, float32`);
	console.log(
		`- ${onGpu.milliseconds.toFixed(0)} ms (the first image ${onGpu.firstMilliseconds.toFixed(0)} ms); on the CPU ${onCpu.milliseconds.toFixed(0)} ms`,
	);
	console.log(
		`- largest difference from the CPU’s descriptors, which have length 1: ${difference.toExponential(1)}`,
	);
	if (!(difference < 1e-2)) {
		throw new Error('The descriptors are not those of the CPU.');
	}
}
