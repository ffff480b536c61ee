import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type Composite, openScenes } from '../../bench/mattes/scenes.js';
import type { Raster } from '../../src/core/frame.js';
import { defaultMatteSettings, type Mattes, mattesOf } from '../../src/mattes/mattes.js';
import type { ClipInfo } from '../../src/media/clip-info.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { writeImage } from '../../src/media/image.js';
import { overBackground } from '../../src/output/compositing.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { canRun } from '../helpers/can-run.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { meltAvailable, renderWithMelt } from '../helpers/melt.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/**
 * Cut-outs of drawn scenes, whose opacity and colours are known, over another background, by programs that people use: what they show
 * is the known truth, as near as the matte itself comes to it.
 */
const run = promisify(execFile);
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

const [width, height, frames] = [320, 180, 4];
const pixels = width * height;
const info: ClipInfo = {
	...{ width, height, frameRate: 25, hasAudio: false },
	...{ estimatedFrames: undefined, durationSeconds: undefined },
};

/** The new background: dark where the old ones are light, light where they are dark. */
const behind = (x: number, y: number): readonly [number, number, number] => [
	Math.round((250 * x) / width),
	60,
	Math.round(250 - (200 * y) / height),
];
const background: Raster<3> = {
	...{ width, height, channels: 3 },
	data: Uint8Array.from({ length: pixels * 3 }, (_, at) => {
		const pixel = Math.floor(at / 3);
		return behind(pixel % width, Math.floor(pixel / width))[at % 3]!;
	}),
};

type Shot = { readonly composite: Composite; readonly mattes: Mattes; readonly labels: Uint8Array };

const shots = new Map<string, Shot>();
beforeAll(async () => {
	for (const scene of await openScenes({ width, height })) {
		if (/^(fur|motion blur|hair) on (leaves|a wall)$/.test(scene.name)) {
			const composite = scene.frame(0);
			const labels = Uint8Array.from(composite.alpha, (value) => (value >= 0.5 ? 1 : 0));
			const map = { width, height, ids: labels, palette: davisPalette };
			shots.set(scene.name, {
				...{ composite, labels },
				mattes: mattesOf(composite.image, map, defaultMatteSettings),
			});
		}
	}
});

const shotOf = (scene: string): Shot => {
	const shot = shots.get(scene);
	if (shot === undefined) {
		throw new Error(`There is no scene "${scene}".`);
	}
	return shot;
};

/** The object over the new background, as it really is. */
const truthOf = ({ alpha, foreground }: Composite): Float64Array =>
	Float64Array.from({ length: pixels * 3 }, (_, at) => {
		const pixel = Math.floor(at / 3);
		return 255 * foreground[at]! + (1 - alpha[pixel]!) * background.data[at]!;
	});

/** Mean difference at pixels where anything is to be seen of the object. */
const errorOf = (found: ArrayLike<number>, { composite }: Shot): number => {
	expect(found).toHaveLength(pixels * 3);
	const truth = truthOf(composite);
	let [sum, count] = [0, 0];
	for (let at = 0; at < pixels * 3; at++) {
		const opacity = composite.alpha[Math.floor(at / 3)]!;
		if (opacity > 0 && opacity < 1) {
			sum += Math.abs(found[at]! - truth[at]!);
			count++;
		}
	}
	return sum / count;
};

const written = async (
	path: string,
	{ composite, mattes, labels }: Shot,
	format?: string,
): Promise<string> => {
	const sink = await openSink(await resolveFormat(path, format), { clip: info, objects: [1] });
	for (let index = 0; index < frames; index++) {
		await sink.write({
			frame: { index, timeSeconds: index / 25, image: composite.image },
			labels: { width, height, ids: labels, palette: davisPalette },
			mattes,
		});
	}
	await sink.finish();
	return path;
};

/** What files lose: rounding to 8 bits, compression, colours of every second pixel only. */
const LOSS = { exact: 1, compressed: 2, subsampled: 4 } as const;

const expectTruth = (found: ArrayLike<number>, shot: Shot, loss: number): void => {
	const own = overBackground(shot.mattes.coloursOf(shot.composite.image), shot.mattes.all, behind);
	expect(errorOf(found, shot)).toBeLessThan(errorOf(own.data, shot) + loss);
	// A hard cut-out is farther from it, so that the bound says something.
	const hard = shot.composite.image.data.map((value, at) =>
		shot.labels[Math.floor(at / 3)] === 1 ? value : background.data[at]!,
	);
	expect(errorOf(own.data, shot)).toBeLessThan(0.85 * errorOf(hard, shot));
};

const scenes = ['fur on leaves', 'hair on a wall', 'motion blur on leaves'] as const;
const saveBackground = async (folder: string): Promise<string> => {
	const path = join(folder, 'background.png');
	await writeImage(path, background);
	return path;
};

describe('ffmpeg', () => {
	test.each(
		scenes.flatMap((scene) => [
			[scene, 'shot-alpha.%04d.png', LOSS.exact] as const,
			[scene, 'alpha.mov', LOSS.compressed] as const,
		]),
	)('%s: %s over another background is the truth', async (scene, name, loss) => {
		const folder = temporaryFolder();
		const shot = shotOf(scene);
		const layer = await written(join(folder, name), shot);
		const found = await ffmpeg(
			...['-i', await saveBackground(folder), '-i', layer],
			...['-filter_complex', '[0][1]overlay=format=gbrp:alpha=straight', '-frames:v', '1'],
			...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
		);
		expectTruth(found, shot, loss);
	});

	test.each(scenes)('%s: by matte.mkv and the cut-out colours is the truth', async (scene) => {
		const folder = temporaryFolder();
		const shot = shotOf(scene);
		const matte = await written(join(folder, 'matte.mkv'), shot);
		const colours = join(folder, 'colours.png');
		await writeImage(colours, shot.mattes.coloursOf(shot.composite.image));
		const found = await ffmpeg(
			...['-i', await saveBackground(folder), '-i', colours, '-i', matte],
			...['-filter_complex', '[1][2]alphamerge[cut];[0][cut]overlay=format=gbrp', '-frames:v', '1'],
			...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
		);
		expectTruth(found, shot, LOSS.exact);
	});
});

describe.skipIf(!meltAvailable)('melt (needs melt and frei0r-plugins)', () => {
	test.each(scenes)('%s: alpha.mkv over another background is the truth', async (scene) => {
		const folder = temporaryFolder();
		const shot = shotOf(scene);
		const layer = await written(join(folder, 'alpha.mkv'), shot);
		const project = join(folder, 'shot.mlt');
		const producer = (id: string, resource: string, more = ''): string =>
			`<producer id="${id}" out="${frames - 1}"><property name="resource">${resource}</property>${more}</producer>`;
		const track = (id: string): string =>
			`<playlist id="p-${id}"><entry producer="${id}" in="0" out="${frames - 1}"/></playlist>`;
		writeFileSync(
			project,
			`<mlt><profile width="${width}" height="${height}" frame_rate_num="25" frame_rate_den="1" progressive="1"
				sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="16" display_aspect_den="9" colorspace="709"/>
			${producer('below', await saveBackground(folder), '<property name="length">100</property>')}
			${producer('above', layer)}${track('below')}${track('above')}
			<tractor id="all"><track producer="p-below"/><track producer="p-above"/>
			<transition><property name="mlt_service">frei0r.cairoblend</property><property name="a_track">0</property>
			<property name="b_track">1</property></transition></tractor></mlt>`,
		);
		const found = await renderWithMelt(project, { width, height, frames });
		expectTruth(found.subarray(0, pixels * 3), shot, LOSS.subsampled);
	});
});

describe.skipIf(!canRun('blender', '--version'))('Blender (needs blender)', () => {
	const script = (folder: string, strip: string): string => `import bpy
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = ${width}, ${height}
scene.render.resolution_percentage = 100
scene.render.fps = 25
scene.view_settings.view_transform = 'Standard'
scene.render.dither_intensity = 0
scene.render.image_settings.file_format = 'PNG'
scene.render.image_settings.color_mode = 'RGB'
scene.sequence_editor_create()
strips = scene.sequence_editor.sequences
strips.new_image('below', ${JSON.stringify(join(folder, 'background.png'))}, 1, 1)
above = ${strip}
above.blend_type = 'ALPHA_OVER'
above.alpha_mode = 'STRAIGHT'
scene.frame_set(1)
scene.render.filepath = ${JSON.stringify(join(folder, 'frame.png'))}
bpy.ops.render.render(write_still=True)
`;

	test.each([
		...scenes.map((scene) => [scene, 'alpha.mov', LOSS.compressed] as const),
		['fur on leaves', 'shot-alpha.%04d.png', LOSS.exact] as const,
	])('%s: %s over another background is the truth', async (scene, name, loss) => {
		const folder = temporaryFolder();
		const shot = shotOf(scene);
		const layer = await written(join(folder, name), shot);
		await saveBackground(folder);
		const path = JSON.stringify(layer.replace('%04d', '0000'));
		const strip = name.endsWith('.mov')
			? `strips.new_movie('above', ${path}, 2, 1)`
			: `strips.new_image('above', ${path}, 2, 1)`;
		writeFileSync(join(folder, 'render.py'), script(folder, strip));
		await run(
			'blender',
			[
				...['-b', '--factory-startup', '-t', '1', '--python-exit-code', '3'],
				...['--python', join(folder, 'render.py')],
			],
			{ timeout: 300_000, maxBuffer: 1 << 26 },
		);
		const found = await sharp(join(folder, 'frame.png')).removeAlpha().raw().toBuffer();
		expectTruth(found, shot, loss);
	});
});
