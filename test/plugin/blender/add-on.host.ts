import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { compareComposite, decodedFrame, objectPixels, pixels, smallBear, truthEngine } from '../bear.js';
import { installed } from '../installed.js';

const run = promisify(execFile);
const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe.skipIf(!installed('blender'))('Blender add-on (needs blender)', () => {
	it('masks a strip and builds compositor nodes whose renders show the object', async () => {
		const folder = temporaryFolder();
		const { clip, mask, truth } = await smallBear(folder);
		const results = join(folder, 'results');
		mkdirSync(results);
		const zip = join(folder, 'propagate.zip');
		await run('npx', ['tsx', local('../../../plugin/blender/build-zip.ts'), zip]);

		const { stdout } = await run(
			'blender',
			[
				...['-b', '--factory-startup', '-t', '1', '--python-exit-code', '3'],
				...['--python', local('headless.py'), '--'],
				...[zip, truthEngine.join(' '), clip, mask, results],
			],
			{
				timeout: 120_000,
				env: {
					...process.env,
					PROPAGATE_TRUTH: truth,
					// The add-on must not be installed for the person who runs the tests.
					BLENDER_USER_SCRIPTS: join(folder, 'scripts'),
					BLENDER_USER_CONFIG: join(folder, 'config'),
				},
			},
		);

		const frame = await decodedFrame(clip, 10);
		const object = await objectPixels(join(truth, '00010.png'));
		const strip = compareComposite(
			await pixels(join(results, 'sequencer.png'), 3),
			frame,
			object,
			[0, 0, 255],
		);
		expect(strip.inside).toBeLessThan(3);
		expect(strip.outside).toBeLessThan(0.5);

		const cutOut = await pixels(join(results, 'compositor.png'), 4);
		const rgb = Buffer.from(cutOut.filter((_, at) => at % 4 !== 3));
		expect(compareComposite(rgb, frame, object, [0, 0, 0]).inside).toBeLessThan(3);
		expect(object.map((_, pixel) => (cutOut[pixel * 4 + 3] ?? 0) > 127)).toEqual(object);

		// The upper half was painted; the rest is the faint frame, which is no object.
		const painted = await pixels(join(results, 'paint.png'), 4);
		const opaque = object.map((_, pixel) => (painted[pixel * 4 + 3] ?? 0) >= 128);
		expect(opaque.slice(0, opaque.length / 2)).not.toContain(false);
		expect(opaque.slice(opaque.length / 2)).not.toContain(true);

		expect(stdout).toMatch(/REPORT Error: ".*bear\.mp4" is not a mask\./);
	});
});
