import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, test, vi } from 'vitest';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import type { ClipInfo } from '../../src/media/clip-info.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { canRun } from '../helpers/can-run.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** Whether programs that people open our files in read what we wrote; see docs/formats.md. */
const run = promisify(execFile);
vi.setConfig({ testTimeout: 240_000 });

const installed = (program: string): boolean => canRun(program, '--version');

const width = 128;
const height = 96;
const frames = 10;
const info: ClipInfo = {
	...{ width, height, frameRate: 25, hasAudio: false },
	...{ estimatedFrames: undefined, durationSeconds: undefined },
};
const blue: Raster<3> = {
	...{ width, height, channels: 3 },
	data: Uint8Array.from({ length: width * height * 3 }, (_, at) => [0x20, 0x40, 0xc0][at % 3] ?? 0),
};

/** A box of 40 x 40 that moves right by 6 pixels a frame. */
const boxAt = (index: number): LabelMap => {
	const ids = new Uint8Array(width * height);
	for (let y = 30; y < 70; y++) {
		ids.fill(1, y * width + 10 + 6 * index, y * width + 50 + 6 * index);
	}
	return { width, height, ids, palette: davisPalette };
};

const writeBox = async (path: string): Promise<string> => {
	const sink = await openSink(await resolveFormat(path), { clip: info, objects: [1] });
	for (let index = 0; index < frames; index++) {
		await sink.write({ frame: { index, timeSeconds: index / 25, image: blue }, labels: boxAt(index) });
	}
	await sink.finish();
	return path;
};

type Colour = readonly [number, number, number];

/** The frame whose pixels are looked at, and points in the box and around it. */
const looked = 5;
const left = 10 + 6 * looked;
const inside = [
	[left + 4, 50],
	[left + 20, 34],
	[left + 35, 66],
] as const;
const outside = [
	[left - 5, 50],
	[left + 45, 50],
	[left + 20, 24],
	[left + 20, 76],
] as const;

const expectBox = (
	colourAt: (x: number, y: number) => readonly number[],
	box: Colour,
	around: Colour,
	tolerance: number,
): void => {
	for (const [points, colour] of [
		[inside, box],
		[outside, around],
	] as const) {
		for (const [x, y] of points) {
			const found = colourAt(x, y);
			const distance = Math.max(...colour.map((value, at) => Math.abs(value - (found[at] ?? -999))));
			expect(distance, `${found} at ${x},${y}, expected ${colour}`).toBeLessThanOrEqual(tolerance);
		}
	}
};

describe.skipIf(!installed('chromium'))('Chromium (needs chromium)', () => {
	/** Plays a video over red on a web page, at the middle of a frame, and returns that frame as the page shows it. */
	const drawInPage = async (video: string, type: string): Promise<(x: number, y: number) => number[]> => {
		const page = `<body><script>
			const tell = (text) => fetch('/result', { method: 'POST', body: text });
			const video = document.createElement('video');
			video.muted = true;
			video.addEventListener('loadeddata', () => { video.currentTime = ${(looked + 0.5) / 25}; });
			video.addEventListener('error', () => tell('error: ' + video.error.message));
			video.addEventListener('seeked', () => {
				const canvas = document.createElement('canvas');
				canvas.width = video.videoWidth;
				canvas.height = video.videoHeight;
				const context = canvas.getContext('2d');
				context.fillStyle = 'red';
				context.fillRect(0, 0, canvas.width, canvas.height);
				context.drawImage(video, 0, 0);
				tell(canvas.width + ':' + context.getImageData(0, 0, canvas.width, canvas.height).data);
			});
			video.src = 'data:${type};base64,${readFileSync(video).toString('base64')}';
			</script></body>`;
		const server = createServer();
		const told = new Promise<string>((fulfil) => {
			server.on('request', (request, response) => {
				if (request.method !== 'POST') {
					response.setHeader('Content-Type', 'text/html').end(page);
					return;
				}
				let body = '';
				request.on('data', (data) => {
					body += data;
				});
				request.on('end', () => {
					response.end();
					fulfil(body);
				});
			});
		});
		await once(server.listen(0, '127.0.0.1'), 'listening');
		const address = server.address();
		const port = typeof address === 'object' ? address?.port : undefined;
		const chromium = spawn(
			'chromium',
			[
				...['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'],
				...[`--user-data-dir=${temporaryFolder()}`, `http://127.0.0.1:${port}/`],
			],
			{ stdio: 'ignore' },
		);
		try {
			const [size, values = ''] = (await told).split(':');
			expect(size).toBe(String(width));
			const pixels = values.split(',').map(Number);
			return (x, y) => pixels.slice((y * width + x) * 4, (y * width + x) * 4 + 3);
		} finally {
			chromium.kill('SIGKILL');
			await once(chromium, 'exit');
			server.closeAllConnections();
			server.close();
		}
	};

	test('shows alpha.webm over the page', async () => {
		const video = await writeBox(join(temporaryFolder(), 'alpha.webm'));
		expectBox(await drawInPage(video, 'video/webm'), [0x20, 0x40, 0xc0], [255, 0, 0], 8);
	});

	test('shows matte.mp4 as white on black', async () => {
		const video = await writeBox(join(temporaryFolder(), 'matte.mp4'));
		expectBox(await drawInPage(video, 'video/mp4'), [255, 255, 255], [0, 0, 0], 4);
	});
});

describe.skipIf(!installed('blender'))('Blender (needs blender)', () => {
	/** Renders strips of the sequencer: red below, the file above with its alpha. */
	const renderInBlender = async (
		video: string,
		blend: 'ALPHA_OVER' | 'REPLACE',
	): Promise<(x: number, y: number) => number[]> => {
		const folder = temporaryFolder();
		const script = join(folder, 'render.py');
		writeFileSync(
			script,
			`import bpy
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = ${width}, ${height}
scene.render.resolution_percentage = 100
scene.render.fps = 25
scene.view_settings.view_transform = 'Standard'
scene.render.image_settings.file_format = 'PNG'
scene.render.image_settings.color_mode = 'RGB'
scene.sequence_editor_create()
strips = scene.sequence_editor.sequences
red = strips.new_effect('red', 'COLOR', 1, frame_start=1, frame_end=${frames + 1})
red.color = (1, 0, 0)
movie = strips.new_movie('movie', ${JSON.stringify(video)}, 2, 1)
movie.blend_type = '${blend}'
movie.alpha_mode = 'STRAIGHT'
assert movie.frame_duration == ${frames}, movie.frame_duration
scene.frame_set(${looked + 1})
scene.render.filepath = ${JSON.stringify(join(folder, 'frame.png'))}
bpy.ops.render.render(write_still=True)
`,
		);
		await run(
			'blender',
			['-b', '--factory-startup', '-t', '1', '--python-exit-code', '3', '--python', script],
			{ timeout: 200_000, maxBuffer: 1 << 26 },
		);
		const pixels = await sharp(join(folder, 'frame.png')).removeAlpha().raw().toBuffer();
		return (x, y) => [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
	};

	test.each(['alpha.mov', 'alpha.mkv', 'animation.mov'])('shows %s over another strip', async (name) => {
		const video = await writeBox(join(temporaryFolder(), name));
		expectBox(await renderInBlender(video, 'ALPHA_OVER'), [0x20, 0x40, 0xc0], [255, 0, 0], 8);
	});

	test.each(['matte.mkv', 'matte.mov', 'matte.mp4'])('shows %s as white on black', async (name) => {
		const video = await writeBox(join(temporaryFolder(), name));
		expectBox(await renderInBlender(video, 'REPLACE'), [255, 255, 255], [0, 0, 0], 4);
	});
});
