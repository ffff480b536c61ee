/** Grows the ones of an image [H * W] of 0 and 1 by a square of the given radius. */
export const dilate = (image: Uint8Array, width: number, height: number, radius: number): Uint8Array => {
	const rows = new Uint8Array(image.length);
	const out = new Uint8Array(image.length);
	spread(image, rows, width, height, 1, width, radius);
	spread(rows, out, height, width, width, 1, radius);
	return out;
};

/** One direction: `lines` lines of `length` pixels, `step` apart in a line, the lines `stride` apart. */
const spread = (
	from: Uint8Array,
	to: Uint8Array,
	length: number,
	lines: number,
	step: number,
	stride: number,
	radius: number,
): void => {
	for (let line = 0; line < lines; line++) {
		const start = line * stride;
		let reach = -1;
		for (let i = 0; i < length; i++) {
			if (from[start + i * step] === 1) {
				for (let at = Math.max(i - radius, reach + 1); at <= Math.min(length - 1, i + radius); at++) {
					to[start + at * step] = 1;
				}
				reach = Math.min(length - 1, i + radius);
			}
		}
	}
};

/** The connected (4 neighbours) sets of ones, as lists of pixel numbers. */
export const components = (image: Uint8Array, width: number, height: number): Int32Array[] => {
	const seen = new Uint8Array(image.length);
	const found: Int32Array[] = [];
	const queue = new Int32Array(image.length);
	for (let start = 0; start < image.length; start++) {
		if (image[start] === 0 || seen[start] === 1) {
			continue;
		}
		let end = 0;
		queue[end++] = start;
		seen[start] = 1;
		for (let at = 0; at < end; at++) {
			const pixel = queue[at]!;
			const x = pixel % width;
			const visit = (next: number): void => {
				if (image[next] === 1 && seen[next] === 0) {
					seen[next] = 1;
					queue[end++] = next;
				}
			};
			if (x > 0) {
				visit(pixel - 1);
			}
			if (x < width - 1) {
				visit(pixel + 1);
			}
			if (pixel >= width) {
				visit(pixel - width);
			}
			if (pixel < width * (height - 1)) {
				visit(pixel + width);
			}
		}
		found.push(queue.slice(0, end));
	}
	return found;
};

/** Sets zeros that are enclosed by ones, up to an area in pixels; changes the image. */
export const fillHoles = (image: Uint8Array, width: number, height: number, largest: number): void => {
	const inverse = image.map((value) => 1 - value);
	for (const pixels of components(inverse, width, height)) {
		const touchesBorder = pixels.some((pixel) => {
			const x = pixel % width;
			return x === 0 || x === width - 1 || pixel < width || pixel >= width * (height - 1);
		});
		if (!touchesBorder && pixels.length <= largest) {
			for (const pixel of pixels) {
				image[pixel] = 1;
			}
		}
	}
};
