/**
 * The table of `bench:stages` as a picture: horizontal bars of CPU time, one group a stage, this engine beside its peers.
 *
 *     npm run bench:stages -- --json stages.json
 *     npm run bench:plot -- stages.json docs/images/speed.png
 */
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { StageCost } from './table.js';

const [source, target] = process.argv.slice(2);
if (source === undefined || target === undefined) {
	throw new Error('Give the JSON file of bench:stages and the PNG to write.');
}

/** In the order in which a frame goes through them; the names in {@link StageCost} start with one of the stages. */
const groups = [
	{ title: 'inversion', stages: ['inversion'] },
	{ title: 'matching', stages: ['matching'] },
	{ title: 'refinement, and optical flow to compare with', stages: ['refinement', 'whole frame'] },
] as const;
const OURS = 'this engine';
const PEER = 'PyTorch';

/** Pixels. */
const layout = { width: 1000, margin: 32, labels: 330, bar: 24, gap: 9, groupGap: 44, head: 96, foot: 24 };
const colours = { ours: '#1f6f5c', peer: '#b9bec5', text: '#1c2024', faint: '#666d75', line: '#d5d8dc' };
/** What the longest bar of a group leaves for its number. */
const NUMBER_WIDTH = 270;

const costs = JSON.parse(await readFile(source, 'utf8')) as readonly StageCost[];
const isOurs = (cost: StageCost): boolean => cost.name.includes(OURS);

const escaped = (text: string): string =>
	text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const text = (
	x: number,
	y: number,
	content: string,
	{ size = 15, colour = colours.text, anchor = 'start', weight = 400 } = {},
): string =>
	`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${colour}" text-anchor="${anchor}" font-weight="${weight}">${escaped(content)}</text>`;

const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;

/** Two digits are all that such a measurement is worth. */
const times = (ratio: number): string => `${Number(ratio.toPrecision(2))} × ${PEER}’s speed`;

const barStart = layout.margin + layout.labels;
const longest = layout.width - layout.margin - NUMBER_WIDTH - barStart;

const drawn: string[] = [];
let y = layout.head;
for (const { title, stages } of groups) {
	const members = costs
		.filter(({ name }) => stages.some((stage) => name.startsWith(`${stage}: `)))
		.sort((a, b) => b.median - a.median);
	const [slowest] = members;
	if (slowest === undefined) {
		continue;
	}
	const peer = members.find(({ name }) => name.includes(PEER));
	drawn.push(text(layout.margin, y, title, { weight: 700, size: 17 }));
	y += 12;
	const top = y;
	for (const member of members) {
		const length = Math.max(2, (longest * member.median) / slowest.median);
		const base = y + layout.bar * 0.72;
		const label = member.name.slice(member.name.indexOf(': ') + 2);
		const ratio = peer !== undefined && isOurs(member) ? ` (${times(peer.median / member.median)})` : '';
		drawn.push(
			text(barStart - 12, base, label, { anchor: 'end' }),
			`<rect x="${barStart}" y="${y}" width="${length.toFixed(1)}" height="${layout.bar}" fill="${isOurs(member) ? colours.ours : colours.peer}"/>`,
			text(barStart + length + 8, base, `${milliseconds(member.median)}${ratio}`),
		);
		y += layout.bar + layout.gap;
	}
	drawn.push(
		`<line x1="${barStart}" y1="${top - 4}" x2="${barStart}" y2="${y - layout.gap + 4}" stroke="${colours.line}"/>`,
	);
	y += layout.groupGap - layout.gap;
}

const height = y - layout.groupGap + layout.foot + 24;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${layout.width}" height="${height}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">
<rect width="100%" height="100%" fill="white"/>
${text(layout.margin, 34, 'CPU time of one 480p frame', { size: 20, weight: 700 })}
${text(layout.margin, 56, 'On one thread, shorter is better. Green is this engine. Each group has its own scale.', { size: 13, colour: colours.faint })}
${drawn.join('\n')}
</svg>`;
// Twice the size, so that it stays sharp on dense screens.
await sharp(Buffer.from(svg), { density: 144 }).png({ palette: true }).toFile(target);
