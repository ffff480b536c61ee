import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObsConnection } from '../../../plugin/obs/connection.js';
import { ffmpeg } from '../../helpers/ffmpeg.js';
import {
	compareComposite,
	decodedFrame,
	decodedFrames,
	height,
	objectOver,
	objectPixels,
	overlap,
	pixels,
	smallBear,
	truthEngine,
	width,
} from '../bear.js';
import { installed } from '../installed.js';
import { obsCommand, Watcher } from './command.js';
import { ObsStudio, obsPrograms, password } from './obs-studio.js';

const blue = [0, 0, 255] as const;
const frames = 30;

describe.skipIf(!installed(...obsPrograms))('OBS plugin (needs obs, Xvfb and ImageMagick)', () => {
	let folder: string;
	let studio: ObsStudio;
	let obs: ObsConnection;
	let bear: Awaited<ReturnType<typeof smallBear>>;
	let env: Record<string, string>;
	/** The arguments that every command needs here: a busy machine answers late, which is not what these tests are about. */
	let address: string[];

	beforeAll(async () => {
		folder = mkdtempSync(join(tmpdir(), 'propagate-obs-'));
		bear = await smallBear(folder, frames);
		studio = await ObsStudio.start(folder);
		address = ['--address', `127.0.0.1:${studio.port}`, '--timeout', '60'];
		env = { OBS_WEBSOCKET_PASSWORD: password, PROPAGATE_HOME: join(folder, 'propagate') };
		obs = await studio.connect();
		// "Scene" shows the clip; "Result" is blue, and the cut-out goes onto it.
		await obs.call('CreateInput', {
			sceneName: 'Scene',
			inputName: 'bear',
			inputKind: 'ffmpeg_source',
			inputSettings: { is_local_file: true, local_file: bear.clip, looping: true },
		});
		await obs.call('CreateScene', { sceneName: 'Result' });
		await obs.call('CreateInput', {
			sceneName: 'Result',
			inputName: 'blue',
			inputKind: 'color_source_v3',
			inputSettings: { color: 0xffff0000, width, height },
		});
	});

	afterAll(async () => {
		obs?.close();
		await studio?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	const record = async (ms: number): Promise<void> => {
		await obs.call('StartRecord');
		await sleep(ms);
		await obs.call('StopRecord');
	};

	const screenshot = async (sourceName: string): Promise<Buffer> => {
		const { imageData } = await obs.call('GetSourceScreenshot', { sourceName, imageFormat: 'png' });
		return Buffer.from(imageData.slice(imageData.indexOf(',') + 1), 'base64');
	};

	/** What is on air, as RGB. */
	const programOutput = async (): Promise<Buffer> => {
		const { currentProgramSceneName } = await obs.call('GetCurrentProgramScene');
		const png = await screenshot(currentProgramSceneName);
		const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
		expect([info.width, info.height]).toEqual([width, height]);
		return data;
	};

	const putOnAir = async (sceneName: string): Promise<void> => {
		await obs.call('SetCurrentSceneTransition', { transitionName: 'Cut' });
		await obs.call('SetCurrentProgramScene', { sceneName });
	};

	/** What is on air once it stands still and shows something over the blue; OBS opens files when they come on air. */
	const stillOutput = async (): Promise<Buffer> => {
		let last = await programOutput();
		for (const end = performance.now() + 60_000; performance.now() < end; ) {
			await sleep(500);
			const now = await programOutput();
			if (now.equals(last) && objectOver(now, blue).includes(true)) {
				return now;
			}
			last = now;
		}
		return last;
	};

	const sourcesOf = async (sceneName: string): Promise<string[]> => {
		const { sceneItems } = await obs.call('GetSceneItemList', { sceneName });
		return sceneItems.map((item) => String(item.sourceName));
	};

	it('follows a recording: paint its first frame, and the object is in the scene where it should be', async () => {
		await putOnAir('Scene');
		const watcher = new Watcher([...address, '--paint', '--scene', 'Result'], env);
		await watcher.next('connected');
		await record(600);
		const { clip } = await watcher.next('recorded');
		const { image } = await watcher.next('paint');

		// The recording begins anywhere in the clip: which of its frames are in it is found by comparing pictures.
		const source = await decodedFrames(bear.clip);
		const first = nearest(await decodedFrame(clip, 0), source);
		await paint(image, await objectPixels(join(bear.truth, name(first))));
		const { scene } = await watcher.next('shown');
		expect(scene).toBe('Result');
		expect(await sourcesOf('Result')).toEqual(['blue', 'Propagate']);

		await putOnAir('Result');
		const objectShown = async () => objectOver(await programOutput(), blue).includes(true);
		await expect.poll(objectShown, { timeout: 60_000 }).toBe(true);
		await obs.call('TriggerMediaInputAction', {
			inputName: 'Propagate',
			mediaAction: 'OBS_WEBSOCKET_MEDIA_INPUT_ACTION_PAUSE',
		});
		const picture = await stillOutput();

		// Expected: a frame of the clip inside its true mask, blue outside; paused at whichever frame of the recording.
		const composites = await Promise.all(
			source.map(async (frame, index) => {
				const object = await objectPixels(join(bear.truth, name(index)));
				return { object, composite: over(frame, object, blue), frame };
			}),
		);
		const shown =
			composites[
				nearest(
					picture,
					composites.map((each) => each.composite),
				)
			];
		if (!shown) {
			throw new Error('unreachable: there are frames');
		}
		const { inside, outside } = compareComposite(picture, shown.frame, shown.object, blue);
		expect(overlap(objectOver(picture, blue), shown.object)).toBeGreaterThan(0.9);
		expect(inside).toBeLessThan(12);
		expect(outside).toBeLessThan(6);

		expect(await watcher.stop()).toBe(130);
		expect(watcher.printed).not.toContain(password);
	});

	it('waits for an OBS that was closed while the engine ran, and shows the result when it is back', async () => {
		await putOnAir('Scene');
		const hold = join(folder, 'go-on');
		const watcher = new Watcher([...address, '--mask', bear.mask, '--scene', 'Result', '--source', 'Late'], {
			...env,
			PROPAGATE_COMMAND: truthEngine.join(' '),
			PROPAGATE_TRUTH: bear.truth,
			PROPAGATE_TRUTH_HOLD: hold,
		});
		await watcher.next('connected');
		await record(1500);
		await watcher.next('recorded');
		obs.close();
		await studio.kill();
		await watcher.next('lost');
		writeFileSync(hold, '');
		await sleep(3000);
		await studio.run();
		obs = await studio.connect();
		await watcher.next('connected');
		const { output } = await watcher.next('shown');
		expect(output).toMatch(/-alpha\.webm$/);
		expect(await sourcesOf('Result')).toContain('Late');
		await watcher.stop();
		expect(watcher.printed).not.toContain(password);
	});

	it('follows a replay that is saved', async () => {
		await putOnAir('Scene');
		const watcher = new Watcher([...address, '--scene', 'Result', '--source', 'Replay'], {
			...env,
			PROPAGATE_COMMAND: truthEngine.join(' '),
			PROPAGATE_TRUTH: bear.truth,
		});
		await watcher.next('connected');
		await obs.call('StartReplayBuffer');
		await sleep(2000);
		await obs.call('SaveReplayBuffer');
		// No mask was given: the one used last is taken.
		const { output } = await watcher.next('shown');
		expect(output).toMatch(/Replay.*-alpha\.webm$/);
		expect(await sourcesOf('Result')).toContain('Replay');
		await obs.call('StopReplayBuffer');
		await watcher.stop();
	});

	it('applies a finished result in place of a source, at its place and size', async () => {
		await obs.call('SetCurrentProgramScene', { sceneName: 'Result' });
		await obs.call('CreateScene', { sceneName: 'Corner' });
		await obs.call('CreateSceneItem', { sceneName: 'Corner', sourceName: 'blue' });
		const { sceneItemId } = await obs.call('CreateSceneItem', { sceneName: 'Corner', sourceName: 'bear' });
		await obs.call('SetSceneItemTransform', {
			sceneName: 'Corner',
			sceneItemId,
			sceneItemTransform: { positionX: 160, positionY: 90, scaleX: 0.5, scaleY: 0.5 },
		});
		// A still cut-out of the first frame: all its frames are the same, so the picture does not depend on the moment.
		const still = join(folder, 'still-alpha.webm');
		await stillCutOut(bear, still);
		const args = [...address, '--scene', 'Corner', '--source', 'Still', '--instead-of', 'bear'];
		const applied = await obsCommand(['apply', still, ...args], env);
		expect(applied).toMatchObject({ code: 0, stderr: `showing ${still} in the scene "Corner"\n` });
		expect(await sourcesOf('Corner')).toEqual(['blue', 'bear', 'Still']);
		const { sceneItemEnabled } = await obs.call('GetSceneItemEnabled', { sceneName: 'Corner', sceneItemId });
		expect(sceneItemEnabled).toBe(false);

		await putOnAir('Corner');
		const picture = await stillOutput();
		const corner = await sharp(picture, { raw: { width, height, channels: 3 } })
			.extract({ left: 160, top: 90, width: 160, height: 90 })
			.raw()
			.toBuffer();
		const object = await objectPixels(bear.mask);
		const half = Array.from({ length: 160 * 90 }, (_, at) => {
			const pixel = 2 * Math.floor(at / 160) * width + 2 * (at % 160);
			return object[pixel] === true;
		});
		expect(overlap(objectOver(corner, blue), half)).toBeGreaterThan(0.85);
		const elsewhere = objectOver(picture, blue).filter((_, at) => at % width < 156 || at < 86 * width);
		expect(elsewhere).not.toContain(true);

		// Again: the same source gets the file anew, nothing is added.
		expect((await obsCommand(['apply', still, ...args], env)).code).toBe(0);
		expect(await sourcesOf('Corner')).toEqual(['blue', 'bear', 'Still']);
	});

	it('grabs what a source shows, faint, as a picture to paint on', async () => {
		const png = join(folder, 'grab.png');
		await putOnAir('Corner');
		expect(await obsCommand(['grab', 'blue', ...address, '-o', png], env)).toMatchObject({ code: 0 });
		const rgba = await pixels(png, 4);
		expect(rgba).toHaveLength(width * height * 4);
		expect([...rgba.subarray(0, 4)]).toEqual([...blue, 90]);
		const again = await obsCommand(['grab', 'blue', ...address, '-o', png], env);
		expect(again.code).toBe(2);
		expect(again.stderr).toMatch(/exists already; add --overwrite/);
	});

	it('says in a sentence what is wrong, and never the password', async () => {
		const png = join(folder, 'never.png');
		const still = join(folder, 'still-alpha.webm');
		const wrong = 'a-wrong-password-of-the-tests';
		const attempts = [
			[['grab', ...address, '-o', png], { OBS_WEBSOCKET_PASSWORD: wrong }, 2, /OBS refused the password/],
			[['grab', ...address, '-o', png], { OBS_WEBSOCKET_PASSWORD: '' }, 2, /OBS asks for a password/],
			[['watch', ...address], { OBS_WEBSOCKET_PASSWORD: wrong }, 2, /OBS refused the password/],
			[['grab', '--address', '127.0.0.1:1', '-o', png], env, 1, /OBS does not answer at/],
			[['grab', '--address', '192.0.2.1:4455', '-o', png], env, 2, /another machine; add --allow-remote/],
			[['grab', 'nothing', ...address, '-o', png], env, 2, /OBS refused GetSourceScreenshot/],
			[['apply', still, ...address, '--scene', 'None'], env, 2, /no scene "None" in OBS; there are Scene/],
			[['apply', still, ...address, '--above', 'x'], env, 2, /no source "x" in the scene/],
			[['apply', still, ...address, '--source', 'blue'], env, 2, /source of another kind/],
			[['apply', 'none.webm', ...address], env, 2, /no file "none.webm"/],
		] as const;
		for (const [args, environment, code, message] of attempts) {
			const result = await obsCommand(args, environment);
			expect(result.stderr).toMatch(message);
			expect(result.stderr.trim().split('\n'), result.stderr).toHaveLength(1);
			expect(result.code).toBe(code);
			expect(result.stdout + result.stderr).not.toContain(wrong);
			expect(result.stdout + result.stderr).not.toContain(password);
		}
	});

	it('reads the password from a file', async () => {
		const file = join(folder, 'password.txt');
		writeFileSync(file, `${password}\n`);
		const args = ['grab', ...address, '--password-file', file, '-o', join(folder, 'by-file.png')];
		expect(await obsCommand(args, { OBS_WEBSOCKET_PASSWORD: '' })).toMatchObject({ code: 0 });
	});

	it('gives up on a frozen OBS, and goes on when it moves again', async () => {
		const watcher = new Watcher([...address, '--mask', bear.mask, '--scene', 'Result'], env);
		await watcher.next('connected');
		studio.freeze();
		const { code, stderr, seconds } = await obsCommand(
			['grab', ...address, '--timeout', '3', '-o', join(folder, 'frozen.png')],
			env,
		);
		studio.thaw();
		expect({ code, stderr }).toEqual({
			code: 1,
			stderr: `propagate: OBS at ${studio.url} has not answered for 3 s.\n`,
		});
		expect(seconds).toBeLessThan(40);
		expect(await watcher.stop()).toBe(130);
	});

	it('settles a call when OBS dies under it', async () => {
		const connection = await studio.connect();
		studio.freeze();
		const call = connection.call('GetVersion');
		await Promise.all([studio.kill(), expect(call).rejects.toThrow('OBS ended the connection.')]);
		await expect(connection.call('GetVersion')).rejects.toThrow('OBS ended the connection.');
	});
});

const name = (index: number): string => `${String(index).padStart(5, '0')}.png`;

/** A second of the clip's first frame, cut out by its true mask. */
const stillCutOut = async ({ clip, mask }: { clip: string; mask: string }, output: string): Promise<void> => {
	const joined =
		'[1:v]format=rgb24,lutrgb=r=if(val\\,255\\,0),extractplanes=r[m];[0:v][m]alphamerge,loop=24:1';
	await ffmpeg(
		...['-i', clip, '-i', mask, '-filter_complex', joined, '-frames:v', '24'],
		...[
			'-c:v',
			'libvpx-vp9',
			'-pix_fmt',
			'yuva420p',
			'-auto-alt-ref',
			'0',
			'-b:v',
			'0',
			'-crf',
			'10',
			output,
		],
	);
};

const difference = (a: Buffer, b: Buffer): number => {
	let sum = 0;
	for (let at = 0; at < a.length; at++) {
		sum += Math.abs((a[at] ?? 0) - (b[at] ?? 0));
	}
	return sum / a.length;
};

/** Index of the picture that differs least. */
const nearest = (picture: Buffer, among: readonly Buffer[]): number => {
	const differences = among.map((other) => difference(picture, other));
	return differences.indexOf(Math.min(...differences));
};

const over = (
	frame: Buffer,
	object: readonly boolean[],
	background: readonly [number, number, number],
): Buffer =>
	Buffer.from(frame.map((value, at) => (object[Math.floor(at / 3)] ? value : (background[at % 3] ?? 0))));

/** Makes the object opaque on a picture to paint on, as a brush does, and saves it at once. */
const paint = async (image: string, object: readonly boolean[]): Promise<void> => {
	const rgba = await pixels(image, 4);
	object.forEach((isObject, pixel) => {
		if (isObject) {
			rgba[pixel * 4 + 3] = 255;
		}
	});
	const painted = `${image}.painted.png`;
	await sharp(rgba, { raw: { width, height, channels: 4 } })
		.png()
		.toFile(painted);
	await rename(painted, image);
};
