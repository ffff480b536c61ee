import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { objectIds } from '../../src/core/frame.js';
import { openClip } from '../../src/media/clip.js';
import { readLabelMap } from '../../src/media/label-map.js';

const sample = (path: string): string => fileURLToPath(new URL(`../../samples/${path}`, import.meta.url));

describe.each([
	['bear', [1]],
	['birds', [1, 2, 3]],
] as const)('the sample clip %s', (name, objects) => {
	it('has a mask of its own size for every decoded frame, the first being first.png', async () => {
		const clip = await openClip(sample(`${name}/clip.mp4`));
		let frames = 0;
		for await (const _ of clip.frames()) {
			frames++;
		}
		const truth = (await readdir(sample(`${name}/truth`))).sort();
		expect(truth).toHaveLength(frames);
		const first = await readLabelMap(sample(`${name}/first.png`));
		expect(first).toEqual(await readLabelMap(sample(`${name}/truth/${truth[0]}`)));
		expect(first).toMatchObject({ width: clip.info.width, height: clip.info.height });
		expect(objectIds(first)).toEqual(objects);
		expect(clip.info.hasAudio).toBe(true);
	});
});

describe('the sample pair', () => {
	it('has landmarks that lie where the flow leads', async () => {
		const points = JSON.parse(await readFile(sample('pair/points.json'), 'utf8')) as {
			source: [number, number];
			target: [number, number];
		}[];
		const { data, width } = decode(await readFile(sample('pair/target-to-source.png')));
		expect(points.length).toBeGreaterThanOrEqual(10);
		for (const { source, target } of points) {
			const [x, y] = target.map(Math.round) as [number, number];
			const [u = 0, v = 0, valid] = data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3);
			expect(valid).toBe(1);
			const flow = [(u - 32768) / 64, (v - 32768) / 64] as const;
			// Half a pixel of rounding in the target is not much more in the source.
			expect(Math.hypot(x + flow[0] - source[0], y + flow[1] - source[1])).toBeLessThan(1.2);
		}
	});
});
