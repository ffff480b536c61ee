import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { trackFormatOf } from '../../src/output/tracks/track-format.js';
import type { Tracks } from '../../src/output/tracks/tracks.js';
import { parseLuaTable, within } from '../helpers/lua-table.js';
import { python } from '../helpers/python.js';
import { parseCurve, parseNukeNodes, parseTclList } from '../helpers/tcl.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const size = { width: 640, height: 360 };

/** Two points over five frames, given in the second; the first one is hidden in frame 3. */
const points: Tracks = {
	...{ clip: 'shots/clip.mp4', firstFile: 'shots/clip.mp4', ...size },
	...{ frameRate: { numerator: 24000, denominator: 1001 }, at: 1, numbers: undefined, isPlane: false },
	tracks: [100, 200].map((x, n) => ({
		name: n === 0 ? 'left "eye"' : 'track 2',
		start: [x + 1, 50] as const,
		points: [0, 1, 2, 3, 4].map((frame) => ({
			...{ x: x + frame, y: 50.25 + 0.5 * frame, visible: n === 1 || frame !== 3, confidence: 0.9 },
		})),
	})),
};

/** A rectangle that goes down by two pixels a frame, in a sequence that begins with frame 1001. */
const plane: Tracks = {
	...points,
	...{ at: 0, isPlane: true, numbers: [1001, 1002, 1003] },
	tracks: (
		[
			['top left', 10, 20],
			['top right', 110, 20],
			['bottom right', 110, 80],
			['bottom left', 10, 80],
		] as const
	).map(([name, x, y]) => ({
		name,
		start: [x, y],
		points: [0, 1, 2].map((frame) => ({ x, y: y + 2 * frame, visible: true, confidence: 1 })),
	})),
};

const written = async (tracks: Tracks, name: string, folder = '.'): Promise<string> =>
	trackFormatOf(name).text(tracks, join(folder, name));

describe('JSON', () => {
	it('has one entry for each frame, hidden ones too', async () => {
		expect(JSON.parse(await written(points, 'a.json'))).toMatchObject({
			...{ ...size, at: 1, kind: 'points' },
			tracks: [
				{
					start: [101, 50],
					points: [
						[100, 50.25, true],
						[101, 50.75, true],
						[102, 51.25, true],
						[103, 51.75, false],
						[104, 52.25, true],
					],
				},
				{ start: [201, 50] },
			],
		});
	});
});

describe('CSV', () => {
	it('has a row for each track and frame', async () => {
		const { data } = Papa.parse<Record<string, string>>((await written(points, 'a.csv')).trim(), {
			header: true,
		});
		expect(data).toHaveLength(10);
		expect(data[3]).toEqual({
			track: 'left "eye"',
			frame: '3',
			x: '103',
			y: '51.75',
			visible: '0',
			confidence: '0.9',
		});
	});

	it('calls frames by the numbers in their names', async () => {
		const { data } = Papa.parse<Record<string, string>>(await written(plane, 'a.csv'), { header: true });
		expect(data.slice(0, 3).map(({ frame }) => frame)).toEqual(['1001', '1002', '1003']);
	});
});

describe('Nuke', () => {
	it('gets a Tracker4, counted from the bottom and from the edge of pixels, without keys where a point is hidden', async () => {
		const [tracker, ...others] = parseNukeNodes(await written(points, 'a.nk'));
		expect(others).toEqual([]);
		expect(tracker?.type).toBe('Tracker4');
		const [head = '', columns = '', rows = ''] = parseTclList(tracker?.knobs.get('tracks') ?? '');
		const names = parseTclList(columns).map((column) => parseTclList(column)[3]!);
		expect(parseTclList(head)).toEqual(['1', String(names.length), '2']);
		const table = parseTclList(rows).map((row) => {
			const cells = parseTclList(row);
			expect(cells).toHaveLength(names.length);
			return new Map(names.map((name, n) => [name, cells[n]!]));
		});
		expect(table.map((row) => row.get('name'))).toEqual(['left_eye_', 'track_2']);
		// Nuke counts the frames of a video from 1.
		expect(parseCurve(table[0]?.get('track_x') ?? '')).toEqual(
			new Map([
				[1, 100.5],
				[2, 101.5],
				[3, 102.5],
				[5, 104.5],
			]),
		);
		expect(parseCurve(table[1]?.get('track_y') ?? '').get(4)).toBe(360 - 51.75 - 0.5);
		expect(tracker?.knobs.get('reference_frame')).toBe('2');
	});

	it('gets a CornerPin2D from where the plane was given to where it goes, corners against the clock from the bottom left', async () => {
		const nodes = parseNukeNodes(await written(plane, 'a.nk'));
		expect(nodes.map(({ type }) => type)).toEqual(['Tracker4', 'CornerPin2D']);
		const knobs = nodes[1]?.knobs;
		const from = [1, 2, 3, 4].map((n) => parseTclList(knobs?.get(`from${n}`) ?? '').map(Number));
		expect(from).toEqual([
			[10.5, 279.5],
			[110.5, 279.5],
			[110.5, 339.5],
			[10.5, 339.5],
		]);
		const to = [1, 2, 3, 4].map((n) =>
			parseTclList(knobs?.get(`to${n}`) ?? '').map((curve) => parseCurve(curve).get(1003)),
		);
		expect(to).toEqual(from.map(([x, y]) => [x, (y ?? 0) - 4]));
	});
});

describe('Fusion', () => {
	it('gets a Transform for each track, whose centre is a path of the splines of x and y', async () => {
		const setting = parseLuaTable(await written(points, 'a.setting'));
		const tools = within(setting, 'Tools');
		expect(tools).toMatchObject({ kind: 'ordered' });
		const path = within(tools, 'Track1_left_eye_', 'Inputs', 'Center', 'SourceOp') as string;
		const splineOf = (axis: string) =>
			within(tools, within(tools, path, 'Inputs', axis, 'SourceOp') as string, 'KeyFrames');
		const x = splineOf('X');
		expect([...(x as { fields: ReadonlyMap<string, unknown> }).fields.keys()]).toEqual(['0', '1', '2', '4']);
		expect(within(x, 4, 1)).toBeCloseTo(104.5 / 640, 6);
		expect(within(splineOf('Y'), 0, 1)).toBeCloseTo(1 - 50.75 / 360, 6);
	});

	it('gets a CornerPositioner for a plane', async () => {
		const tools = within(parseLuaTable(await written(plane, 'a.setting')), 'Tools');
		expect(within(tools, 'PropagateCornerPin')).toMatchObject({ kind: 'CornerPositioner' });
		const corner = (input: string, axis: string, frame: number) => {
			const path = within(tools, 'PropagateCornerPin', 'Inputs', input, 'SourceOp') as string;
			return within(tools, within(tools, path, 'Inputs', axis, 'SourceOp') as string, 'KeyFrames', frame, 1);
		};
		expect(corner('BottomRight', 'X', 0)).toBeCloseTo(110.5 / 640, 6);
		expect(corner('BottomRight', 'Y', 2)).toBeCloseTo(1 - 84.5 / 360, 6);
		expect(corner('TopLeft', 'Y', 0)).toBeCloseTo(1 - 20.5 / 360, 6);
	});
});

describe.skipIf(python === undefined)('Natron (needs python3)', () => {
	/** Runs a script with a Natron that only takes notes. */
	const run = (script: string) => {
		const folder = temporaryFolder();
		const path = join(folder, 'tracks.py');
		writeFileSync(path, script);
		const natron = `
import json, sys
made = []
class Param:
    def __init__(self, notes, name): self.notes, self.name = notes, name
    def set(self, *values): self.notes.append([self.name, *values])
class Thing:
    def __init__(self, kind): self.kind, self.label, self.notes, self.tracks = kind, "", [], []
    def getParam(self, name): return Param(self.notes, name)
    def setLabel(self, label): self.label = label
    def getTrackerContext(self): return self
    def createTrack(self):
        self.tracks.append(Thing("track"))
        return self.tracks[-1]
class App:
    def createNode(self, kind):
        made.append(Thing(kind))
        return made[-1]
exec(open(sys.argv[1], encoding="utf-8").read(), {"app": App()})
print(json.dumps(made, default=vars))
`;
		return JSON.parse(execFileSync(python ?? '', ['-c', natron, path], { encoding: 'utf8' }));
	};

	it('gets a Tracker with the tracks', async () => {
		expect(run(await written(points, 'a.py'))).toMatchObject([
			{
				kind: 'fr.inria.built-in.Tracker',
				tracks: [
					{
						label: 'left "eye"',
						notes: [
							['centerPoint', 100.5, 309.25, 1],
							['centerPoint', 101.5, 308.75, 2],
							['centerPoint', 102.5, 308.25, 3],
							['centerPoint', 104.5, 307.25, 5],
						],
					},
					{ label: 'track 2' },
				],
			},
		]);
	});

	it('gets a CornerPin for a plane', async () => {
		const [, pin] = run(await written(plane, 'a.py'));
		expect(pin.kind).toBe('net.sf.openfx.CornerPinPlugin');
		expect(pin.notes.filter(([name]: [string]) => name === 'from1' || name === 'to1')).toEqual([
			['from1', 10.5, 279.5],
			['to1', 10.5, 279.5, 1001],
			['to1', 10.5, 277.5, 1002],
			['to1', 10.5, 275.5, 1003],
		]);
	});
});

describe('After Effects', () => {
	it('is pasted the position of one point, from the edge of pixels', async () => {
		const one = { ...points, tracks: points.tracks.slice(0, 1) };
		const lines = (await written(one, 'a.txt')).split('\r\n');
		expect(lines[0]).toBe('Adobe After Effects 8.0 Keyframe Data');
		expect(lines).toContain('\tSource Width\t640');
		const start = lines.indexOf('Transform\tPosition');
		expect(lines.slice(start + 1, start + 6).map((line) => line.split('\t').slice(1, -1))).toEqual([
			['Frame', 'X pixels', 'Y pixels', 'Z pixels'],
			['0', '100.5', '50.75', '0'],
			['1', '101.5', '51.25', '0'],
			['2', '102.5', '51.75', '0'],
			['4', '104.5', '52.75', '0'],
		]);
		expect(lines).toContain('End of Keyframe Data');
	});

	it('is pasted a corner pin for a plane', async () => {
		const lines = (await written(plane, 'a.txt')).split('\r\n');
		const start = lines.indexOf('Effects\tCorner Pin #1\tLower Left #4');
		expect(lines.slice(start + 2, start + 5)).toEqual([
			'\t0\t10.5\t80.5\t',
			'\t1\t10.5\t82.5\t',
			'\t2\t10.5\t84.5\t',
		]);
	});

	/** Runs a script with an After Effects that only takes notes. */
	const runScript = (script: string, path: string) => {
		const layers: { name: string; keys: Record<string, unknown> }[] = [];
		const property = (keys: Record<string, unknown>, name: string): object => ({
			...{ numKeys: 1, value: [0, 0, 0] },
			setInterpolationTypeAtKey: () => {},
			setSpatialTangentsAtKey: (_key: number, ...tangents: number[][]) => {
				expect(tangents).toEqual([
					[0, 0, 0],
					[0, 0, 0],
				]);
			},
			property: (child: string) => property(keys, child),
			addProperty: (child: string) => property(keys, child),
			setValue: () => {},
			setValuesAtTimes: (times: number[], values: number[][]) => {
				keys[name] = times.map((time, n) => [time, ...(values[n] ?? [])]);
			},
		});
		const layer = (name: string): object => {
			const made = { name, keys: {} };
			layers.push(made);
			return Object.assign(made, { property: (child: string) => property(made.keys, child) });
		};
		const imported: { path: string; sequence: boolean }[] = [];
		const File = function File(this: object, name: string) {
			return new.target ? { fsName: name, exists: true } : { parent: { fsName: dirname(name) } };
		};
		let comp: unknown[] = [];
		runInNewContext(script, {
			...{ File, $: { fileName: path }, KeyframeInterpolationType: { LINEAR: 'linear' } },
			ImportOptions: function ImportOptions(this: { file: object }, file: object) {
				this.file = file;
			},
			app: {
				...{ beginUndoGroup: () => {}, endUndoGroup: () => {} },
				project: {
					importFile: ({ file, sequence }: { file: { fsName: string }; sequence: boolean }) => {
						imported.push({ path: file.fsName, sequence });
						return { mainSource: {} };
					},
					items: {
						addComp: (...args: unknown[]) => {
							comp = args;
							return {
								openInViewer: () => {},
								layers: {
									add: () => layer('clip'),
									addNull: () => layer('null'),
									addSolid: (_colour: unknown, name: string) => layer(name),
								},
							};
						},
					},
				},
			},
		});
		return { comp, layers, imported };
	};

	it('runs a script that adds a null for each track', async () => {
		const text = await written(points, 'a.jsx', '/desk');
		expect([...text].every((letter) => letter < '\u007f')).toBe(true);
		const { comp, layers, imported } = runScript(text, '/desk/a.jsx');
		const rate = 24000 / 1001;
		expect(comp).toEqual(['clip tracks', 640, 360, 1, 5 / rate, rate]);
		expect(imported).toMatchObject([{ sequence: false }]);
		expect(layers.map(({ name }) => name)).toEqual(['clip', 'left "eye"', 'track 2']);
		expect(layers[1]?.keys['ADBE Position']).toEqual(
			[0, 1, 2, 4].map((frame) => [frame / rate, 100.5 + frame, 50.75 + 0.5 * frame]),
		);
	});

	it('runs a script that pins a solid to a plane, corners in the order of the effect', async () => {
		const { layers, imported } = runScript(await written(plane, 'a.jsx', '/desk'), '/desk/a.jsx');
		expect(imported).toMatchObject([{ sequence: true }]);
		const keys = layers.find(({ name }) => name === 'Plane')?.keys ?? {};
		const pins = [1, 2, 3, 4].map((n) => keys[`ADBE Corner Pin-000${n}`]);
		expect(pins.map((pin) => Array.isArray(pin) && pin[0])).toEqual([
			[0, 10.5, 20.5],
			[0, 110.5, 20.5],
			[0, 10.5, 80.5],
			[0, 110.5, 80.5],
		]);
	});
});

it('says which names there are for tracks', () => {
	expect(() => trackFormatOf('tracks.mov')).toThrow(UserError);
	expect(() => trackFormatOf('tracks.mov')).toThrow(/"tracks\.mov".*\.json.*\.nk \(Nuke\)/);
});
