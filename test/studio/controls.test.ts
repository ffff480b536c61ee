import {
	chmodSync,
	closeSync,
	copyFileSync,
	ftruncateSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readLabelMap } from '../../src/index.js';
import { quickCliPath, sample } from '../helpers/cli.js';
import { chromium, RunningStudio } from '../helpers/studio.js';
import { StudioBrowser, type StudioPage } from '../helpers/studio-page.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** Each control of the page in a real browser, at 1280×720, used as somebody would use it. */
describe.skipIf(chromium === undefined)('the controls of the page (need Chromium)', () => {
	let folder: string;
	let studio: RunningStudio;
	let browser: StudioBrowser;
	let window: StudioPage;
	/** What "show in folder" has opened. */
	const shownFolders = (): string => readFileSync(join(folder, 'shown.txt'), 'utf8');
	const projects = (): string => join(folder, 'projects');

	beforeAll(async () => {
		folder = mkdtempSync(join(tmpdir(), 'propagate-test-controls-'));
		mkdirSync(projects());
		writeFileSync(join(folder, 'shown.txt'), '');
		// What opens folders on a desktop, of which there is none here.
		const manager = join(folder, 'file-manager');
		writeFileSync(manager, `#!/bin/sh\nprintf '%s' "$1" >> '${join(folder, 'shown.txt')}'\n`);
		chmodSync(manager, 0o755);
		studio = await RunningStudio.start(projects(), [], quickCliPath, { BROWSER: manager, DISPLAY: '' });
		browser = await StudioBrowser.start();
	});
	beforeEach(async () => {
		window = await browser.open(studio.address);
	});
	afterEach(async () => {
		await window.page.context().close();
		expect(browser.problems).toEqual([]);
	});
	afterAll(async () => {
		await browser.close();
		await studio.end();
		rmSync(folder, { recursive: true, force: true });
	});

	/** Drops files or folders of the disk on the page, as the system would. */
	const drop = async (...files: readonly string[]): Promise<void> => {
		const session = await window.page.context().newCDPSession(window.page);
		const at = { x: 640, y: 300, data: { items: [], files: [...files], dragOperationsMask: 1 } };
		for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
			await session.send('Input.dispatchDragEvent', { type, ...at });
		}
	};

	it('open a clip that is dropped on the page, and a folder of frames', async () => {
		copyFileSync(sample('birds/clip.mp4'), join(folder, 'flight.mp4'));
		await window.page.getByText('Drop a clip here').waitFor();
		await drop(join(folder, 'flight.mp4'));
		await window.shows('Frame 0, no mask yet');
		expect(readdirSync(join(projects(), 'flight/clip'))).toEqual(['flight.mp4']);

		const frames = join(folder, 'shot');
		mkdirSync(frames);
		for (const number of [1001, 1002, 1003]) {
			const picture = { create: { width: 64, height: 48, channels: 3, background: `#${number}ff` } } as const;
			await sharp(picture)
				.png()
				.toFile(join(frames, `shot_${number}.png`));
		}
		writeFileSync(join(frames, 'notes.txt'), 'not a frame');
		await window.page.getByRole('button', { name: 'Open…' }).click();
		await window.page.getByText('Drop a clip here').waitFor();
		await drop(frames);
		await window.shows('Frame 0, no mask yet');
		await window.says('64×48');
		expect(readdirSync(join(projects(), 'shot/clip'))).toEqual([
			'shot_1001.png',
			'shot_1002.png',
			'shot_1003.png',
		]);
		// A file that is dropped where a clip is open does not take the page away.
		await drop(join(folder, 'flight.mp4'));
		await window.says('another clip is opened by');
	});

	it('say in a sentence what cannot be opened: of a wrong kind, too large, or too many at once', async () => {
		const files = window.page.getByTestId('files');
		const says = async (sentence: string | RegExp): Promise<void> => {
			await window.page.getByRole('alert').getByText(sentence).waitFor();
		};
		writeFileSync(join(folder, 'letter.txt'), 'Dear editor');
		await files.setInputFiles(join(folder, 'letter.txt'));
		await says(/^"letter\.txt" /);
		const huge = openSync(join(folder, 'huge.mp4'), 'w');
		ftruncateSync(huge, 17 * 2 ** 30);
		closeSync(huge);
		await files.setInputFiles(join(folder, 'huge.mp4'));
		await says("More than 16 GB can't be copied into a project; open the clip by its path, below.");
		await files.setInputFiles([join(folder, 'letter.txt'), sample('birds/clip.mp4')]);
		await says('These are 2 files, and none is a picture: open one clip at a time.');
		const many = join(folder, 'many');
		mkdirSync(many);
		for (let n = 0; n <= 20_000; n++) {
			closeSync(openSync(join(many, `${n}.png`), 'w'));
		}
		await drop(many);
		await says(/^More than 20000 files can't be copied/);
		await window.page.getByPlaceholder('path of a clip').fill(join(folder, 'nothing.mp4'));
		await window.press('Enter');
		await says(/does not exist/);
	});

	it('play, stop, and set where the work begins and ends', async () => {
		await window.openMarked('birds', sample('birds/first.png'));
		await window.press(' ');
		await expect.poll(() => window.frame(), { timeout: 20_000 }).toBeGreaterThan(1);
		await window.press(' ');
		const stopped = await window.frame();
		await window.page.waitForTimeout(500);
		expect(await window.frame()).toBe(stopped);

		await window.goTo(4);
		await window.press('o');
		await window.says('4 of 5 frames to do');
		// It plays between the two, around and around.
		await window.press('Home', ' ');
		for (let n = 0; n < 10; n++) {
			expect(await window.frame()).toBeLessThanOrEqual(4);
			await window.page.waitForTimeout(60);
		}
		await window.press(' ');
		await window.runToEnd();
		const masks = readdirSync(join(projects(), 'birds/masks')).filter((name) => name.endsWith('.png'));
		expect(masks).toHaveLength(5);
		await window.goTo(2);
		await window.press('i');
		await window.page
			.getByText('No painted frame lies between')
			.or(window.page.getByText('of 3 frames'))
			.first()
			.waitFor();
		await window.press('Shift+X');
		await window.says(/of 36 frames to do/);
	});

	it('pause the work, go on with it, and cancel it; what has come stays', async () => {
		await window.openMarked('bear', sample('bear/first.png'));
		const { page } = window;
		await page.getByTestId('run').click();
		await page.getByTestId('pause').click();
		await window.says(/· paused/);
		// The frame that was under way still comes.
		await page.waitForTimeout(1500);
		const paused = await page.getByText(/of 72 · paused/).textContent();
		await page.waitForTimeout(500);
		expect(await page.getByText(/of 72 · paused/).textContent()).toBe(paused);
		const done = Number.parseInt(paused ?? '', 10);
		await page.getByTestId('resume').click();
		const count = async () => Number.parseInt((await page.getByText(/^\d+ of 72/).textContent()) ?? '', 10);
		await expect.poll(count, { interval: 20, timeout: 60_000 }).toBeGreaterThan(done);
		await page.getByTestId('cancel').click();
		await window.says(/of 72 frames to do/);
		const left = Number((await page.getByTestId('left').textContent())?.split(' ')[0]);
		expect(left).toBeLessThan(72 - done);
		const masks = readdirSync(join(projects(), 'bear/masks')).filter((name) => name.endsWith('.png'));
		expect(72 - left).toBeLessThanOrEqual(masks.length + 1);
	});

	it('show what had been found before a correction, at a key, and give the correction up', async () => {
		await window.openMarked('birds', sample('birds/first.png'));
		await window.press('Home');
		await window.runToEnd();
		await window.goTo(9);
		await window.shows('Frame 9, mask found');
		await window.press('b');
		await window.stroke([0.2, 0.8], [0.3, 0.85]);
		await window.shows('Frame 9, painted');
		await window.saved();
		await window.press('c');
		await window.says('Before you painted');
		// Nothing is painted on what is only looked at.
		const before = readFileSync(join(projects(), 'birds/painted/00009.png'));
		await window.stroke([0.6, 0.2], [0.7, 0.2]);
		await window.page.waitForTimeout(300);
		expect(readFileSync(join(projects(), 'birds/painted/00009.png'))).toEqual(before);
		await window.press('c');
		await window.page.getByText('Before you painted').waitFor({ state: 'detached' });
		await window.page.getByTestId('unpaint').click();
		await window.shows('Frame 9, mask found');
		await window.saved();
		expect(readdirSync(join(projects(), 'birds/painted'))).toEqual(['00000.png']);
	});

	it('take an object in that appears late', async () => {
		await window.openMarked('birds', sample('birds/first.png'));
		const { page } = window;
		const objects = await page.locator('.object').count();
		await window.goTo(20);
		await page.getByRole('button', { name: 'New object' }).click();
		await expect.poll(() => page.locator('.object').count()).toBe(objects + 1);
		await window.press('l');
		await window.stroke([0.7, 0.7], [0.8, 0.7], [0.8, 0.85], [0.7, 0.85]);
		await window.shows('Frame 20, painted');
		await window.saved();
		await window.runToEnd();
		const id = (await readLabelMap(join(projects(), 'birds/painted/00020.png'))).ids.reduce((a, b) =>
			Math.max(a, b),
		);
		const behind = await readLabelMap(join(projects(), 'birds/masks/00021.png'));
		expect(behind.ids).toContain(id);
		await window.goTo(20);
		await page.getByTestId('unpaint').click();
		await window.saved();
	});

	it('show what was exported in its folder', async () => {
		await window.openMarked('birds', sample('birds/first.png'));
		const { page } = window;
		await page.getByTestId('export').click();
		await page.getByTestId('format-matte.mp4').check({ force: true });
		await page.getByTestId('command').getByText('matte.mp4').waitFor();
		await page.getByTestId('export-start').click();
		await page.getByRole('button', { name: 'Show in folder' }).click({ timeout: 120_000 });
		await expect.poll(shownFolders).toContain(join(projects(), 'birds', 'exports'));
		await page.getByRole('button', { name: 'Close' }).click();
	});

	it('are readable in light and in dark', async () => {
		await window.openMarked('birds', sample('birds/first.png'));
		const { page } = window;
		const seen = new Set<string>();
		for (let n = 0; n < 3; n++) {
			const theme = String(await page.evaluate('document.documentElement.dataset.theme'));
			seen.add(theme);
			// Of text against what is behind it, as WCAG 2.2 has it (AA: 4.5).
			const poor = await page.evaluate(`(() => {
				const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
				const rgb = (colour) => {
					canvas.clearRect(0, 0, 1, 1);
					canvas.fillStyle = colour;
					canvas.fillRect(0, 0, 1, 1);
					return [...canvas.getImageData(0, 0, 1, 1).data];
				};
				const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
					.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
					.reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
				const behind = (element) => {
					for (let at = element; at !== null; at = at.parentElement) {
						const colour = rgb(getComputedStyle(at).backgroundColor);
						if (colour[3] === 255) return colour;
					}
					return [255, 255, 255, 255];
				};
				return [...document.querySelectorAll('button, span, p, h2, strong, label')]
					.filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
					.filter((element) => element.checkVisibility() && !element.closest(':disabled') && !element.closest('.visually-hidden'))
					.map((element) => {
						const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
						return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.textContent];
					})
					.filter(([contrast]) => contrast < 4.5);
			})()`);
			expect(poor, theme).toEqual([]);
			await window.press('t');
		}
		expect([...seen].sort()).toEqual(['dark', 'light', 'system']);
	});

	it('all have names, fit into 1280×720, and their keys are listed', async () => {
		await window.openMarked('birds', sample('birds/first.png'));
		const { page } = window;
		for (const [key, name] of [
			...(['s Strokes', 'm Box', 'b Brush', 'e Eraser', 'l Lasso'] as const),
			...(['p Polygon', 'g Fill', 'h Move the picture'] as const),
		].map((both) => both.split(/ (.*)/) as [string, string])) {
			await window.press(key);
			const isPressed = page.getByRole('button', { name, exact: true, pressed: true });
			await isPressed.waitFor();
			expect(await isPressed.getAttribute('title')).toContain(`(${key.toUpperCase()})`);
		}
		const nameless =
			await page.evaluate(`[...document.querySelectorAll('button, a, input, select, [role=slider]')]
			.filter((element) => (element.getAttribute('aria-label') ?? element.textContent ?? '') === '' && (element.labels?.length ?? 0) === 0)
			.map((element) => element.outerHTML)`);
		expect(nameless).toEqual([]);
		const outside =
			await page.evaluate(`[...document.querySelectorAll('.bar *, .toolbar *, .options *, .timeline button')]
			.filter((element) => { const box = element.getBoundingClientRect();
				return box.width > 0 && (box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5 || box.left < -0.5); })
			.map((element) => element.outerHTML)`);
		expect(outside).toEqual([]);
		await window.press('?');
		const dialog = page.getByRole('dialog', { name: 'Keys' });
		for (const label of [
			'Brush',
			'Play, stop',
			'In point here',
			'Find the masks, go on',
			'Carry the edit',
			'Export',
		]) {
			await dialog.getByText(label, { exact: true }).waitFor();
		}
		await window.press('Escape');
		await dialog.waitFor({ state: 'detached' });
	});

	it('work in two windows at once: each sees what the other paints, and neither loses it', async () => {
		await window.openMarked('birds', sample('birds/first.png'));
		const other = await browser.openBeside(window, window.page.url());
		await other.shows('Frame 0, painted');
		await window.goTo(12);
		await window.press('b');
		await window.stroke([0.4, 0.4], [0.5, 0.5]);
		await window.saved();
		await other.goTo(12);
		await other.shows('Frame 12, painted');

		// Both paint on one frame, and the network of one is slow.
		let passOn = (): void => {};
		const slow = new Promise<void>((resolve) => {
			passOn = resolve;
		});
		await other.page.route('**/painted/12?*', async (route) => {
			await slow;
			await route.continue();
		});
		await other.press('b');
		await other.stroke([0.1, 0.1], [0.2, 0.1]);
		await window.stroke([0.7, 0.7], [0.8, 0.8]);
		await window.saved();
		const kept = readFileSync(join(projects(), 'birds/painted/00012.png'));
		passOn();
		await other.says(/has been painted in another window/);
		await other.saved();
		expect(readFileSync(join(projects(), 'birds/painted/00012.png'))).toEqual(kept);
		await window.page.getByTestId('unpaint').click();
		await window.saved();
	});

	describe('for edits', () => {
		const star = (): Promise<Buffer> =>
			sharp(
				Buffer.from('<svg width="90" height="60"><rect width="90" height="60" rx="20" fill="red"/></svg>'),
			)
				.png()
				.toBuffer();
		const edit = () =>
			JSON.parse(readFileSync(join(projects(), 'birds/edit/edit.json'), 'utf8')) as {
				readonly place: {
					readonly x: number;
					readonly y: number;
					readonly scale: number;
					readonly angle: number;
				};
			};

		it('load a sticker, place it, show it while it is carried, and export the clip', async () => {
			writeFileSync(join(folder, 'badge.png'), await star());
			await window.openMarked('birds', sample('birds/first.png'));
			const { page } = window;
			await window.goTo(5);
			await window.press('o', 'Home');
			await window.says(/of 6 frames/);
			await page.getByTestId('edit-file').setInputFiles(join(folder, 'badge.png'));
			await page.getByRole('button', { name: 'Place the sticker', pressed: true }).waitFor();
			await expect.poll(edit).toMatchObject({ place: { angle: 0 } });
			const { place } = edit();

			// It is moved, made larger at a corner, and turned at its handle; a reload in the middle of that loses nothing.
			const stage = await page.locator('.picture').boundingBox();
			const zoom = (stage?.width ?? 0) / 640;
			const at = (x: number, y: number): [number, number] => [
				(stage?.x ?? 0) + x * zoom,
				(stage?.y ?? 0) + y * zoom,
			];
			const drag = async (from: [number, number], to: [number, number]): Promise<void> => {
				await page.mouse.move(...from);
				await page.mouse.down();
				await page.mouse.move(...to, { steps: 4 });
				await page.mouse.up();
			};
			await drag(at(place.x, place.y), at(place.x + 40, place.y + 20));
			await page.reload();
			await window.shows('Frame 0, painted');
			// On whole pixels.
			const [x, y] = [Math.round(place.x + 40), Math.round(place.y + 20)];
			await expect.poll(() => edit().place).toMatchObject({ x, y });
			await window.press('k');
			const [w, h] = [45 * place.scale, 30 * place.scale];
			await drag(at(x + w, y + h), at(x + 2 * w, y + 2 * h));
			await expect.poll(() => edit().place.scale / place.scale).toBeCloseTo(2, 1);
			const top = y - 2 * h - 26 / zoom;
			await drag(at(x, top), at(x + (y - top), y));
			await expect.poll(() => Math.round(edit().place.angle)).toBe(90);

			await window.press('w');
			await page.getByTestId('carried').getByText('Done').waitFor({ timeout: 120_000 });
			await window.shows('Frame 5,');
			// The picture on the screen is the one with the edit in it.
			const shown = await page.evaluate(`(async () => {
				const canvas = document.querySelector('.picture canvas');
				const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
				let red = 0;
				for (let at = 0; at < pixels.length; at += 4) red += pixels[at] > 200 && pixels[at + 1] < 60 && pixels[at + 2] < 60;
				return red;
			})()`);
			expect(Number(shown)).toBeGreaterThan(20);

			// Strokes on what the edit lies on make it carried anew.
			await window.press('Home', 'b');
			await window.stroke([0.1, 0.1], [0.12, 0.12]);
			await window.saved();
			await window.says('Changed since');
			await window.press('Control+z');
			await window.saved();

			await page.getByTestId('display').selectOption('edited');
			await window.press('x');
			await page.getByTestId('command').getByText('--edit').waitFor();
			const command = (await page.getByTestId('command').textContent()) ?? '';
			expect(command).toMatch(/--edit \S+layer\.png --end 6 -o \S+birds-edit\.mp4 /);
			await page.getByTestId('export-start').click();
			await page.getByTestId('export-state').getByText('birds-edit.mp4').waitFor({ timeout: 120_000 });
			await window.press('Escape');
			await page.getByRole('button', { name: 'Remove the edit' }).click();
			await page.getByText('Load a picture…').waitFor();
			await window.press('Shift+X');
			await window.says(/of 36 frames/);
		});

		it('take a frame that was saved and retouched, and refuse what is no picture', async () => {
			await window.openMarked('bear', sample('bear/first.png'));
			const { page } = window;
			const [download] = await Promise.all([
				page.waitForEvent('download'),
				page.getByText('Save this frame').click(),
			]);
			expect(download.suggestedFilename()).toBe('bear-frame-0.png');
			const retouched = join(folder, basename(download.suggestedFilename()));
			await sharp(readFileSync(await download.path()))
				.composite([{ input: await star(), left: 300, top: 150 }])
				.png()
				.toFile(retouched);
			writeFileSync(join(folder, 'letter.png'), 'Dear editor');
			await page.getByTestId('edit-file').setInputFiles(join(folder, 'letter.png'));
			await window.says(/^This file /);
			// Dropped, it is loaded as well.
			await drop(retouched);
			await window.says('Retouched frame 0');
			expect(await page.getByTestId('display').inputValue()).toBe('edited');
			await page.reload();
			await window.says('Retouched frame 0');
			await page.getByRole('button', { name: 'Remove the edit' }).click();
			await page.getByText('Load a picture…').waitFor();
		});
	});
});
