import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import {
	compareComposite,
	decodedFrame,
	objectPixels,
	overlap,
	pixels,
	realEngine,
	smallBear,
	truthEngine,
} from '../bear.js';
import { installed } from '../installed.js';

const run = promisify(execFile);
const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe.skipIf(!installed('blender'))('Blender add-on (needs blender)', () => {
	const engines = [
		{
			engine: 'the true masks',
			command: truthEngine,
			frames: 30,
			index: 10,
			agreement: 1,
			inside: 3,
			outside: 0.5,
		},
		{
			engine: 'the real engine',
			command: realEngine,
			frames: 5,
			index: 4,
			agreement: 0.9,
			inside: 8,
			outside: 4,
		},
	];
	it.each(engines)(
		'masks a strip and builds compositor nodes whose renders show the object, with $engine',
		async ({ command, frames, index, ...expected }) => {
			const folder = temporaryFolder();
			const { clip, mask, truth } = await smallBear(folder, frames);
			const results = join(folder, 'results');
			mkdirSync(results);
			const zip = join(folder, 'propagate.zip');
			await run('npx', ['tsx', local('../../../plugin/blender/build-zip.ts'), zip]);

			const { stdout } = await run(
				'blender',
				[
					...['-b', '--factory-startup', '-t', '1', '--python-exit-code', '3'],
					...['--python', local('headless.py'), '--'],
					...[zip, command.join(' '), clip, mask, results, String(index)],
				],
				{
					timeout: 280_000,
					env: {
						...process.env,
						PROPAGATE_TRUTH: truth,
						// The add-on must not be installed for the person who runs the tests.
						BLENDER_USER_SCRIPTS: join(folder, 'scripts'),
						BLENDER_USER_CONFIG: join(folder, 'config'),
					},
				},
			);

			const frame = await decodedFrame(clip, index);
			const object = await objectPixels(join(truth, `${String(index).padStart(5, '0')}.png`));
			const strip = compareComposite(
				await pixels(join(results, 'sequencer.png'), 3),
				frame,
				object,
				[0, 0, 255],
			);
			expect(strip.inside).toBeLessThan(expected.inside);
			expect(strip.outside).toBeLessThan(expected.outside);

			const cutOut = await pixels(join(results, 'compositor.png'), 4);
			const rgb = Buffer.from(cutOut.filter((_, at) => at % 4 !== 3));
			expect(compareComposite(rgb, frame, object, [0, 0, 0]).inside).toBeLessThan(expected.inside);
			const seen = object.map((_, pixel) => (cutOut[pixel * 4 + 3] ?? 0) > 127);
			expect(overlap(seen, object)).toBeGreaterThanOrEqual(expected.agreement);

			// The upper half was painted; the rest is the faint frame, which is no object.
			const painted = await pixels(join(results, 'paint.png'), 4);
			const opaque = object.map((_, pixel) => (painted[pixel * 4 + 3] ?? 0) >= 128);
			expect(opaque.slice(0, opaque.length / 2)).not.toContain(false);
			expect(opaque.slice(opaque.length / 2)).not.toContain(true);

			expect(stdout).toMatch(/REPORT Error: .*bear\.mp4"? .*\./);
		},
	);
});
