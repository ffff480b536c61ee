import { execFile } from 'node:child_process';
import {
	chmodSync,
	cpSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { makeBoxMask } from '../helpers/box-clip.js';
import { quickCliPath, sample } from '../helpers/cli.js';
import { ffmpeg } from '../helpers/ffmpeg.js';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Lines of a page that are meant to be typed. */
type Block = {
	readonly page: string;
	readonly line: number;
	readonly text: string;
	readonly note: string | undefined;
};

/**
 * The fenced blocks of a page marked as `sh`. A comment on the line above says where they run (`<!-- runs in samples/pair -->`), or why
 * they can't run here (`<!-- not run: why -->`; `<!-- smoke -->`: the smoke test does).
 */
const blocksOf = (page: string): Block[] => {
	const lines = readFileSync(join(root, page), 'utf8').split('\n');
	return lines.flatMap((line, at) => {
		const indent = /^( *)```sh$/.exec(line)?.[1];
		if (indent === undefined) {
			return [];
		}
		const end = lines.indexOf(`${indent}\`\`\``, at);
		const text = lines.slice(at + 1, end).map((typed) => typed.slice(indent.length));
		const note = /^ *<!-- (.*) -->$/.exec(lines[at - 1] ?? '')?.[1];
		return [{ page, line: at + 1, text: text.join('\n'), note }];
	});
};

const pages = [
	'README.md',
	...readdirSync(join(root, 'docs'))
		.filter((name) => name.endsWith('.md'))
		.map((name) => `docs/${name}`),
];
const blocks = pages.flatMap(blocksOf);

let folder: string;
let desk: string;

/** Whether lines speak of a frame that a short clip does not have. */
const needsLongClip = (text: string): boolean => /--(mask|at) [1-9]/.test(text);

/** What the pages speak of: a clip, masks and pictures of it, a pair. Small, and worked on by the quick program. */
beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'propagate-docs-'));
	desk = join(folder, 'desk');
	mkdirSync(desk);
	const at = (name: string): string => join(desk, name);
	const [width, height] = [320, 180];
	await ffmpeg(
		...[
			'-stream_loop',
			'1',
			'-i',
			sample('birds/clip.mp4'),
			'-frames:v',
			'40',
			'-vf',
			`scale=${width}:${height}`,
		],
		...['-bf', '0', '-pix_fmt', 'yuv420p', at('clip.mp4')],
	);
	await ffmpeg('-i', at('clip.mp4'), '-frames:v', '4', '-c', 'copy', join(folder, 'short.mp4'));
	for (const name of ['first.png', 'a.png', 'b.png', 'fixed.png']) {
		await makeBoxMask(at(name), width, height);
	}
	const box = `<svg width="${width}" height="${height}"><rect x="80" y="45" width="160" height="90" fill="white"/></svg>`;
	const black = { create: { width, height, channels: 3, background: '#000' } } as const;
	await sharp(black)
		.composite([{ input: Buffer.from(box) }])
		.png()
		.toFile(at('mask.png'));
	// Small, because an edit costs by its size.
	const spot = box.replace('width="160" height="90"', 'width="40" height="24"');
	await sharp(Buffer.from(spot)).png().toFile(at('sticker.png'));
	await ffmpeg('-i', at('clip.mp4'), '-frames:v', '1', at('plain.png'));
	await sharp(at('plain.png'))
		.composite([{ input: Buffer.from(spot) }])
		.png()
		.toFile(at('edited-first.png'));
	for (const [side, name] of [
		['left', 'source'],
		['right', 'target'],
	] as const) {
		await sharp(sample(`pair/${name}.jpg`))
			.png()
			.toFile(at(`${side}.png`));
		cpSync(sample(`pair/${name}-mask.png`), at(`${side}-mask.png`));
	}
	cpSync(sample('pair/source.jpg'), at('one.jpg'));
	cpSync(sample('pair/target.jpg'), at('two.jpg'));
	writeFileSync(
		at('jobs.json'),
		JSON.stringify([{ source: 'one.jpg', target: 'two.jpg', points: [[250, 200]] }]),
	);
	mkdirSync(at('shots'));
	for (const name of ['bear', 'kite']) {
		cpSync(join(folder, 'short.mp4'), at(`shots/${name}.mp4`));
		cpSync(at('first.png'), at(`shots/${name}.png`));
	}
	const inputs = ['bear', 'kite'].map((name) => [`shots/${name}.mp4`, `shots/${name}.png`, `out/${name}`]);
	const keys = ['input', 'mask', 'output'];
	writeFileSync(
		at('list.json'),
		JSON.stringify(inputs.map((row) => Object.fromEntries(row.map((value, n) => [keys[n], value])))),
	);
	writeFileSync(at('list.csv'), [keys, ...inputs].map((row) => `${row.join(',')}\n`).join(''));
	const image = (id: number, file_name: string) => ({ id, file_name, width: 512, height: 384 });
	writeFileSync(
		at('annotated.coco.json'),
		JSON.stringify({
			images: [image(1, 'one.jpg'), image(2, 'two.jpg')],
			annotations: [
				{
					id: 1,
					image_id: 1,
					category_id: 1,
					keypoints: [250, 200, 2],
					num_keypoints: 1,
					bbox: [200, 100, 150, 200],
					area: 30000,
					iscrowd: 0,
				},
			],
			categories: [{ id: 1, name: 'bird', keypoints: ['beak'], skeleton: [] }],
		}),
	);
	mkdirSync(join(folder, 'bin'));
	writeFileSync(
		join(folder, 'bin/propagate'),
		`#!/bin/sh\nexec "${process.execPath}" "${quickCliPath}" "$@"\n`,
	);
	chmodSync(join(folder, 'bin/propagate'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runs = (note: string | undefined): boolean => note === undefined || note.startsWith('runs in ');

describe('every command line of README and docs', () => {
	it('is there to be read', () => {
		expect(blocks.length).toBeGreaterThan(25);
		for (const { page, line, note } of blocks) {
			expect(note ?? 'smoke', `${page}:${line}`).toMatch(/^(smoke$|runs in \S+$|not run: .{10})/);
		}
		// Nothing hides from this test by being indented or unmarked.
		for (const page of pages) {
			expect(readFileSync(join(root, page), 'utf8'), page).not.toMatch(
				/^(?: {4}|```\n)(?:propagate|npm|npx) /m,
			);
		}
	});

	/** The words of a line, as a shell would give them: quotes go, a comment ends it. */
	const words = (line: string): string[] =>
		[...line.replace(/(^|\s)#.*$/, '').matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
			word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double),
		);
	const typed = blocks.flatMap(({ page, text }) =>
		text
			.replaceAll(/\\\n\s*/g, '')
			// What a page shows as optional.
			.replaceAll(/ \[(--[^\]]*)\]/g, '')
			.split('\n')
			.flatMap((line) => {
				const all = words(line);
				const at = all.indexOf('propagate');
				return at < 0 ? [] : [[page, all.slice(at + 1)] as const];
			}),
	);

	it.each(typed.filter(([, args]) => args[0] !== 'obs'))(
		'%s: %j is a command that there is',
		async (_page, args) => {
			const program = buildProgram();
			const silence = (command: Command): void => {
				command.action(() => {}).configureOutput({ writeErr: () => {}, outputError: () => {} });
				command.commands.forEach(silence);
			};
			silence(program);
			await program.parseAsync(
				args.map((word) => word.replace(/[<>]/g, '')),
				{ from: 'user' },
			);
		},
	);

	for (const { page, line, text, note } of blocks) {
		const title = `${page}:${line} ${text.split('\n')[0]}`;
		it.runIf(runs(note))(runs(note) ? title : `${title} (${note})`, async () => {
			const cwd = mkdtempSync(join(folder, 'here-'));
			const from = note?.replace('runs in ', '');
			cpSync(from === undefined ? desk : join(root, from), cwd, { recursive: true });
			if (from === undefined && !needsLongClip(text)) {
				cpSync(join(folder, 'short.mp4'), join(cwd, 'clip.mp4'));
			}
			const env = {
				...process.env,
				PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`,
				PROPAGATE_HOME: join(folder, 'home'),
			};
			const { stderr } = await run('bash', ['-euo', 'pipefail', '-c', text], { cwd, env }).catch(
				(error: { stderr: string }) => {
					throw new Error(error.stderr);
				},
			);
			expect(stderr).not.toContain('propagate: ');
		});
	}
});
