/**
 * What the studio takes in a real browser: from a stroke to its mask, from "Find masks" to the first of them, from a click on the timeline to the
 * frame, and memory with a clip of 2,016 frames. Linux only; wants Chromium.
 *
 *     npm run bench:studio
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliPath, sample } from '../test/helpers/cli.js';
import { ffmpeg } from '../test/helpers/ffmpeg.js';
import { RunningStudio } from '../test/helpers/studio.js';
import { StudioBrowser, type StudioPage } from '../test/helpers/studio-page.js';
import { head, row } from './table.js';

/** The bear's 72 frames (854×480), again and again. */
const LOOPS = 28;
const FRAMES = 72 * LOOPS;

const scratch = await mkdtemp(join(tmpdir(), 'bench-'));
// Nothing is there from earlier runs.
process.env.PROPAGATE_HOME = join(scratch, 'home');
const studio = await RunningStudio.start(join(scratch, 'projects'), [], cliPath);
const browser = await StudioBrowser.start();

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const median = (values: readonly number[]): number =>
	sorted(values)[Math.floor(values.length / 2)] ?? Number.NaN;
const told = (values: readonly number[]): string =>
	`${median(values).toFixed(0)} ms (${sorted(values)[0]?.toFixed(0)} to ${sorted(values).at(-1)?.toFixed(0)}, ${values.length} times)`;
const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
const measured = (what: string, value: string): void => console.log(row(what, value, load()));

/** Megabytes of a process's own, with its share of what it shares. */
const megabytesOf = (pid: number): number => {
	try {
		return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
	} catch {
		return 0;
	}
};

const clickOn = async ({ page }: StudioPage, frame: number, total: number): Promise<[number, number]> => {
	const box = await page.getByTestId('track').boundingBox();
	return [(box?.x ?? 0) + ((frame + 0.5) / total) * (box?.width ?? 0), (box?.y ?? 0) + 40];
};

/** Frames all over a clip, in an order that nothing foresees. */
const scattered = (count: number, total: number): number[] =>
	Array.from({ length: count }, (_, n) => Math.floor((((n + 1) * 0.618) % 1) * total));

try {
	console.log(head('what', 'median (least to most)', 'load'));
	const window = await browser.open(studio.address);
	const { page } = window;
	await window.openMarked('bear', sample('bear/first.png'));

	await page.getByText('Reading the clip').waitFor({ state: 'detached' });
	const began = performance.now();
	await page.getByTestId('run').click();
	await page.getByLabel('Frame 1, mask found').or(page.getByLabel('Frame 2, mask found')).waitFor();
	measured('"Find masks" to the first mask, 854×480', `${(performance.now() - began).toFixed(0)} ms`);
	await page.getByText('All frames are done').waitFor({ timeout: 600_000 });

	const clicks: number[] = [];
	for (const frame of scattered(30, 72)) {
		const [x, y] = await clickOn(window, frame, 72);
		clicks.push(await window.clickTime(x, y, `Frame ${frame},`));
	}
	measured('a click on the timeline to the frame, 854×480', told(clicks));

	await window.press('End', 's');
	await window.strokeTime([0.5, 0.4], [0.55, 0.4]);
	const strokes: number[] = [];
	for (let n = 0; n < 20; n++) {
		strokes.push(await window.strokeTime([0.4, 0.35 + n * 0.01], [0.45, 0.35 + n * 0.01]));
	}
	measured('a stroke to its mask, 854×480', told(strokes));
	await page.context().close();

	const clip = join(scratch, 'long.mp4');
	await ffmpeg('-stream_loop', String(LOOPS - 1), '-i', sample('bear/clip.mp4'), '-c', 'copy', clip);
	let [most, mostOfBrowser] = [0, 0];
	const processes = new Set<number>();
	const timer = setInterval(() => {
		most = Math.max(most, megabytesOf(studio.pid));
		mostOfBrowser = Math.max(
			mostOfBrowser,
			[...processes].reduce((sum, pid) => sum + megabytesOf(pid), 0),
		);
	}, 250);
	const long = await browser.open(studio.address);
	for (const pid of await browser.processIds()) {
		processes.add(pid);
	}
	const opened = performance.now();
	await long.page.getByPlaceholder('path of a clip').fill(clip);
	await long.press('Enter');
	await long.shows('Frame 0, no mask yet');
	measured(`opening ${FRAMES} frames, to the first`, `${(performance.now() - opened).toFixed(0)} ms`);
	await long.page.getByText('Reading the clip').waitFor({ state: 'detached', timeout: 600_000 });
	measured('the same, to the last', `${((performance.now() - opened) / 1000).toFixed(1)} s`);
	for (const pid of await browser.processIds()) {
		processes.add(pid);
	}
	const scrubs: number[] = [];
	for (const frame of scattered(200, FRAMES)) {
		const [x, y] = await clickOn(long, frame, FRAMES);
		// A pixel of the timeline stands for more than one frame.
		scrubs.push(await long.clickTime(x, y, 'Frame '));
		await long.page.waitForTimeout(30);
	}
	clearInterval(timer);
	measured('memory of the server, most', `${most.toFixed(0)} MB`);
	measured('memory of the browser, most', `${mostOfBrowser.toFixed(0)} MB`);
} finally {
	await browser.close();
	await studio.end();
	await rm(scratch, { recursive: true, force: true });
}
