import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ffmpeg } from '../../helpers/ffmpeg.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { compareComposite, decodedFrame, objectPixels, pixels, smallBear, truthEngine } from '../bear.js';
import { installed } from '../installed.js';
import { Screen, screenPrograms } from '../screen.js';

const run = promisify(execFile);
const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe.skipIf(!installed('blender'))('Results in Blender (needs blender)', () => {
	it('alpha.mov shows the object over the strip below', async () => {
		const folder = temporaryFolder();
		const { clip, truth } = await smallBear(folder, 8);
		const cutOut = join(folder, 'bear-alpha.mov');
		const joined = '[1:v]format=rgb24,lutrgb=r=if(val\\,255\\,0),extractplanes=r[m];[0:v][m]alphamerge';
		await ffmpeg(
			...['-i', clip, '-framerate', '24', '-i', join(truth, '%05d.png'), '-filter_complex', joined],
			...['-c:v', 'prores_ks', '-profile:v', '4444', '-pix_fmt', 'yuva444p10le', cutOut],
		);
		const picture = join(folder, 'picture.png');
		const script = ['--python-exit-code', '3', '--python', local('alpha_strip.py'), '--'];
		await run('blender', ['-b', '--factory-startup', '-t', '1', ...script, cutOut, picture, '5'], {
			timeout: 200_000,
		});
		const object = await objectPixels(join(truth, '00005.png'));
		const frame = await decodedFrame(clip, 5);
		const { inside, outside } = compareComposite(await pixels(picture, 3), frame, object, [0, 0, 255]);
		expect(inside).toBeLessThan(4);
		expect(outside).toBeLessThan(1);
	});
});

type State = { run: number; running: boolean; mattes: number; ticks: number };

describe.skipIf(!installed('blender', 'xdotool', ...screenPrograms))(
	'Blender add-on in its window (needs blender, Xvfb, ImageMagick and xdotool)',
	() => {
		it('runs beside the interface, adds the matte when done, and ends on Esc', async () => {
			const folder = temporaryFolder();
			const { clip, mask, truth } = await smallBear(folder, 8);
			const results = join(folder, 'results');
			mkdirSync(results);
			const zip = join(folder, 'propagate.zip');
			await run('npx', ['tsx', local('../../../plugin/blender/build-zip.ts'), zip]);
			const hold = join(folder, 'go-on');
			const screen = await Screen.start(1024, 700);
			const blender = spawn(
				'blender',
				[
					...['--factory-startup', '-p', '0', '0', '1024', '700', '--python', local('window.py'), '--'],
					...[zip, truthEngine.join(' '), clip, mask, results],
				],
				{
					stdio: 'ignore',
					env: {
						...process.env,
						DISPLAY: screen.display,
						LIBGL_ALWAYS_SOFTWARE: '1',
						PROPAGATE_TRUTH: truth,
						PROPAGATE_TRUTH_HOLD: hold,
						BLENDER_USER_SCRIPTS: join(folder, 'scripts'),
						BLENDER_USER_CONFIG: join(folder, 'config'),
					},
				},
			);
			const ended = new Promise<void>((resolve) => blender.once('exit', () => resolve()));
			onTestFinished(async () => {
				blender.kill('SIGKILL');
				await ended;
				screen.stop();
			});
			const states = (): State[] => {
				try {
					const lines = readFileSync(join(results, 'states.jsonl'), 'utf8').split('\n').slice(0, -1);
					return lines.map((line) => JSON.parse(line) as State);
				} catch {
					return [];
				}
			};
			const until = async (holds: (state: State) => boolean): Promise<State> => {
				for (const end = performance.now() + 120_000; performance.now() < end; await sleep(200)) {
					const found = states().find(holds);
					if (found) {
						return found;
					}
				}
				throw new Error(`Blender did not get there; its states: ${JSON.stringify(states())}`);
			};

			// While the engine is held the interface goes on: its timer is called again and again.
			const started = await until(({ run: number, running }) => number === 1 && running);
			await until(({ run: number, running, ticks }) => number === 1 && running && ticks > started.ticks + 20);
			writeFileSync(hold, '');
			await until(({ run: number, running, mattes }) => number === 1 && !running && mattes === 1);

			const second = await until(({ run: number, running }) => number === 2 && running);
			await until(({ run: number, running, ticks }) => number === 2 && running && ticks > second.ticks + 5);
			const xdotool = (...args: string[]) =>
				run('xdotool', args, { env: { ...process.env, DISPLAY: screen.display } });
			await xdotool('mousemove', '500', '300', 'click', '1', 'key', 'Escape');
			await ended;
			expect(states().at(-1)).toMatchObject({ run: 2, mattes: 1 });
		});
	},
);
