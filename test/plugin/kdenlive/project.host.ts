import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kdenliveProject } from '../../../src/output/project-files/kdenlive.js';
import { ffmpeg } from '../../helpers/ffmpeg.js';
import { melt } from '../../helpers/melt.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import {
	compareComposite,
	decodedFrame,
	height,
	objectOver,
	objectPixels,
	overlap,
	smallBear,
	truthEngine,
	width,
} from '../bear.js';
import { installed } from '../installed.js';
import { type Screen, screenPrograms } from '../screen.js';
import { openInKdenlive } from './kdenlive-window.js';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const propagate = (...args: string[]) => run(process.execPath, [cli, ...args]);
const blue = [0, 0, 255] as const;

/** A blue clip of the bear's size and length, to see what is the object and what the track below. */
const blueClip = async (path: string, frames: number): Promise<string> => {
	const source = `color=c=0x0000ff:s=${width}x${height}:r=24:d=${frames / 24}`;
	await ffmpeg('-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-crf', '1', '-pix_fmt', 'yuv420p', path);
	return path;
};

describe.skipIf(!installed('melt', 'ffprobe'))('Kdenlive project (needs melt and ffprobe)', () => {
	it('renders the propagated object over the track below, where the object truly is', async () => {
		const folder = temporaryFolder();
		const frames = 16;
		const { clip, mask, truth } = await smallBear(folder, frames);
		const project = join(folder, 'bear.kdenlive');
		await propagate(clip, '--mask', mask, '-o', project, '--quiet');
		expect(existsSync(join(folder, 'bear-alpha.mkv'))).toBe(true);

		// An editor puts something else below the object.
		await blueClip(join(folder, 'blue.mp4'), frames);
		const xml = readFileSync(project, 'utf8');
		expect(xml).toContain('>bear.mp4</property>');
		writeFileSync(project, xml.replaceAll('>bear.mp4</property>', '>blue.mp4</property>'));
		const rendered = join(folder, 'rendered.mkv');
		await melt(project, rendered, frames);

		for (const index of [0, 8, frames - 1]) {
			const object = await objectPixels(join(truth, `${String(index).padStart(5, '0')}.png`));
			const picture = await decodedFrame(rendered, index);
			const difference = compareComposite(picture, await decodedFrame(clip, index), object, blue);
			expect(difference.inside, `inside, frame ${index}`).toBeLessThan(8);
			expect(difference.outside, `outside, frame ${index}`).toBeLessThan(4);
		}
	});
});

describe.skipIf(!installed('kdenlive', 'dbus-run-session', ...screenPrograms))(
	'Kdenlive project in its window (needs kdenlive, dbus, Xvfb and ImageMagick)',
	() => {
		it('opens without a question and shows the object over the track below', async () => {
			const folder = temporaryFolder();
			const frames = 24;
			const { clip, mask, truth } = await smallBear(folder, frames);
			const cutOut = join(folder, 'bear-alpha.mkv');
			await run(truthEngine[0] ?? '', [...truthEngine.slice(1), clip, '--mask', mask, '-o', cutOut], {
				env: { ...process.env, PROPAGATE_TRUTH: truth },
			});
			const project = join(folder, 'bear.kdenlive');
			const text = kdenliveProject(
				{
					title: 'bear',
					clip: { path: await blueClip(join(folder, 'a & b <blue>.mp4'), frames), hasAudio: false },
					layer: { path: cutOut, shows: 'cut-out' },
					...{ width, height, frameRate: { numerator: 24, denominator: 1 }, frames, clipStart: 0 },
				},
				project,
			);
			writeFileSync(project, text);

			const { screen, close } = await openInKdenlive(project, folder);
			onTestFinished(close);
			const shown = await blueArea(screen, 150_000);
			// The monitor writes "In Point" over the lowest part of the first frame.
			const upper = (_: unknown, pixel: number): boolean => pixel < width * height * 0.8;
			const object = (await objectPixels(mask)).filter(upper);
			const seen = objectOver(shown, blue).filter(upper);
			expect(overlap(seen, object)).toBeGreaterThan(0.85);
			const difference = compareComposite(shown, await decodedFrame(clip, 0), await objectPixels(mask), blue);
			expect(difference.inside).toBeLessThan(20);
		});
	},
);

/** Waits until the screen shows a large blue picture, the project monitor's, and returns it at the clip's size. */
const blueArea = async (screen: Screen, ms: number): Promise<Buffer> => {
	for (const end = performance.now() + ms; performance.now() < end; await sleep(1000)) {
		const png = await screen.picture();
		const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
		const isBlue = (x: number, y: number): boolean => {
			const at = (y * info.width + x) * 3;
			return (data[at] ?? 0) < 30 && (data[at + 1] ?? 0) < 30 && (data[at + 2] ?? 0) > 220;
		};
		const columns = longestRun(info.width, (x) => count(info.height, (y) => isBlue(x, y)) > 40);
		const rows = longestRun(info.height, (y) => count(info.width, (x) => isBlue(x, y)) > 100);
		const area = {
			left: columns.start,
			width: columns.length,
			top: rows.start,
			height: rows.length,
		};
		if (area.width > 250 && Math.abs(area.width / area.height - width / height) < 0.1) {
			return sharp(png).extract(area).resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer();
		}
	}
	throw new Error('Kdenlive did not show the project.');
};

const count = (length: number, holds: (at: number) => boolean): number =>
	Array.from({ length }, (_, at) => at).filter(holds).length;

const longestRun = (length: number, holds: (at: number) => boolean): { start: number; length: number } => {
	let longest = { start: 0, length: 0 };
	let current = { start: 0, length: 0 };
	for (let at = 0; at < length; at++) {
		current = holds(at)
			? { start: current.length > 0 ? current.start : at, length: current.length + 1 }
			: { start: at, length: 0 };
		longest = current.length > longest.length ? current : longest;
	}
	return longest;
};
