import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tracksJson } from '../../../src/output/tracks/text-formats.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { height, smallBear, width } from '../bear.js';
import { installed } from '../installed.js';

const run = promisify(execFile);
const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

type Imported = {
	readonly tracks: { name: string; markers: [frame: number, x: number, y: number, mute: boolean][] }[];
	readonly planes: [number, number][][];
};

describe.skipIf(!installed('blender'))('Tracks in Blender (needs blender)', () => {
	it('become tracks of the clip, muted where they are hidden, and a plane track', async () => {
		const folder = temporaryFolder();
		const { clip } = await smallBear(folder, 5);
		const zip = join(folder, 'propagate.zip');
		await run('npx', ['tsx', local('../../../plugin/blender/build-zip.ts'), zip]);
		const common = {
			...{ clip, firstFile: clip, width, height, frameRate: { numerator: 24, denominator: 1 } },
			...{ at: 0, numbers: undefined },
		};
		const trackAt = (name: string, x: number, y: number) => ({
			...{ name, start: [x, y] as const },
			points: [0, 1, 2].map((frame) => ({ x: x + frame, y, visible: frame !== 1, confidence: 1 })),
		});
		const [points, plane] = [join(folder, 'points.json'), join(folder, 'plane.json')];
		writeFileSync(points, tracksJson({ ...common, isPlane: false, tracks: [trackAt('eye', 100, 50)] }));
		const corners = [
			trackAt('top left', 20, 30),
			trackAt('top right', 120, 30),
			trackAt('bottom right', 120, 90),
			trackAt('bottom left', 20, 90),
		];
		writeFileSync(plane, tracksJson({ ...common, isPlane: true, tracks: corners }));

		const { stdout } = await run(
			'blender',
			[
				...['-b', '--factory-startup', '-t', '1', '--python-exit-code', '3'],
				...['--python', local('tracks.py'), '--', zip, clip, points, plane],
			],
			{
				timeout: 280_000,
				env: {
					...process.env,
					// The add-on must not be installed for the person who runs the tests.
					BLENDER_USER_SCRIPTS: join(folder, 'scripts'),
					BLENDER_USER_CONFIG: join(folder, 'config'),
				},
			},
		);

		const [first, second] = Array.from(
			stdout.matchAll(/^TRACKS (.*)$/gm),
			([, json = '']) => JSON.parse(json) as Imported,
		);
		// Blender counts from the bottom left corner.
		const markers = first?.tracks[0]?.markers.map(([frame, x, y, mute]) => [
			frame,
			x.toFixed(2),
			y.toFixed(2),
			mute,
		]);
		expect(first?.tracks.map(({ name }) => name)).toEqual(['eye']);
		expect(markers).toEqual([
			[1, '100.50', '129.50', false],
			[2, '101.50', '129.50', true],
			[3, '102.50', '129.50', false],
		]);
		expect(second?.tracks.map(({ name }) => name)).toEqual(corners.map(({ name }) => name));
		const places = second?.planes.map((plane) => plane.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`));
		expect(places).toEqual([
			['20.5 89.5', '120.5 89.5', '120.5 149.5', '20.5 149.5'],
			['21.5 89.5', '121.5 89.5', '121.5 149.5', '21.5 149.5'],
			['22.5 89.5', '122.5 89.5', '122.5 149.5', '22.5 149.5'],
		]);
		expect(stdout).toMatch(/REPORT Error: "bear\.mp4" has no tracks; .*\./);
	});
});
