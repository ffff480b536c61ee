// The pictures of docs/studio.md, taken anew: npm run docs:studio [-- name…]
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium as playwright } from 'playwright-core';
import sharp from 'sharp';
import { readLabelMap } from '../../src/index.js';
import { cliPath, sample } from '../../test/helpers/cli.js';
import { chromium, RunningStudio } from '../../test/helpers/studio.js';

const names = process.argv.slice(2);
// What is shown as a place should be nobody's in particular.
const home = join(tmpdir(), 'Propagate');
rmSync(home, { recursive: true, force: true });
mkdirSync(home);
process.env.PROPAGATE_HOME = join(home, '.home');
const clip = join(home, 'bear.mp4');
copyFileSync(sample('bear/clip.mp4'), clip);
const studio = await RunningStudio.start(home, [], cliPath);
const browser = await playwright.launch({ executablePath: chromium ?? '', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 720 }, colorScheme: 'dark' });

const take = async (name: string): Promise<void> => {
	if (names.length === 0 || names.includes(name)) {
		const png = await page.screenshot();
		await sharp(png)
			.webp({ quality: 82, effort: 6 })
			.toFile(join(import.meta.dirname, '../../docs/studio', `${name}.webp`));
	}
};

const at = async (x: number, y: number): Promise<readonly [number, number]> => {
	const box = await page.getByTestId('stage').boundingBox();
	return [(box?.x ?? 0) + x * (box?.width ?? 0), (box?.y ?? 0) + y * (box?.height ?? 0)];
};

const isSettled = async (): Promise<void> => {
	await page.getByTestId('saved').getByText('Saved').waitFor();
	await page.waitForTimeout(400);
};

try {
	await page.goto(studio.address);
	await page.getByTestId('sample-bear').waitFor();
	await page.waitForTimeout(300);
	await take('open');

	await page.getByPlaceholder('path of a clip').fill(clip);
	await page.keyboard.press('Enter');
	await page.getByLabel('Frame 0, no mask yet').waitFor();
	const [project] = (await studio.json<{ recent: { id: string }[] }>('/api/studio')).recent;
	const { id = '' } = project ?? {};
	await page.keyboard.press('s');
	await page.waitForTimeout(5000);
	await page.mouse.move(...(await at(0.15, 0.5)));
	await page.mouse.down();
	await page.mouse.move(...(await at(0.36, 0.5)), { steps: 12 });
	await page.mouse.up();
	await page.getByLabel('Frame 0, painted').waitFor({ timeout: 60_000 });
	await page.mouse.move(...(await at(0.22, 0.66)));
	await page.mouse.down();
	await page.mouse.move(...(await at(0.24, 0.78)), { steps: 6 });
	await page.mouse.up();
	await page.waitForTimeout(3000);
	await take('strokes');
	await page.keyboard.press('Control+z');
	await page.keyboard.press('Control+z');
	await page.getByLabel('Frame 0, no mask yet').waitFor();
	await isSettled();
	await page.keyboard.press('b');

	const { ids } = await readLabelMap(sample('bear/first.png'));
	await studio.json(`/api/projects/${id}`, 'PATCH', {
		objects: [{ id: 1, name: 'Bear', colour: '#ff4f64' }],
	});
	await studio.paint(id, 0, ids, 0);
	await page.getByLabel('Frame 0, painted').waitFor();
	await page.mouse.move(...(await at(0.22, 0.48)));
	await isSettled();
	await take('painted');

	await page.getByTestId('run').click();
	await page.getByText(/^(2[4-9]|3\d) of 72/).waitFor({ timeout: 120_000 });
	await take('running');
	await page.getByText('All frames are done').waitFor({ timeout: 300_000 });
	const track = await page.getByTestId('track').boundingBox();
	const frameAt = (frame: number): [number, number] => [
		(track?.x ?? 0) + ((frame + 0.5) / 72) * (track?.width ?? 0),
		(track?.y ?? 0) + 40,
	];
	await page.mouse.click(...frameAt(34));
	await page.waitForTimeout(700);
	await page.mouse.move(900, 300);
	await isSettled();
	await take('found');

	await page.keyboard.press('v');
	await page.keyboard.press('v');
	await page.waitForTimeout(300);
	await take('checkerboard');
	for (let n = 0; n < 4; n++) {
		await page.keyboard.press('v');
	}

	await page.keyboard.press('e');
	await page.mouse.move(...(await at(0.4, 0.74)));
	await page.mouse.down();
	await page.mouse.move(...(await at(0.44, 0.76)), { steps: 6 });
	await page.mouse.up();
	await isSettled();
	await take('corrected');
	await page.keyboard.press('Control+z');
	await isSettled();

	await page.keyboard.press('Home');
	const star = join(home, 'star.png');
	await sharp(
		Buffer.from(
			'<svg width="300" height="300" viewBox="0 0 20 20"><path fill="#ffd23f" stroke="#7a4d00" stroke-width=".6" d="M10 1l2.800 5.700 6.200.9-4.500 4.400 1.100 6.200-5.600-3-5.600 3 1.100-6.200L1 7.600l6.200-.9z"/></svg>',
		),
	)
		.png()
		.toFile(star);
	await page.getByTestId('edit-file').setInputFiles(star);
	await page.getByRole('button', { name: 'Place the sticker', pressed: true }).waitFor();
	await isSettled();
	await take('sticker');
	await page.getByTestId('carry').click();
	await page.getByText(/^Edit: 5\d of 72/).waitFor({ timeout: 400_000 });
	await take('edited');
	await page.getByTestId('cancel').click();
	await page.getByTestId('run').waitFor();
	await page.getByRole('button', { name: 'Remove the edit' }).click();
	await page.mouse.click(...frameAt(34));
	await isSettled();

	await page.getByTestId('export').click();
	await page.getByText('DaVinci Resolve').first().click();
	await page.waitForTimeout(600);
	await take('export');
	await page.keyboard.press('Escape');
	await page.keyboard.press('?');
	await page.waitForTimeout(300);
	await take('keys');
	await page.keyboard.press('Escape');
	await page.keyboard.press('t');
	await page.waitForTimeout(400);
	await take('light');
} finally {
	await browser.close();
	await studio.end();
	rmSync(home, { recursive: true, force: true });
}
