import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { emptyFlow } from '../../src/core/backward-flow.js';
import { UserError } from '../../src/core/errors.js';
import { formatFlow, parseFlow, requireFlowName } from '../../src/media/flow-file.js';

const samplePath = fileURLToPath(new URL('../../samples/pair/target-to-source.png', import.meta.url));

/** Every second pixel is matched, a quarter pixel to the left of its place and two below. */
const flow = () => {
	const made = emptyFlow({ width: 7, height: 3 });
	for (let i = 0; i < 21; i += 2) {
		made.positions[i * 2] = (i % 7) - 0.25;
		made.positions[i * 2 + 1] = Math.floor(i / 7) + 2;
		made.confidence[i] = 1;
	}
	return made;
};

describe('flow files', () => {
	it.each(['a.flo', 'a.png'])('%s gives back positions and what is unknown', (name) => {
		expect(parseFlow(formatFlow(flow(), name), name)).toEqual(flow());
	});

	it('a .flo is laid out as Middlebury has it', () => {
		const bytes = formatFlow(flow(), 'a.flo');
		expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe('PIEH');
		const view = new DataView(bytes.buffer);
		expect([view.getInt32(4, true), view.getInt32(8, true)]).toEqual([7, 3]);
		expect([view.getFloat32(12, true), view.getFloat32(16, true)]).toEqual([-0.25, 2]);
		expect(view.getFloat32(20, true)).toBeGreaterThan(1e9);
	});

	it('reads the flow of the sample pair', async () => {
		const truth = parseFlow(await readFile(samplePath), samplePath);
		expect([truth.width, truth.height]).toEqual([512, 384]);
		expect(truth.confidence.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(15_000);
	});

	it('says what is wrong with names, damaged files, and flows too long for a PNG', () => {
		expect(() => requireFlowName('flow.jpg')).toThrow(UserError);
		expect(() => parseFlow(formatFlow(flow(), 'a.flo').subarray(0, 50), 'a.flo')).toThrow(/not a complete/);
		const far = flow();
		far.positions[0] = 600;
		expect(() => formatFlow(far, 'a.png')).toThrow(/511 pixels/);
	});
});
