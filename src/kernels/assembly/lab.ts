import { get } from './memory';

/** Steps of the cube-root curve's table. */
const CURVE_STEPS: i32 = 4096;

/**
 * Converts blocks of an image's pixels to L*a*b* / 100.
 *
 * @param image RGB pixels, rows `rowBytes` apart
 * @param factor sides of a block, in pixels
 * @param runs int32 [runs, 2] up to `runsEnd`: the first numbers and the ends of runs of blocks, in a picture of `width` blocks a row
 * @param linear float32 [255 * factor² + 1]: linear light of the mean of a block's bytes, by their sum
 * @param curve float32 [CURVE_STEPS + 1]: the cube-root curve of L*a*b* from 0 to 1
 * @param planes gets float32 planes, `planeBytes` apart
 */
export function convertToLab(
	image: usize,
	rowBytes: i32,
	factor: i32,
	runs: usize,
	runsEnd: usize,
	width: i32,
	linear: usize,
	curve: usize,
	planes: usize,
	planeBytes: usize,
): void {
	for (; runs < runsEnd; runs += 8) {
		const first = get(runs, 0);
		const end = get(runs, 1);
		const row = first / width;
		let pixel = image + row * rowBytes * factor + (first - row * width) * 3 * factor;
		let to = planes + 4 * first;
		for (let block = first; block < end; block++) {
			let sumR = 0;
			let sumG = 0;
			let sumB = 0;
			for (let y = pixel; y < pixel + factor * rowBytes; y += rowBytes) {
				for (let at = y; at < y + 3 * factor; at += 3) {
					sumR += load<u8>(at);
					sumG += load<u8>(at, 1);
					sumB += load<u8>(at, 2);
				}
			}
			const r = float(linear, sumR);
			const g = float(linear, sumG);
			const b = float(linear, sumB);
			// sRGB to XYZ relative to the D65 white point.
			const x = curved(curve, 0.433953 * r + 0.376219 * g + 0.189828 * b);
			const y = curved(curve, 0.212671 * r + 0.71516 * g + 0.072169 * b);
			const z = curved(curve, 0.017758 * r + 0.109477 * g + 0.872766 * b);
			const lightness: f64 = 1.16 * y - 0.16;
			store<f32>(to, lightness as f32);
			store<f32>(to + planeBytes, (5 * (x - y)) as f32);
			store<f32>(to + 2 * planeBytes, (2 * (y - z)) as f32);
			pixel += 3 * factor;
			to += 4;
		}
	}
}

function float(table: usize, index: i32): f64 {
	return load<f32>(table + 4 * index) as f64;
}

function curved(curve: usize, value: f64): f64 {
	return float(curve, min((value * CURVE_STEPS + 0.5) as i32, CURVE_STEPS));
}
