import { cornersOf, keyframes, plainName, type Track, type Tracks } from './tracks.js';

/**
 * Tools to be pasted into Fusion, or dropped on its flow: for each track a Transform whose centre follows it, for a plane a
 * CornerPositioner.
 */
export const fusionSetting = (all: Tracks): string => {
	const tools = all.isPlane ? cornerPositioner(all) : all.tracks.map(transform);
	const paths = all.tracks.flatMap((track, n) => path(all, track, n));
	return `{\n\tTools = ordered() {\n${[...tools, ...paths].join('\n')}\n\t},\n}\n`;
};

/** Names are those of Lua, and must differ. */
const nameOf = (track: Track, n: number): string => `Track${n + 1}_${plainName(track.name)}`;

const transform = (track: Track, n: number): string => `		${nameOf(track, n)} = Transform {
			Inputs = {
				Center = Input { SourceOp = "${nameOf(track, n)}Path", Source = "Value", },
			},
			ViewInfo = OperatorInfo { Pos = { ${110 * (n % 8)}, ${33 * Math.floor(n / 8)} } },
		},`;

const cornerPositioner = (all: Tracks): string[] => {
	const corners = cornersOf(all);
	const inputs = ['TopLeft', 'TopRight', 'BottomRight', 'BottomLeft'].map(
		(input, n) =>
			`				${input} = Input { SourceOp = "${nameOf(corners[n]!, n)}Path", Source = "Value", },`,
	);
	return [
		`		PropagateCornerPin = CornerPositioner {
			Inputs = {
${inputs.join('\n')}
			},
			ViewInfo = OperatorInfo { Pos = { 0, 0 } },
		},`,
	];
};

/** Positions are shares of the frame, from the bottom left. */
const path = ({ width, height }: Tracks, track: Track, n: number): string[] => {
	const name = nameOf(track, n);
	const spline = (
		axis: string,
		of: (x: number, y: number) => number,
	): string => `		${name}${axis} = BezierSpline {
			KeyFrames = {
${keyframes(track)
	.map(([frame, { x, y }]) => `				[${frame}] = { ${of(x, y).toFixed(7)}, Flags = { Linear = true } },`)
	.join('\n')}
			},
		},`;
	return [
		`		${name}Path = XYPath {
			ShowKeyPoints = false,
			DrawMode = "ModifyOnly",
			Inputs = {
				X = Input { SourceOp = "${name}X", Source = "Value", },
				Y = Input { SourceOp = "${name}Y", Source = "Value", },
			},
		},`,
		spline('X', (x) => (x + 0.5) / width),
		spline('Y', (_, y) => 1 - (y + 0.5) / height),
	];
};
