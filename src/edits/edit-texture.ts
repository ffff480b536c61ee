import type { Light } from '../core/light.js';
import type { EditLayer } from './difference-matte.js';

/** One size of the edit: colours multiplied by opacity, in the light in which it is blended. */
type Level = { readonly width: number; readonly height: number; readonly data: Float32Array };

/**
 * An edit ready for sampling: bicubic where it keeps its size or grows, from smaller copies where it shrinks, so that
 * fine patterns neither blur nor flicker.
 */
export class EditTexture {
	readonly #levels: Level[];

	/** @param support [H * W] 1 for pixels of the layer that take part; all when undefined */
	constructor(layer: EditLayer, light: Light, support?: Uint8Array) {
		const { width, height } = layer;
		const data = new Float32Array(width * height * 4);
		for (let pixel = 0; pixel < width * height; pixel++) {
			if (support !== undefined && support[pixel] === 0) {
				continue;
			}
			const opacity = layer.data[pixel * 4 + 3]! / 255;
			for (let channel = 0; channel < 3; channel++) {
				data[pixel * 4 + channel] = opacity * light.fromByte(layer.data[pixel * 4 + channel]!);
			}
			data[pixel * 4 + 3] = opacity;
		}
		this.#levels = [{ width, height, data }];
	}

	/**
	 * The colour at a position of the first frame.
	 *
	 * @param density pixels of the first frame that fall on one pixel of the result
	 * @param out red, green and blue times opacity, and opacity, 0..1
	 */
	sample(x: number, y: number, density: number, out: Float64Array): void {
		const detail = 0.5 * Math.log2(Math.max(1, density));
		// Bicubic sampling itself copes with a little shrinking.
		const level = Math.max(0, detail - 0.25);
		const lower = Math.floor(level);
		const share = level - lower;
		this.#sampleLevel(lower, x, y, out);
		if (share > 0.02) {
			const [r, g, b, a] = [out[0]!, out[1]!, out[2]!, out[3]!];
			this.#sampleLevel(lower + 1, x, y, out);
			out[0] = r + share * (out[0]! - r);
			out[1] = g + share * (out[1]! - g);
			out[2] = b + share * (out[2]! - b);
			out[3] = a + share * (out[3]! - a);
		}
	}

	#level(wanted: number): { readonly level: Level; readonly scale: number } {
		while (this.#levels.length <= wanted) {
			const last = this.#levels.at(-1) as Level;
			if (Math.min(last.width, last.height) < 4) {
				break;
			}
			this.#levels.push(halve(last));
		}
		const at = Math.min(wanted, this.#levels.length - 1);
		return { level: this.#levels[at]!, scale: 2 ** at };
	}

	/** Catmull-Rom over 4 x 4 samples. */
	#sampleLevel(wanted: number, fullX: number, fullY: number, out: Float64Array): void {
		const {
			level: { width, height, data },
			scale,
		} = this.#level(wanted);
		const x = (fullX + 0.5) / scale - 0.5;
		const y = (fullY + 0.5) / scale - 0.5;
		const left = Math.floor(x);
		const top = Math.floor(y);
		out.fill(0);
		if (left < -2 || top < -2 || left > width || top > height) {
			return;
		}
		const fx = x - left;
		const fy = y - top;
		for (let j = -1; j <= 2; j++) {
			const row = Math.min(height - 1, Math.max(0, top + j)) * width;
			const wy = catmullRom(j - fy);
			for (let i = -1; i <= 2; i++) {
				const weight = wy * catmullRom(i - fx);
				const at = (row + Math.min(width - 1, Math.max(0, left + i))) * 4;
				out[0]! += weight * data[at]!;
				out[1]! += weight * data[at + 1]!;
				out[2]! += weight * data[at + 2]!;
				out[3]! += weight * data[at + 3]!;
			}
		}
		// The filter overshoots at edges; more colour than opacity would glow.
		const opacity = Math.min(1, Math.max(0, out[3]!));
		out[3] = opacity;
		for (let channel = 0; channel < 3; channel++) {
			out[channel] = Math.min(opacity, Math.max(0, out[channel]!));
		}
	}
}

const catmullRom = (distance: number): number => {
	const t = Math.abs(distance);
	return t < 1 ? 1.5 * t * t * t - 2.5 * t * t + 1 : t < 2 ? -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2 : 0;
};

const halve = ({ width, height, data }: Level): Level => {
	const half = { width: Math.max(1, width >> 1), height: Math.max(1, height >> 1) };
	const out = new Float32Array(half.width * half.height * 4);
	for (let y = 0; y < half.height; y++) {
		for (let x = 0; x < half.width; x++) {
			for (let channel = 0; channel < 4; channel++) {
				const at = (2 * y * width + 2 * x) * 4 + channel;
				out[(y * half.width + x) * 4 + channel] =
					(data[at]! + data[at + 4]! + data[at + width * 4]! + data[at + width * 4 + 4]!) / 4;
			}
		}
	}
	return { ...half, data: out };
};
