// The package as a library, as a program that is not part of this project sees it. smoke.sh compiles it strictly and runs it.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { matchPair, type NamedMatch, propagateClip, UserError, warpPair } from 'propagate-video';

const samples = join(dirname(fileURLToPath(import.meta.resolve('propagate-video/package.json'))), 'samples');

const { frames, outputs } = await propagateClip({
	input: join(samples, 'birds/clip.mp4'),
	masks: [{ frame: 0, path: join(samples, 'birds/first.png') }],
	outputs: ['birds'],
	end: '3',
	onFrame: ({ frame, confidence }) => console.log(frame, confidence.toFixed(2)),
});
if (
	frames !== 3 ||
	outputs.length !== 1 ||
	readdirSync('birds').filter((name) => name.endsWith('.png')).length !== 3
) {
	throw new Error('expected three masks');
}

const pair = { source: join(samples, 'pair/source.jpg'), target: join(samples, 'pair/target.jpg') };
const points: [number, number][] = [
	[250, 200],
	[260, 210],
];
const matches: NamedMatch[] = await matchPair({ ...pair, points });
console.log(
	matches.map(({ target: [x, y], score }) => `${x.toFixed(1)} ${y.toFixed(1)} ${score.toFixed(2)}`),
);
if (matches.length !== points.length) {
	throw new Error('expected a match for every point');
}

const warped = await warpPair({ ...pair, output: 'warped.png' });
console.log(warped.meanConfidence.toFixed(2));

const refused: unknown = await matchPair({ ...pair, points: [[9999, 0]] }).catch((error: unknown) => error);
if (!(refused instanceof UserError)) {
	throw new Error('expected a point outside the image to be refused');
}
