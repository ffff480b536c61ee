// Stands in for the engine in tests of host programs, which are about the host: it follows the command contract
// (arguments, JSON records, exit codes), but takes its masks from the sample's ground truth, so that it needs no model
// and no minutes. PROPAGATE_TRUTH names the folder of masks; with PROPAGATE_TRUTH_HOLD it works on until that file appears, and takes it away.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import installer from '@ffmpeg-installer/ffmpeg';

const { positionals, values } = parseArgs({
	allowPositionals: true,
	options: {
		mask: { type: 'string', multiple: true },
		output: { type: 'string', short: 'o' },
		json: { type: 'boolean' },
		overwrite: { type: 'boolean' },
		quiet: { type: 'boolean' },
	},
});
const clip = positionals[0];
const mask = values.mask?.[0]?.replace(/^\d+=/, '') ?? '';
const output = values.output ?? '';
const refuse = (sentence) => {
	process.stderr.write(`propagate: ${sentence}\n`);
	process.exit(2);
};
if (extname(mask) !== '.png' || !existsSync(mask)) {
	refuse(`"${mask}" is not a mask.`);
}
if (existsSync(output) && !values.overwrite) {
	refuse(`"${output}" exists already; add --overwrite to replace it.`);
}

const hold = process.env.PROPAGATE_TRUTH_HOLD;
while (hold !== undefined && !existsSync(hold)) {
	await sleep(50);
}
if (hold !== undefined) {
	rmSync(hold); // It lets one run go on: the next one waits again, however soon it begins.
}
const truth = process.env.PROPAGATE_TRUTH ?? '';
const frames = readdirSync(truth).length;
const matte = '[1:v]format=rgb24,lutrgb=r=if(val\\,255\\,0),extractplanes=r';
const joined = `${matte}[m];[0:v][m]alphamerge`;
const codecs = {
	'matte.mkv': [matte, '-c:v', 'ffv1', '-pix_fmt', 'gray'],
	'alpha.mkv': [joined, '-c:v', 'ffv1', '-pix_fmt', 'yuva420p'],
	'alpha.webm': [
		joined,
		...['-c:v', 'libvpx-vp9', '-pix_fmt', 'yuva420p', '-auto-alt-ref', '0', '-b:v', '0', '-crf', '15'],
		...['-deadline', 'realtime', '-cpu-used', '8'],
	],
};
const format = Object.keys(codecs).find((name) => basename(output).endsWith(name));
const [filter, ...codec] = codecs[format] ?? refuse(`There is no format for "${output}".`);
execFileSync(installer.path, [
	...['-v', 'error', '-y', '-i', clip, '-framerate', '24', '-i', `${truth}/%05d.png`],
	...['-filter_complex', filter, '-frames:v', String(frames), ...codec, output],
]);
for (let frame = 0; frame < frames; frame++) {
	process.stdout.write(`${JSON.stringify({ type: 'progress', frame, total: frames })}\n`);
}
process.stdout.write(`${JSON.stringify({ type: 'done', frames, outputs: [output] })}\n`);
