import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import sharp from 'sharp';
import { answers, recordedPath } from '../../plugin/obs/answers.js';
import { pathInside } from '../../src/core/path-inside.js';
import { isS3, parseS3Place } from '../../src/core/s3-place.js';
import { parseMat } from '../../src/evaluation/mat-file.js';
import { inputSize } from '../../src/features/preprocess.js';
import { planFeatures } from '../../src/features/recipe.js';
import { inversionCalls } from '../../src/features/schedule.js';
import { mapPaths } from '../../src/jobs/clip-command.js';
import { readJobList } from '../../src/jobs/job-list.js';
import { readKeyframes } from '../../src/masks/read-keyframes.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { parseFlow } from '../../src/media/flow-file.js';
import { FrameNames } from '../../src/media/frame-names.js';
import { imageSize, readImage } from '../../src/media/image.js';
import { encodeIndexedPng } from '../../src/media/indexed-png.js';
import { readMask } from '../../src/media/label-map.js';
import { readMirroring, sampleCount } from '../../src/media/mp4-boxes.js';
import { parsePosition } from '../../src/media/position.js';
import { readMatroskaHeader, readTrackList } from '../../src/media/probe-answers.js';
import { unpickle } from '../../src/models/checkpoint/pickle.js';
import { readCheckpoint } from '../../src/models/checkpoint/read-checkpoint.js';
import { readAnyModelFolder, readTrackerFolder } from '../../src/models/model-folder.js';
import { readModel } from '../../src/onnx/read-model.js';
import { notesOfFrames, RunNotes } from '../../src/output/run-notes.js';
import { formatResults } from '../../src/pairs/format-results.js';
import { readJobs } from '../../src/pairs/read-jobs.js';
import { readPoints } from '../../src/pairs/read-points.js';
import { loadPreset } from '../../src/presets/preset.js';
import { queuedClipSchema } from '../../src/queue/clip-queue.js';
import { Roots } from '../../src/queue/roots.js';
import { writeCacheFile } from '../../src/store/cache-file.js';
import { readDescriptorMap } from '../../src/store/descriptor-file.js';
import { readMap } from '../../src/store/descriptor-store.js';
import { openFrameStore } from '../../src/store/frame-store.js';
import { formatNpy } from '../../src/store/npy.js';
import * as pickles from '../helpers/pickle-writer.js';
import { storedZip } from '../helpers/stored-zip.js';

/** Something that reads what others wrote. */
export type Target = {
	readonly name: string;
	/** Whole files that the reader likes. */
	readonly seeds: readonly Buffer[];
	/** Puts right what any change breaks, such as checksums, so that the reader looks further. */
	readonly repair?: (bytes: Buffer) => Buffer;
	/** Reads an input; what it says is wrong with it must be a sentence: a `UserError`. */
	readonly read: (bytes: Buffer, folder: string) => unknown;
};

const project = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const text = (value: unknown): Buffer =>
	Buffer.from(typeof value === 'string' ? value : JSON.stringify(value, undefined, 1));
const [W, H] = [48, 32];

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
	let c = n;
	for (let bit = 0; bit < 8; bit++) {
		c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
	}
	return c;
});

const crc32 = (bytes: Buffer): number => {
	let crc = 0xffffffff;
	for (const byte of bytes) {
		crc = (crcTable[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
	}
	return ~crc >>> 0;
};

/** Gives every chunk of a PNG the checksum that it should have. */
const repairPng = (bytes: Buffer): Buffer => {
	const copy = Buffer.from(bytes);
	for (let at = 8; at + 12 <= copy.length; ) {
		const end = at + 8 + copy.readUInt32BE(at);
		if (end + 4 > copy.length) {
			break;
		}
		copy.writeUInt32BE(crc32(copy.subarray(at + 4, end)), end);
		at = end + 4;
	}
	return copy;
};

/** Writes the input as a file of that name and reads it by its path. */
const byPath =
	(name: string, read: (path: string) => unknown) =>
	(bytes: Buffer, folder: string): unknown => {
		const path = join(folder, name);
		writeFileSync(path, bytes);
		return read(path);
	};

const ids = Uint8Array.from({ length: W * H }, (_, at) =>
	at % W > 10 && at % W < 30 ? 1 + (Math.floor(at / W) >> 4) : 0,
);
const greys = Uint8Array.from({ length: W * H }, (_, at) =>
	Math.max(0, 255 - 12 * Math.hypot((at % W) - 24, Math.floor(at / W) - 16)),
);
const colours = Uint8Array.from({ length: W * H * 3 }, (_, n) =>
	(ids[Math.floor(n / 3)] ?? 0) === (n % 3) + 1 ? 255 : 0,
);
const layer = Uint8Array.from({ length: W * H * 4 }, (_, n) => (n % 4 === 3 ? (greys[n >> 2] ?? 0) : 200));

const pngSeeds = async (): Promise<Buffer[]> => [
	await encodeIndexedPng({ width: W, height: H, ids, palette: davisPalette }),
	Buffer.from(encode({ width: W, height: H, channels: 1, data: greys })),
	Buffer.from(encode({ width: W, height: H, channels: 3, data: colours })),
	Buffer.from(encode({ width: W, height: H, channels: 4, data: layer })),
	Buffer.from(
		encode({ width: W, height: H, channels: 1, depth: 16, data: Uint16Array.from(greys, (v) => v * 257) }),
	),
	await sharp(colours, { raw: { width: W, height: H, channels: 3 } })
		.png({ palette: true, colours: 4 })
		.toBuffer(),
	await sharp(layer, { raw: { width: W, height: H, channels: 4 } })
		.png({ palette: true })
		.withMetadata({ orientation: 6 })
		.toBuffer(),
	await sharp(colours, { raw: { width: W, height: H, channels: 3 } })
		.withIccProfile('p3')
		.png({ progressive: true })
		.toBuffer(),
];

const otherImages = async (): Promise<Buffer[]> => {
	const image = () => sharp(colours, { raw: { width: W, height: H, channels: 3 } });
	return [
		await image().jpeg().toBuffer(),
		await image().webp().toBuffer(),
		await image().webp({ lossless: true }).toBuffer(),
		await image().gif().toBuffer(),
		await image().tiff({ compression: 'lzw' }).toBuffer(),
		await image().tiff({ compression: 'jpeg' }).toBuffer(),
		Buffer.from(
			'<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32"><rect width="9" height="9"/></svg>',
		),
	];
};

const manifest = (): Buffer => readFileSync(project('models/propagate-small/manifest.json'));

const matFile = (compressed: boolean): Buffer => {
	const element = (type: number, data: Buffer): Buffer => {
		const tag = Buffer.alloc(8);
		tag.writeUInt32LE(type, 0);
		tag.writeUInt32LE(data.length, 4);
		return Buffer.concat([tag, data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
	};
	const ints = (...values: number[]): Buffer => Buffer.from(Int32Array.from(values).buffer);
	const matrix = element(
		14,
		Buffer.concat([
			element(6, ints(6, 0)),
			element(5, ints(2, 10)),
			element(1, Buffer.from('pts_coord')),
			element(9, Buffer.from(Float64Array.from({ length: 20 }, (_, i) => i * 3.5).buffer)),
		]),
	);
	const header = Buffer.alloc(128);
	header.write('MATLAB 5.0 MAT-file', 'latin1');
	header.writeUInt16LE(0x0100, 124);
	header.writeUInt16LE(0x4d49, 126);
	if (!compressed) {
		return Buffer.concat([header, matrix]);
	}
	const packed = deflateSync(matrix);
	const tag = Buffer.alloc(8);
	tag.writeUInt32LE(15, 0);
	tag.writeUInt32LE(packed.length, 4);
	return Buffer.concat([header, tag, packed]);
};

const floFile = (): Buffer => {
	const bytes = Buffer.alloc(12 + 8 * 6 * 4);
	bytes.writeFloatLE(202021.25, 0);
	bytes.writeInt32LE(6, 4);
	bytes.writeInt32LE(4, 8);
	return bytes;
};

const coco = {
	images: [
		{ id: 1, file_name: 'a.jpg', width: 100, height: 80 },
		{ id: 2, file_name: 'b.jpg' },
	],
	annotations: [{ id: 1, image_id: 1, category_id: 1, keypoints: [10, 20, 2, 0, 0, 0, 30, 40, 1] }],
	categories: [{ id: 1, name: 'bird', keypoints: ['beak', 'eye', 'tail'] }],
};
const own = [{ source: 'a.jpg', target: 'b.jpg', points: [[1, 2], { x: 3, y: 4, name: 'eye' }] }];
const spair = {
	src_imname: 'a.jpg',
	trg_imname: 'b.jpg',
	src_kps: [[1, 2]],
	category: 'cat',
	kps_ids: ['0'],
};
const csv = 'source,target,x,y,name\na.jpg,b.jpg,1,2,eye\na.jpg,b.jpg,3,4,\n';

/** Reads jobs and writes results of them, as a run does. */
const jobsAndBack = async (path: string): Promise<void> => {
	const jobs = await readJobs(path);
	const results = jobs.jobs.map((job) => ({
		job,
		matches: job.points.map((source) => ({ source, target: source, score: 0.5 })),
		found: [...job.points.keys()],
		error: undefined,
	}));
	for (const format of ['json', 'csv', 'coco', 'spair'] as const) {
		formatResults(format, jobs, results, new Map());
	}
};

const clips = [
	{ input: 'shots/bear.mp4', mask: 'bear.png', output: ['out/bear', 'out/bear-alpha.mov'] },
	{ input: 'kite.mov', mask: ['0=kite.png', '90=kite-90.png'], output: 'out/kite', quality: 'best', fps: 24 },
	{
		input: 'wall.mp4',
		edit: 'new.png',
		output: 'wall.mp4',
		start: '1.5s',
		end: 99,
		colormap: false,
		grow: -2,
	},
	{ input: 's3://shots/bear.mp4', mask: '3=s3://shots/bear.png', output: 's3://shots/out/', for: 'resolve' },
];
const clipTable =
	'input,mask,output,quality\nshots/bear.mp4,bear.png,out/bear;out/bear.mov,\n"ki,te.mov",0=a.png;9=b.png,out,best\n';

/** Reads a list of the main command's jobs: each is told what is wrong with it, or all of its paths hold from anywhere. */
const readClips = async (path: string): Promise<void> => {
	for await (const job of readJobList(path, { results: 'results' })) {
		if ('command' in job) {
			mapPaths(job.command, (place) => {
				if (!isS3(place) && !isAbsolute(place)) {
					throw new Error(`"${place}" is relative`);
				}
				return place;
			});
		} else if (job.problem === '' || job.problem.length > 2000) {
			throw new Error(`"${job.problem}" is no sentence`);
		}
	}
};

const requireWithin = (folder: string, path: string): void => {
	if (path !== folder && !path.startsWith(join(folder, '/'))) {
		throw new Error(`"${path}" is outside of "${folder}"`);
	}
};

/** What a stranger wrote into Redis is refused, or names only what lies where it may. */
const allowQueued = async (bytes: Buffer, folder: string): Promise<void> => {
	const root = join(folder, 'root');
	mkdirSync(root, { recursive: true });
	const parsed = queuedClipSchema.safeParse(parsedJson(bytes));
	if (!parsed.success) {
		return;
	}
	const roots = await Roots.open([root, 's3://shots/out']);
	mapPaths(await roots.allow(parsed.data.command), (path) => {
		if (isS3(path)) {
			requireWithin('/shots/out', `/${parseS3Place(path).bucket}/${parseS3Place(path).key}`);
		} else {
			requireWithin(root, path);
		}
		return path;
	});
};

const trackList = Buffer.from(
	[
		'#extradata 0:       50, 0xa647125e',
		...[
			'#tb 0: 1/57600',
			'#media_type 0: video',
			'#codec_id 0: h264',
			'#dimensions 0: 1920x1080',
			'#sar 0: 4/3',
		],
		...['#tb 1: 1/48000', '#media_type 1: audio', '#codec_id 1: aac', '#sample_rate 1: 48000'],
		'0,          0,          0,        1,  3110400, 0xeb53d44d',
	].join('\n'),
);

/** Segment, tracks, a track with its rate and colours, a tag with a timecode. */
const copiedHeader = Buffer.concat([
	Buffer.from('1a45dfa383428681011853806701ffffffffffffff', 'hex'),
	Buffer.from('1654ae6b9eae9c23e38384027bc869e09255b08f55b1810155b9810155ba810155bb8101', 'hex'),
	Buffer.from('1254c3679f73739c67c89945a38854494d45434f444544878b31303a30303a30303a3030', 'hex'),
]);

const moov = (): Buffer => {
	const box = (type: string, ...data: Buffer[]): Buffer => {
		const body = Buffer.concat(data);
		const head = Buffer.alloc(8);
		head.writeUInt32BE(body.length + 8, 0);
		head.write(type, 4, 'latin1');
		return Buffer.concat([head, body]);
	};
	const tkhd = Buffer.alloc(84);
	tkhd.writeInt32BE(-65536, 40);
	return Buffer.concat([box('ftyp', Buffer.from('isom')), box('moov', box('trak', box('tkhd', tkhd)))]);
};

const onnx = (): Buffer => {
	const varint = (value: number): Buffer => {
		const bytes: number[] = [];
		let rest = value;
		do {
			bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
			rest >>>= 7;
		} while (rest > 0);
		return Buffer.from(bytes);
	};
	const field = (number: number, data: Buffer | string): Buffer => {
		const body = Buffer.from(data);
		return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
	};
	const integer = (number: number, value: number): Buffer =>
		Buffer.concat([varint(number * 8), varint(value)]);
	const value = (name: string): Buffer =>
		Buffer.concat([
			field(1, name),
			field(2, field(1, Buffer.concat([integer(1, 1), field(2, field(1, integer(1, 4)))]))),
		]);
	const weight = Buffer.concat([integer(1, 4), integer(2, 1), field(8, 'w'), field(9, Buffer.alloc(16))]);
	const node = Buffer.concat([
		field(1, 'x'),
		field(1, 'w'),
		field(2, 'y'),
		field(3, 'n'),
		field(4, 'Add'),
		field(5, Buffer.concat([field(1, 'axis'), integer(3, 1), integer(20, 2)])),
	]);
	const graph = Buffer.concat([
		field(1, node),
		field(2, 'g'),
		field(5, weight),
		field(11, value('x')),
		field(12, value('y')),
	]);
	return Buffer.concat([integer(1, 8), field(7, graph), field(8, integer(2, 17))]);
};

const checkpointPickle = (): Buffer =>
	pickles.pickle(
		pickles.dict({
			mixing_weights: pickles.tensor(
				'0',
				pickles.tuple(pickles.integer(4)),
				pickles.tuple(pickles.integer(1)),
				4,
			),
			config: pickles.dict({ width: pickles.integer(384), big: pickles.long(1n << 40n) }),
		}),
	);

const torchArchive = (): Buffer =>
	Buffer.from(
		storedZip([
			{ name: 'archive/data.pkl', data: checkpointPickle() },
			{ name: 'archive/data/0', data: Buffer.alloc(16) },
		]),
	);

const safetensors = (): Buffer => {
	const header = text({
		__metadata__: { config: '{"width":384}' },
		w: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
	});
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(header.length));
	return Buffer.concat([length, header, Buffer.alloc(16)]);
};

const transform = Object.fromEntries(
	'sourceWidth sourceHeight width height positionX positionY rotation scaleX scaleY alignment boundsAlignment boundsWidth boundsHeight cropLeft cropRight cropTop cropBottom'
		.split(' ')
		.map((name) => [name, 1]),
);
const obsMessages = [
	{ currentProgramSceneName: 'Scene', scenes: [{ sceneName: 'Scene', sceneIndex: 0 }] },
	{
		sceneItems: [{ sourceName: 'Camera', sceneItemId: 3 }],
		inputs: [{ inputName: 'Camera', inputKind: 'v4l2' }],
	},
	{ imageData: 'data:image/png;base64,AAAA', sceneItemId: 4, baseWidth: 1920, baseHeight: 1080 },
	{ sceneItemTransform: { ...transform, boundsType: 'OBS_BOUNDS_NONE' }, outputPath: '/home/a/b.mkv' },
];

const identity = {
	...{
		program: '1',
		clip: 'c',
		range: '..',
		masks: 'm',
		edit: '',
		model: 'x',
		settings: 's',
		device: 'cpu',
		ffmpeg: '4',
	},
};
const notes = {
	...{ about: 'Notes', state: 'finished', frames: 2, identity },
	model: 'propagate-small',
	outputs: [{ path: '../clip.mp4', form: 'matte.mp4', files: [{ path: '../clip.mp4', bytes: 12 }] }],
};
const noteOfFrame = `00000.png 123 ${'0'.repeat(32)}\n`;

const parsedJson = (bytes: Buffer): unknown => {
	try {
		return JSON.parse(bytes.toString('utf8'));
	} catch {
		return undefined;
	}
};

/** Every reader of files and words that come from elsewhere. */
export const fuzzTargets = async (): Promise<readonly Target[]> => {
	const pngs = await pngSeeds();
	const images = await otherImages();
	const preset = readFileSync(project('presets/default.json'));
	return [
		{
			name: 'mask (PNG)',
			seeds: pngs,
			repair: repairPng,
			read: byPath('mask.png', (path) => readMask(path, { size: { width: W, height: H } })),
		},
		{
			name: 'mask (PNG, any size)',
			seeds: pngs,
			repair: repairPng,
			read: byPath('mask.png', (path) => readMask(path)),
		},
		{
			name: 'mask after the first',
			seeds: pngs,
			repair: repairPng,
			read: async (bytes, folder) => {
				const [first, second] = [join(folder, 'first.png'), join(folder, 'second.png')];
				writeFileSync(first, pngs[0]!);
				writeFileSync(second, bytes);
				const masks = [
					{ frame: 0, path: first },
					{ frame: 3, path: second },
				];
				await readKeyframes(masks, { width: W, height: H, stored: { width: H, height: W } });
			},
		},
		{ name: 'mask (other formats)', seeds: images, read: byPath('mask.img', (path) => readMask(path)) },
		{
			name: 'mask (as told)',
			seeds: pngs,
			repair: repairPng,
			read: byPath('mask.png', async (path) => {
				for (const type of ['ids', 'binary', 'colour', 'alpha'] as const) {
					await readMask(path, { type }).catch(throwUnlessSentence);
				}
			}),
		},
		{
			name: 'image',
			seeds: [...pngs, ...images],
			repair: repairPng,
			read: byPath('image.png', async (path) => {
				await imageSize(path);
				await readImage(path);
			}),
		},
		{
			name: 'manifest',
			seeds: [manifest()],
			read: async (bytes, folder) => {
				mkdirSync(join(folder, 'model'), { recursive: true });
				writeFileSync(join(folder, 'model', 'manifest.json'), bytes);
				const { manifest } = await readAnyModelFolder(join(folder, 'model'));
				if (manifest.kind !== 'pair') {
					planFeatures(manifest, inversionCalls(manifest.schedule), { maps: 'all', aggregation: 'network' });
				}
			},
		},
		{
			name: "tracker's manifest",
			seeds: [readFileSync(project('models/propagate-small/tracker/manifest.json'))],
			read: async (bytes, folder) => {
				mkdirSync(join(folder, 'tracker'), { recursive: true });
				writeFileSync(join(folder, 'tracker', 'manifest.json'), bytes);
				const { manifest } = await readTrackerFolder(join(folder, 'tracker'));
				for (const file of [manifest.encode, manifest.step, manifest.memorise]) {
					pathInside(folder, file);
				}
				for (const shortSide of Object.values(manifest.shortSide)) {
					const resize = { mode: 'fit', shortSide, multiple: 32 } as const;
					inputSize({ width: W, height: H }, { resize, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
				}
			},
		},
		{ name: '.mat', seeds: [matFile(false), matFile(true)], read: (bytes) => parseMat(bytes, 'a.mat') },
		{ name: '.flo', seeds: [floFile()], read: (bytes) => parseFlow(bytes, 'a.flo') },
		{
			name: 'flow PNG',
			seeds: [
				Buffer.from(
					encode({ width: 8, height: 6, channels: 3, depth: 16, data: new Uint16Array(144).fill(32768) }),
				),
			],
			repair: repairPng,
			read: (bytes) => parseFlow(bytes, 'a.png'),
		},
		{
			name: '.npy',
			seeds: [
				Buffer.from(formatNpy(new Float32Array(24), [1, 2, 3, 4])),
				Buffer.from(formatNpy(new Uint16Array(24), [1, 2, 3, 4])),
			],
			read: byPath('a.npy', readDescriptorMap),
		},
		{
			name: 'descriptors in the cache',
			seeds: [Buffer.from(formatNpy(new Uint16Array(24), [1, 2, 3, 4]))],
			read: byPath('b.npy', readMap),
		},
		{
			name: 'results in the cache',
			seeds: [
				serialize({ ids: deflateRawSync(ids), confidence: 0.5 }),
				serialize({ ids: new Uint8Array(deflateRawSync(greys)), quality: [0.9] }),
				serialize({
					ids: new Uint8Array(deflateRawSync(ids)),
					unrefined: { ids: [0, 1], data: new Float32Array(8), grid: { width: 2, height: 2 } },
					bestSimilarity: new Float32Array(4),
				}),
			],
			read: async (bytes, folder) => {
				// Sealed, as if the program itself had written it: what is not is never looked into.
				await writeCacheFile(join(folder, '3.bin'), bytes);
				return openFrameStore(folder).get(3);
			},
		},
		{
			name: 'run notes',
			seeds: [text(notes), text(noteOfFrame.repeat(3))],
			read: async (bytes, folder) => {
				const results = join(folder, 'results');
				mkdirSync(join(results, '.propagate-run'), { recursive: true });
				for (const name of ['run.json', 'frames.txt']) {
					writeFileSync(join(results, '.propagate-run', name), bytes);
				}
				const opened = await RunNotes.open(notesOfFrames(FrameNames.inFolder(results)), identity, true);
				await opened.stateOf({ path: join(folder, 'clip.mp4'), form: 'matte.mp4' });
			},
		},
		{
			name: 'jobs (JSON)',
			seeds: [text(coco), text(own), text({ jobs: own }), text(spair), text([spair])],
			read: byPath('jobs.json', jobsAndBack),
		},
		{ name: 'jobs (CSV)', seeds: [text(csv)], read: byPath('jobs.csv', jobsAndBack) },
		{
			name: 'list of clips (JSON)',
			seeds: [text(clips), text({ jobs: clips })],
			read: byPath('clips.json', readClips),
		},
		{
			name: 'list of clips (lines)',
			seeds: [text(clips.map((clip) => JSON.stringify(clip)).join('\n'))],
			read: byPath('clips.jsonl', readClips),
		},
		{ name: 'list of clips (CSV)', seeds: [text(clipTable)], read: byPath('clips.csv', readClips) },
		{
			name: 'jobs of the queue',
			seeds: clips.map((command) => text({ command })),
			read: allowQueued,
		},
		{
			name: 'places in S3',
			seeds: ['s3://shots/bear/00001.png', 's3://shots', 's3://a.b-c/d e/'].map(text),
			read: (bytes, folder) => {
				const { bucket, key } = parseS3Place(bytes.toString('utf8'));
				requireWithin(folder, join(folder, bucket, key));
			},
		},
		{
			name: 'points',
			seeds: [text([[1, 2]]), text({ points: [{ x: 1, y: 2, name: 'a' }] }), text('x,y,name\n1,2,eye\n')],
			read: async (bytes, folder) => {
				await readAs('points.json', readPoints, bytes, folder);
				await readAs('points.csv', readPoints, bytes, folder);
			},
		},
		{ name: 'preset', seeds: [preset], read: byPath('preset.json', loadPreset) },
		{
			name: "ffmpeg's answers",
			seeds: [trackList, copiedHeader],
			read: (bytes) => [readTrackList(bytes.toString()), readMatroskaHeader(bytes)],
		},
		{
			name: 'MP4 boxes',
			seeds: [moov()],
			read: byPath('a.mp4', async (path) => [await readMirroring(path, 0), await sampleCount(path, 0)]),
		},
		{ name: 'ONNX', seeds: [onnx()], read: byPath('a.onnx', readModel) },
		{
			name: 'pickle',
			seeds: [checkpointPickle()],
			read: (bytes) =>
				unpickle(bytes, {
					global: (name) => ({ name }),
					call: (callee, args) => [callee, [...args]],
					persistent: () => ({}),
				}),
		},
		{ name: 'torch archive', seeds: [torchArchive()], read: byPath('a.pt', readCheckpoint) },
		{ name: 'safetensors', seeds: [safetensors()], read: byPath('a.safetensors', readCheckpoint) },
		{
			name: 'OBS',
			seeds: obsMessages.map(text),
			read: (bytes) => {
				const message = parsedJson(bytes);
				for (const schema of Object.values(answers)) {
					schema.safeParse(message);
				}
				recordedPath.safeParse((Object(message) as { outputPath?: unknown }).outputPath);
			},
		},
		{
			name: 'places in a clip',
			seeds: ['37', '1.5s', '00:00:01.5', '.5s'].map(text),
			read: (bytes) => parsePosition(bytes.toString('utf8')),
		},
	];
};

const readAs = async (
	name: string,
	read: (path: string) => Promise<unknown>,
	bytes: Buffer,
	folder: string,
): Promise<void> => {
	const path = join(folder, name);
	writeFileSync(path, bytes);
	await read(path).catch(throwUnlessSentence);
};

const throwUnlessSentence = (error: unknown): void => {
	if ((error as Error).name !== 'UserError') {
		throw error;
	}
};
