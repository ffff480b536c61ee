import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Raster } from '../../src/core/frame.js';

/** Reads size, radius, epsilon, image and mask, and answers with the filtered mask, again and again. */
const script = `
import sys, numpy as np, cv2
read = sys.stdin.buffer.read
while True:
    head = read(32)
    if len(head) < 32: break
    width, height, radius, epsilon = np.frombuffer(head, np.float64)
    w, h = int(width), int(height)
    image = np.frombuffer(read(w * h * 3), np.uint8).reshape(h, w, 3).astype(np.float32) / 255
    mask = np.frombuffer(read(w * h), np.uint8).reshape(h, w).astype(np.float32)
    out = cv2.ximgproc.guidedFilter(image, mask, int(radius), epsilon)
    sys.stdout.buffer.write(np.clip(out, 0, 1).astype(np.float32).tobytes())
    sys.stdout.buffer.flush()
`;

/** OpenCV's guided filter, in a Python that has it. */
export class GuidedFilter {
	private constructor(private readonly process: ChildProcessByStdio<Writable, Readable, null>) {}

	/** Undefined where no Python has it. */
	static async open(): Promise<GuidedFilter | undefined> {
		const python = ['/usr/bin/python3', 'python3'].find(
			(name) => spawnSync(name, ['-c', 'import cv2; cv2.ximgproc.guidedFilter']).status === 0,
		);
		return (python &&
			new GuidedFilter(spawn(python, ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] }))) as
			| GuidedFilter
			| undefined;
	}

	async matte(image: Raster<3>, mask: Uint8Array, radius: number, epsilon: number): Promise<Float32Array> {
		const { stdin, stdout } = this.process;
		stdin.write(new Uint8Array(Float64Array.of(image.width, image.height, radius, epsilon).buffer));
		stdin.write(image.data);
		stdin.write(mask);
		const bytes = new Uint8Array(mask.length * 4);
		let length = 0;
		while (length < bytes.length) {
			const chunk = stdout.read() as Buffer | null;
			if (chunk === null) {
				await new Promise((resolve) => stdout.once('readable', resolve));
				continue;
			}
			bytes.set(chunk, length);
			length += chunk.length;
		}
		return new Float32Array(bytes.buffer);
	}

	close(): void {
		this.process.stdin.end();
	}
}
