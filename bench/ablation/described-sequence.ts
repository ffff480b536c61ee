import { existsSync, openSync, readSync } from 'node:fs';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import type { DavisSequence } from '../../src/evaluation/davis-dataset.js';
import { openClip } from '../../src/media/clip.js';
import type { Describe } from './extraction.js';

type PartShape = {
	readonly name: string;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
};

/** `SEQUENCE.json`; the numbers themselves are int16 in `SEQUENCE.i16`, frame by frame and part by part. */
type Index = {
	readonly frames: number;
	/** Mean CPU time of one call of the network. */
	readonly millisecondsPerCall: number;
	/** The parts of every frame, in order. */
	readonly parts: readonly PartShape[];
	/** [frames][parts] what an int16 of 1 stands for. */
	readonly scales: readonly (readonly number[])[];
};

/** The maps of a sequence on disk. */
export type DescribedSequence = {
	readonly millisecondsPerCall: number;
	/** Reads one map from disk. */
	map(frame: number, part: string): DescriptorMap;
};

const INT16_MAX = 32767;
const sizeOf = ({ channels, height, width }: PartShape): number => channels * height * width;

/**
 * The maps of a sequence, from the store, or computed and put there. 16 bits with a scale for each map, which the
 * matcher's own 16 bits do not see.
 *
 * @param folder the extraction's place in the store
 * @param describe opens the network; called only if the store lacks the sequence
 */
export const describedSequence = async (
	folder: string,
	sequence: DavisSequence,
	describe: () => Promise<Describe>,
): Promise<DescribedSequence> => {
	const [indexPath, dataPath] = [join(folder, `${sequence.name}.json`), join(folder, `${sequence.name}.i16`)];
	if (!existsSync(indexPath)) {
		await mkdir(folder, { recursive: true });
		await writeSequence(indexPath, dataPath, sequence, await describe());
	}
	const index = JSON.parse(await readFile(indexPath, 'utf8')) as Index;
	const file = openSync(dataPath, 'r'); // Ends with the process; a run opens a few dozen.
	const frameSize = index.parts.reduce((sum, part) => sum + sizeOf(part), 0);
	return {
		millisecondsPerCall: index.millisecondsPerCall,
		map: (frame, name) => {
			const number = index.parts.findIndex((part) => part.name === name);
			const part = index.parts[number];
			const scale = index.scales[frame]?.[number];
			if (part === undefined || scale === undefined) {
				throw new Error(`${dataPath} has no ${name} of frame ${frame}.`);
			}
			const before = index.parts.slice(0, number).reduce((sum, each) => sum + sizeOf(each), 0);
			const values = new Int16Array(sizeOf(part));
			readSync(file, values, 0, values.byteLength, 2 * (frame * frameSize + before));
			const { channels, height, width } = part;
			return { channels, height, width, data: scaled(values, scale) };
		},
	};
};

// Loops, because `from` with a function takes many times as long.
const scaled = (values: Int16Array, scale: number): Float32Array => {
	const out = new Float32Array(values.length);
	for (let i = 0; i < out.length; i++) {
		out[i] = values[i]! * scale;
	}
	return out;
};

const rounded = (values: Float32Array, scale: number): Int16Array => {
	const out = new Int16Array(values.length);
	for (let i = 0; i < out.length; i++) {
		out[i] = Math.round(values[i]! / scale);
	}
	return out;
};

const writeSequence = async (
	indexPath: string,
	dataPath: string,
	{ framesFolder }: DavisSequence,
	describe: Describe,
): Promise<void> => {
	const file = await open(dataPath, 'w');
	const scales: number[][] = [];
	let parts: PartShape[] = [];
	let milliseconds = 0;
	try {
		for await (const { image } of (await openClip(framesFolder)).frames()) {
			const described = await describe(image);
			milliseconds += described.millisecondsPerCall;
			parts = described.parts.map(({ name, map: { channels, height, width } }) => ({
				...{ name, channels, height, width },
			}));
			const row: number[] = [];
			for (const { map } of described.parts) {
				const largest = map.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
				const scale = largest === 0 ? 1 : largest / INT16_MAX;
				row.push(scale);
				await file.write(rounded(map.data, scale));
			}
			scales.push(row);
		}
	} finally {
		await file.close();
	}
	const frames = scales.length;
	const index: Index = { frames, millisecondsPerCall: milliseconds / frames, parts, scales };
	await writeFile(`${indexPath}.partial`, JSON.stringify(index));
	await rename(`${indexPath}.partial`, indexPath); // The index says that the data is whole.
};
