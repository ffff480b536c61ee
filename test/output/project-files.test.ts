import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { LabelMap } from '../../src/core/frame.js';
import { resolveClipOutputs } from '../../src/jobs/clip-outputs.js';
import { type Clip, openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { exactFrameRate } from '../../src/output/project-files/project.js';
import { RunOutputs } from '../../src/output/run-outputs.js';
import type { RunIdentity } from '../../src/store/run-identity.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { meltAvailable, renderWithMelt } from '../helpers/melt.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { findAll, parseXml } from '../helpers/xml.js';

const width = 128;
const height = 96;
const frames = 20;

/** A flat blue clip with a tone, so that every pixel that is not blue has come from somewhere else. */
const makeSource = async (folder: string, name = 'clip & "co".mp4', rate = '25'): Promise<string> => {
	const path = join(folder, name);
	await ffmpeg(
		...['-f', 'lavfi', '-i', `color=0x2040C0:s=${width}x${height}:r=${rate}`, '-f', 'lavfi', '-i', 'sine'],
		...['-frames:v', String(frames), '-shortest', '-pix_fmt', 'yuv420p', '-crf', '4', `file:${path}`],
	);
	return path;
};

/** A box of 40 x 40 that moves right by 2 pixels a frame. */
const boxAt = (index: number): LabelMap => {
	const ids = new Uint8Array(width * height);
	for (let y = 30; y < 70; y++) {
		ids.fill(1, y * width + 10 + 2 * index, y * width + 50 + 2 * index);
	}
	return { width, height, ids, palette: davisPalette };
};

const identity: RunIdentity = {
	...{ program: '', clip: '', range: '', masks: '', edit: '', model: '', settings: '' },
	...{ device: '', ffmpeg: '' },
};

/** Writes the outputs that are asked for, as `propagate clip -o … -o …` does, with known masks. */
const writeOutputs = async (clip: Clip, outputs: string[], start?: number): Promise<readonly string[]> => {
	const range = { start: start === undefined ? undefined : { frame: start } };
	const [first] = await (async () => {
		for await (const frame of clip.frames(range)) {
			return [frame];
		}
		return [];
	})();
	if (first === undefined) {
		throw new Error('The test clip has no frames.');
	}
	const opened = await RunOutputs.open({
		...{ clip, range, identity, firstFrame: first, objects: [1], existing: 'refuse', modelName: '' },
		outputs: await resolveClipOutputs(clip, outputs, undefined),
	});
	let count = 0;
	for await (const frame of clip.frames(range)) {
		await opened.write({ frame, labels: boxAt(frame.index + (start ?? 0)) });
		count++;
	}
	await opened.finish(count);
	return opened.paths;
};

describe('a project file', () => {
	test.each([
		['mlt', '-alpha.mkv'],
		['kdenlive', '-alpha.mkv'],
		['otio', '-alpha.mov'],
		['jsx', '-matte.mov'],
		['fcpxml', '-alpha.mov'],
	])('.%s comes with the video that it refers to', async (extension, layer) => {
		const folder = temporaryFolder();
		const clip = await openClip(await makeSource(folder));
		await writeOutputs(clip, [join(folder, `bear.${extension}`)]);
		expect(readdirSync(folder).sort()).toEqual(
			['clip & "co".mp4', `bear.${extension}`, `bear${layer}`].sort(),
		);
	});

	test('uses a video of the same run that its program can read', async () => {
		const folder = temporaryFolder();
		const clip = await openClip(await makeSource(folder));
		await writeOutputs(
			clip,
			['bear.mlt', 'cut.webm', 'plain.mov'].map((name) => join(folder, name)),
		);
		expect(readdirSync(folder).sort()).toEqual(['bear.mlt', 'clip & "co".mp4', 'cut.webm', 'plain.mov']);
		expect(readFileSync(join(folder, 'bear.mlt'), 'utf8')).toContain('>cut.webm<');
	});

	test('cannot refer to still images', async () => {
		const folder = temporaryFolder();
		await ffmpeg('-i', await makeSource(folder), '-frames:v', '3', join(folder, '%03d.png'));
		const clip = await openClip(join(folder, '*.png'));
		await expect(writeOutputs(clip, [join(folder, 'bear.mlt')])).rejects.toThrow(
			/refer to the clip, which must be a video file/,
		);
		expect(existsSync(join(folder, 'bear-alpha.mkv'))).toBe(false);
	});

	test('has exact frame rates', () => {
		expect(exactFrameRate(25)).toEqual({ numerator: 25, denominator: 1 });
		expect(exactFrameRate(30000 / 1001)).toEqual({ numerator: 30000, denominator: 1001 });
		expect(exactFrameRate(24000 / 1001)).toEqual({ numerator: 24000, denominator: 1001 });
		expect(exactFrameRate(60000 / 1001)).toEqual({ numerator: 60000, denominator: 1001 });
		expect(exactFrameRate(12.5)).toEqual({ numerator: 12500, denominator: 1000 });
	});
});

describe('OpenTimelineIO', () => {
	test('has the clip, its sound and the cut-out in step', async () => {
		const folder = temporaryFolder();
		const source = await makeSource(folder, undefined, '30000/1001');
		await writeOutputs(await openClip(source), [join(folder, 'bear.otio')], 5);
		const timeline = JSON.parse(readFileSync(join(folder, 'bear.otio'), 'utf8'));
		expect(timeline.OTIO_SCHEMA).toBe('Timeline.1');
		const tracks = timeline.tracks.children;
		expect(tracks.map((track: { kind: string }) => track.kind)).toEqual(['Video', 'Video', 'Audio']);
		for (const [at, [file, start]] of [
			[source, 5],
			[join(folder, 'bear-alpha.mov'), 0],
			[source, 5],
		].entries()) {
			const [clip] = tracks[at].children;
			expect(fileURLToPath(clip.media_reference.target_url)).toBe(file);
			expect(clip.source_range.start_time.value).toBe(start);
			expect(clip.source_range.duration.value).toBe(15);
			expect(clip.source_range.duration.rate).toBeCloseTo(29.97003, 4);
		}
	});
});

describe('FCPXML', () => {
	test('is well-formed, refers to what it declares, and counts in whole frames', async () => {
		const folder = temporaryFolder();
		const source = await makeSource(folder, undefined, '30000/1001');
		await writeOutputs(await openClip(source), [join(folder, 'bear.fcpxml')], 5);
		const xml = parseXml(readFileSync(join(folder, 'bear.fcpxml'), 'utf8'));
		expect(xml.attributes.version).toBe('1.9');
		const [format] = findAll(xml, 'format');
		expect(format?.attributes).toMatchObject({ frameDuration: '1001/30000s', width: '128', height: '96' });
		const assets = findAll(xml, 'asset');
		expect(assets.map(({ attributes }) => fileURLToPath(attributes.src ?? ''))).toEqual([
			source,
			join(folder, 'bear-alpha.mov'),
		]);
		const declared = assets.map(({ attributes }) => attributes.id);
		const [below, above] = findAll(xml, 'asset-clip');
		expect([below?.attributes.ref, above?.attributes.ref]).toEqual(declared);
		expect(below?.attributes).toMatchObject({ start: '5005/30000s', duration: '15015/30000s' });
		expect(above?.attributes).toMatchObject({ lane: '1', offset: '5005/30000s', start: '0s' });
	});
});

describe('the script for After Effects', () => {
	/** Runs a script with an After Effects that only takes notes. */
	const runScript = (path: string, version: 'old' | 'new') => {
		const made: { comp: unknown[]; imported: string[]; layers: Record<string, unknown>[] } = {
			...{ comp: [], imported: [], layers: [] },
		};
		class FakeFile {
			readonly fsName: string;
			readonly exists: boolean;
			constructor(name: string) {
				this.fsName = name;
				this.exists = existsSync(name);
			}
		}
		const File = Object.assign(function File(this: unknown, name: string) {
			return new.target ? new FakeFile(name) : { parent: { fsName: dirname(name) } };
		}, {});
		const addLayer = (source: { path: string }) => {
			const layer: Record<string, unknown> = { source: source.path };
			if (version === 'new') {
				layer.setTrackMatte = (matte: { name: string }, type: string) => {
					layer.matte = [matte.name, type];
				};
			}
			made.layers.unshift(layer);
			return layer;
		};
		const app = {
			beginUndoGroup: () => {},
			endUndoGroup: () => {},
			project: {
				importFile: (options: { file: FakeFile }) => {
					made.imported.push(options.file.fsName);
					return { path: options.file.fsName, mainSource: {} };
				},
				items: {
					addComp: (...args: unknown[]) => {
						made.comp = args;
						return { layers: { add: addLayer }, openInViewer: () => {} };
					},
				},
			},
		};
		runInNewContext(readFileSync(path, 'utf8'), {
			...{ app, File, $: { fileName: path } },
			ImportOptions: function ImportOptions(this: { file: unknown }, file: unknown) {
				this.file = file;
			},
			...{ TrackMatteType: { LUMA: 'luma', ALPHA: 'alpha' }, AlphaMode: { STRAIGHT: 'straight' } },
		});
		return made;
	};

	test.each(['old', 'new'] as const)('sets a luma track matte, in %s versions', async (version) => {
		const folder = temporaryFolder();
		const source = await makeSource(folder, 'Bär "1".mp4');
		const script = join(folder, 'bear.jsx');
		await writeOutputs(await openClip(source), [script]);
		// The script engine reads ECMAScript 3 in a guessed encoding.
		expect(readFileSync(script).every((byte) => byte < 128)).toBe(true);
		const { comp, imported, layers } = runScript(script, version);
		expect(comp).toEqual(['bear', width, height, 1, frames / 25, 25]);
		expect(imported).toEqual([source, join(folder, 'bear-matte.mov')]);
		expect(layers.map(({ name }) => name)).toEqual(['Matte', 'Object', 'Background']);
		const object = layers[1];
		expect(version === 'new' ? object?.matte : object?.trackMatteType).toEqual(
			version === 'new' ? ['Matte', 'luma'] : 'luma',
		);
		expect(object?.source).toBe(source);
		expect(layers[0]).toMatchObject({ enabled: false, source: join(folder, 'bear-matte.mov') });
	});

	test('uses alpha when there is a cut-out, and says when a file is gone', async () => {
		const folder = temporaryFolder();
		const source = await makeSource(folder);
		const outputs = [join(folder, 'bear.jsx'), join(folder, 'bear.mov')];
		await writeOutputs(await openClip(source), outputs);
		const script = join(folder, 'bear.jsx');
		expect(runScript(script, 'new').layers[1]?.matte).toEqual(['Matte', 'alpha']);
		await promisify(execFile)('mv', [join(folder, 'bear.mov'), join(folder, 'away.mov')]);
		expect(() => runScript(script, 'new')).toThrow(/bear\.mov is not there/);
	});
});

describe('MLT', () => {
	test('is well-formed and plays what it declares', async () => {
		const folder = temporaryFolder();
		const source = await makeSource(folder);
		await writeOutputs(await openClip(source), [join(folder, 'bear.mlt')], 5);
		const xml = parseXml(readFileSync(join(folder, 'bear.mlt'), 'utf8'));
		const ids = [...findAll(xml, 'producer'), ...findAll(xml, 'playlist')].map(
			({ attributes }) => attributes.id,
		);
		for (const { attributes } of [...findAll(xml, 'entry'), ...findAll(xml, 'track')]) {
			expect(ids).toContain(attributes.producer);
		}
		const resources = findAll(xml, 'property')
			.filter(({ attributes }) => attributes.name === 'resource')
			.map(({ text }) => text);
		// Beside the project, so that the folder can be moved.
		expect(resources).toEqual(['clip & "co".mp4', 'bear-alpha.mkv', '0']);
		expect(findAll(xml, 'profile')[0]?.attributes).toMatchObject({ frame_rate_num: '25', width: '128' });
	});

	test.skipIf(!meltAvailable).each([
		['alpha.mkv', undefined],
		['alpha.webm', undefined],
		['animation.mov', undefined],
		['alpha.mkv', 5],
	])(
		'with %s (start %s) is rendered by melt: object over another background (needs melt)',
		{ timeout: 300_000 },
		async (layer, start) => {
			const folder = temporaryFolder();
			const source = await makeSource(folder);
			const project = join(folder, 'bear.mlt');
			await writeOutputs(await openClip(source), [project, join(folder, `cut-${layer}`)], start);

			// As it is, object and background are both the clip's blue.
			const length = frames - (start ?? 0);
			const plain = await renderWithMelt(project, { width, height, frames: length });
			for (const [x, y] of [
				[5, 5],
				[30 + 2 * (start ?? 0), 50],
			] as const) {
				expectColour(plain, 0, x, y, [0x20, 0x40, 0xc0]);
			}

			// An editor replaces the background by red: the object stays, where it is in each frame.
			const xml = readFileSync(project, 'utf8');
			const red =
				'<producer id="clip"><property name="resource">#ff0000</property><property name="mlt_service">color</property></producer>';
			writeFileSync(project, xml.replace(/<producer id="clip"[\s\S]*?<\/producer>/, red));
			const composite = await renderWithMelt(project, { width, height, frames: length });
			for (const frame of [0, 7, length - 1]) {
				const left = 10 + 2 * (frame + (start ?? 0));
				for (const x of [left + 3, left + 20, left + 36]) {
					expectColour(composite, frame, x, 50, [0x20, 0x40, 0xc0]);
				}
				for (const [x, y] of [
					[left - 4, 50],
					[left + 44, 50],
					[left + 20, 25],
					[left + 20, 75],
				] as const) {
					expectColour(composite, frame, x, y, [255, 0, 0]);
				}
			}
		},
	);
});

const expectColour = (
	pixels: Buffer,
	frame: number,
	x: number,
	y: number,
	expected: readonly [number, number, number],
): void => {
	const at = ((frame * height + y) * width + x) * 3;
	const found = [...pixels.subarray(at, at + 3)];
	const distance = Math.max(...found.map((value, channel) => Math.abs(value - (expected[channel] ?? 0))));
	expect(distance, `frame ${frame} at ${x},${y} is ${found}, not ${expected}`).toBeLessThanOrEqual(8);
};
