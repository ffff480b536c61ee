import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { deflateSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readLabelMap } from '../../src/index.js';
import { Library } from '../../src/studio/library.js';
import type { ProjectState, RunState } from '../../src/studio/protocol.js';
import { runCli, sample } from '../helpers/cli.js';
import { messageOf, RunningStudio, rectangle } from '../helpers/studio.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let projects: string;
let studio: RunningStudio;
beforeAll(async () => {
	projects = mkdtempSync(join(tmpdir(), 'propagate-test-studio-'));
	studio = await RunningStudio.start(projects);
});
afterAll(async () => {
	expect(await studio.end()).toBe(0);
	rmSync(projects, { recursive: true, force: true });
});

describe('who is let in', () => {
	it('is who has the token, in the address, in the cookie that it becomes, or in a header', async () => {
		const path = new URL(studio.address).pathname + new URL(studio.address).search;
		const page = await studio.ask(path, { token: null });
		expect(page.status).toBe(200);
		expect(page.body.toString()).toContain('<div id="studio">');
		const cookie = String(page.headers['set-cookie']);
		expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
		const headers = { cookie: cookie.split(';')[0] ?? '' };
		expect((await studio.ask('/api/studio', { token: null, headers })).status).toBe(200);
		expect((await studio.ask('/api/studio')).status).toBe(200);
	});

	it('is nobody else: not without it, not with another', async () => {
		for (const path of ['/', '/api/studio', '/index.html', '/api/nothing']) {
			expect((await studio.ask(path, { token: null })).status, path).toBe(403);
			expect((await studio.ask(path, { token: 'a'.repeat(43) })).status, path).toBe(403);
		}
		expect((await studio.ask(`/?token=${'b'.repeat(43)}`, { token: null })).status).toBe(403);
	});

	it('is no page of another site, and no name that was made to lead here', async () => {
		const status = async (headers: Record<string, string>) =>
			(await studio.ask('/api/studio', { headers })).status;
		expect(await status({ origin: 'https://example.com' })).toBe(403);
		expect(await status({ origin: 'null' })).toBe(403);
		expect(await status({ host: `example.com:${studio.port}` })).toBe(403);
		expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403);
		expect(await status({ origin: `http://127.0.0.1:${studio.port}` })).toBe(200);
		const { status: upgraded } = await studio.ask(`/api/projects/${crypto.randomUUID()}/events`, {
			headers: {
				...{ origin: 'https://example.com', connection: 'Upgrade', upgrade: 'websocket' },
				...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
			},
		});
		expect(upgraded).toBe(403);
	});

	it('is on this machine', async () => {
		const { networkInterfaces } = await import('node:os');
		const outside = Object.values(networkInterfaces())
			.flat()
			.find((address) => address?.family === 'IPv4' && !address.internal);
		if (outside !== undefined) {
			await expect(
				new Promise((resolve, reject) => {
					connect(studio.port, outside.address).once('connect', resolve).once('error', reject);
				}),
			).rejects.toThrow(/ECONNREFUSED/);
		}
	});

	it('gets pages that may load nothing from elsewhere', async () => {
		const { headers, body } = await studio.ask('/');
		expect(headers['content-security-policy']).toMatch(
			/^default-src 'none'; script-src 'self'; style-src 'self'/,
		);
		expect(headers['referrer-policy']).toBe('no-referrer');
		expect(body.toString()).not.toMatch(/(src|href)="https?:/);
	});
});

describe('what is given out', () => {
	it('are the page and what was opened, no other file', async () => {
		const { id } = await studio.open({ sample: 'birds' });
		for (const path of [
			'/../package.json',
			'/%2e%2e/%2e%2e/package.json',
			'/..%2f..%2fpackage.json',
			'/assets/..%5c..%5cpackage.json',
			`/api/projects/${id}/masks/..%2f..%2fproject.json`,
			`/api/projects/${id}/pictures/-1`,
			'/api/projects/..%2f../masks/0',
		]) {
			const { status, body } = await studio.ask(path);
			expect(status, path).toBeGreaterThanOrEqual(400);
			expect(body.toString(), path).not.toContain('"propagate-video"');
		}
	});

	it('takes files in under plain names alone', async () => {
		const { id } = await studio.json<{ id: string }>('/api/uploads', 'POST');
		const send = (name: string) =>
			studio.ask(`/api/uploads/${id}/${encodeURIComponent(name)}`, {
				...{ method: 'PUT', headers: { 'content-type': 'application/octet-stream' } },
				body: readFileSync(sample('birds/clip.mp4')),
			});
		for (const name of ['../out.mp4', '/tmp/out.mp4', '.hidden', 'a\\b.mp4', 'a\0b']) {
			expect((await send(name)).status, name).toBeGreaterThanOrEqual(400);
		}
		expect((await send('flight 1.mp4')).status).toBe(204);
		const project = await studio.open({ upload: id });
		expect(project.name).toBe('flight 1');
		expect(project.clip).toBe(join(projects, 'flight 1', 'clip', 'flight 1.mp4'));
		expect(readdirSync(projects).filter((name) => name.startsWith('.upload'))).toEqual([]);
	});

	it('takes no more in than it says', async () => {
		const begun = async (): Promise<string> => (await studio.json<{ id: string }>('/api/uploads', 'POST')).id;
		const id = await begun();
		// What is announced is refused before any of it is sent.
		const huge = await studio.ask(`/api/uploads/${id}/huge.mp4`, {
			method: 'PUT',
			headers: { 'content-type': 'application/octet-stream', 'content-length': String(17 * 2 ** 30) },
			isUnfinished: true,
		});
		expect(huge.status).toBe(400);
		expect(messageOf(huge)).toBe(
			"More than 16 GB can't be copied into a project; open the clip by its path.",
		);

		const library = new Library(temporaryFolder(), { gigabytes: 100 / 2 ** 30, files: 2 });
		const content = (bytes: number): Readable => Readable.from([Buffer.alloc(bytes)]);
		const small = await library.beginUpload();
		await library.upload(small, '1.png', content(60));
		// Nor does what comes unannounced pass.
		await expect(library.upload(small, '2.png', content(60))).rejects.toThrow(/More than/);
		const many = await library.beginUpload();
		await library.upload(many, '1.png', content(1));
		await expect(library.upload(many, '1.png', content(1))).rejects.toThrow(/Two of the files/);
		await expect(library.upload(many, '3.png', content(1))).rejects.toThrow(/More than 2 files/);
		await library.closeAll();
	});

	it('says of what was sent why it is no clip, by the name that its sender knows', async () => {
		const { id } = await studio.json<{ id: string }>('/api/uploads', 'POST');
		await studio.ask(`/api/uploads/${id}/letter.txt`, {
			...{ method: 'PUT', headers: { 'content-type': 'application/octet-stream' } },
			body: Buffer.from('Dear editor'),
		});
		const before = readdirSync(projects);
		await expect(studio.open({ upload: id })).rejects.toThrow(/^"letter\.txt" /);
		expect(readdirSync(projects)).toEqual(before.filter((name) => !name.includes(id)));
	});

	it('says in a sentence why something cannot be opened', async () => {
		await expect(studio.open({ path: join(projects, 'nothing.mp4') })).rejects.toThrow(/does not exist/);
		writeFileSync(join(projects, 'text.mp4'), 'no video');
		await expect(studio.open({ path: join(projects, 'text.mp4') })).rejects.toThrow(/text\.mp4/);
		expect(existsSync(join(projects, 'text'))).toBe(false);
	});
});

describe('what is painted', () => {
	it('is on disk when it is acknowledged, as a mask that the command line takes', async () => {
		const folder = temporaryFolder();
		const first = await RunningStudio.start(folder);
		const project = await first.open({ sample: 'birds' });
		const ids = rectangle(project, [200, 100, 300, 200]);
		expect((await first.paint(project.id, 5, ids, 0)).status).toBe(200);
		await first.kill();
		const path = join(project.folder, 'painted/00005.png');
		expect(Buffer.compare((await readLabelMap(path)).ids, ids)).toBe(0);

		// And the project is as it was, wherever it has been moved.
		const moved = join(folder, 'moved');
		renameSync(project.folder, moved);
		const second = await RunningStudio.start(folder);
		const again = await second.open({ path: moved });
		expect(again.id).toBe(project.id);
		expect(again.painted).toMatchObject([{ frame: 5 }]);
		expect(Buffer.compare((await second.mask(again.id, 5)) ?? Buffer.of(), ids)).toBe(0);
		await second.end();
	});

	it('is not lost to another window that had not seen it', async () => {
		const project = await studio.open({ sample: 'bear' });
		const { id } = project;
		const [left, right] = [rectangle(project, [0, 0, 50, 50]), rectangle(project, [60, 0, 90, 50])];
		const { revision } = JSON.parse((await studio.paint(id, 3, left, 0)).body.toString()) as {
			revision: number;
		};
		const refused = await studio.paint(id, 3, right, 0);
		expect(refused.status).toBe(409);
		expect(Buffer.compare((await studio.mask(id, 3)) ?? Buffer.of(), left)).toBe(0);
		expect((await studio.paint(id, 3, right, revision)).status).toBe(200);
	});

	it('is not lost to another studio that has the project open', async () => {
		const folder = temporaryFolder();
		const [first, second] = [await RunningStudio.start(folder), await RunningStudio.start(folder)];
		const project = await first.open({ sample: 'birds' });
		const { id } = await second.open({ path: project.folder });
		const ids = rectangle(project, [10, 10, 60, 60]);
		expect((await first.paint(id, 2, ids, 0)).status).toBe(200);
		expect((await second.paint(id, 2, rectangle(project, [0, 0, 9, 9]), 0)).status).toBe(409);
		expect(Buffer.compare((await second.mask(id, 2)) ?? Buffer.of(), ids)).toBe(0);
		await Promise.all([first.end(), second.end()]);
	});

	it('may be begun with strokes, or a box', async () => {
		const { id, width } = await studio.open({ sample: 'bear' });
		const ask = async (hints: object): Promise<Buffer> => {
			const { status, body } = await studio.ask(`/api/projects/${id}/hints/0`, {
				...{ method: 'POST', headers: { 'content-type': 'application/json' } },
				body: Buffer.from(JSON.stringify({ object: [], background: [], ...hints })),
			});
			expect(status).toBe(200);
			return inflateSync(body);
		};
		const at = ([x, y]: readonly [number, number]): number => y * width + x;
		const strokes = {
			object: [
				[
					[120, 260],
					[250, 260],
				],
			],
			background: [[[500, 120]]],
		};
		const marked = await ask(strokes);
		expect([marked[at([180, 260])], marked[at([500, 120])]]).toEqual([1, 0]);
		// What is wiped away of it goes, and the rest stays.
		const wiped = { ...strokes, background: [...strokes.background, [[330, 340]]] };
		const corrected = await ask({ ...wiped, mask: deflateSync(marked).toString('base64') });
		expect([corrected[at([180, 260])], corrected[at([330, 340])]]).toEqual([1, 0]);
		const boxed = await ask({ box: [35, 150, 355, 420] });
		expect(boxed.includes(1)).toBe(true);
		expect(boxed[at([500, 120])]).toBe(0);
	});

	it('has the size of the clip', async () => {
		const { id } = await studio.open({ sample: 'bear' });
		for (const size of [10, 854 * 480 + 1]) {
			const answer = await studio.paint(id, 9, new Uint8Array(size), 0);
			expect(answer.status).toBe(400);
			expect(answer.body.toString()).toContain('854×480');
			const mask = deflateSync(new Uint8Array(size)).toString('base64');
			const hints = { object: [[[9, 9]]], background: [], mask };
			await expect(studio.json(`/api/projects/${id}/hints/9`, 'POST', hints)).rejects.toThrow('854×480');
		}
	});
});

describe('a run', () => {
	it('finds what the command line finds, again only what has changed, and what was corrected can be given up', async () => {
		const folder = temporaryFolder();
		const own = await RunningStudio.start(folder);
		const project = await own.open({ sample: 'birds' });
		const { id } = project;
		const end = 12;
		await own.json(`/api/projects/${id}`, 'PATCH', { end });
		await expect(own.json(`/api/projects/${id}/run`, 'POST')).rejects.toThrow(/Nothing is painted/);
		await own.paint(id, 0, (await readLabelMap(sample('birds/first.png'))).ids, 0);
		await own.json(`/api/projects/${id}/run`, 'POST');
		const isDone = ({ confidence, outdated }: ProjectState): boolean =>
			Object.keys(confidence).length === end && outdated.every(([from]) => from >= end);
		const done = await own.until(id, isDone);
		expect(done.confidence[0]).toBe(1);
		const found = await own.mask(id, 8);
		const foundThere = await own.mask(id, 6);

		const { command } = await own.json<{ command: string }>(`/api/projects/${id}/export/command`, 'POST', {
			format: 'png',
		});
		const words = command.split(' ').slice(1);
		expect(words).toContain('--end');
		const out = join(folder, 'by-command-line');
		words[words.indexOf('-o') + 1] = out;
		const { program } = { program: join(process.env.PROPAGATE_TEST_QUICK ?? '', 'dist/cli/main.js') };
		expect(await runCli(words, { program })).toMatchObject({ code: 0 });
		expect(Buffer.compare((await readLabelMap(join(out, '00008.png'))).ids, found ?? Buffer.of())).toBe(0);

		// A correction changes what lies behind it, and itself nothing before the frame that was painted last.
		await own.paint(id, 6, rectangle(project, [100, 100, 200, 200]), 0);
		const { body: before } = await own.ask(`/api/projects/${id}/before/6`);
		expect(Buffer.compare(inflateSync(before), foundThere ?? Buffer.of())).toBe(0);
		const corrected = await own.json<ProjectState>(`/api/projects/${id}`);
		expect(corrected.painted).toMatchObject([
			{ frame: 0, hasBefore: false },
			{ frame: 6, hasBefore: true },
		]);
		await own.json(`/api/projects/${id}/run`, 'POST');
		await own.until(id, isDone);
		expect(Buffer.compare((await own.mask(id, 8)) ?? Buffer.of(), found ?? Buffer.of())).not.toBe(0);

		const basis = corrected.painted[1]?.revision;
		// What is painted and taken back at once leaves nothing to be found again.
		const slip = JSON.parse(
			(await own.paint(id, 3, rectangle(project, [0, 0, 9, 9]), 0)).body.toString(),
		) as {
			revision: number;
		};
		const isOld = async (): Promise<boolean> =>
			(await own.json<ProjectState>(`/api/projects/${id}`)).outdated.some(([from]) => from < end);
		expect(await isOld()).toBe(true);
		await own.json(`/api/projects/${id}/painted/3?basis=${slip.revision}`, 'DELETE');
		expect(await isOld()).toBe(false);
		await own.json(`/api/projects/${id}/painted/6?basis=${basis}`, 'DELETE');
		await own.json(`/api/projects/${id}/run`, 'POST');
		await own.until(id, isDone);
		expect(Buffer.compare((await own.mask(id, 8)) ?? Buffer.of(), found ?? Buffer.of())).toBe(0);
		await own.end();
	});

	it('stands still while it is paused, goes on, and has objects that appear late', async () => {
		const own = await RunningStudio.start(temporaryFolder());
		const project = await own.open({ sample: 'birds' });
		const { id } = project;
		const first = (await readLabelMap(sample('birds/first.png'))).ids.map((value) => (value === 1 ? 1 : 0));
		await own.paint(id, 0, first, 0);
		await own.json(`/api/projects/${id}`, 'PATCH', { end: 16 });
		const run = (path = ''): Promise<RunState> => own.json(`/api/projects/${id}/run${path}`, 'POST');
		await run();
		await own.until(id, ({ confidence }) => Object.keys(confidence).length >= 2);
		expect(await run('/pause')).toMatchObject({ state: 'paused' });
		const frames = async (): Promise<number> =>
			Object.keys((await own.json<ProjectState>(`/api/projects/${id}`)).confidence).length;
		const second = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));
		// The frame that was under way still comes.
		await second();
		const paused = await frames();
		await second();
		expect(await frames()).toBe(paused);
		expect(paused).toBeLessThan(16);
		await run();
		await own.until(id, ({ confidence }) => Object.keys(confidence).length === 16);

		// Another one comes in at frame 8.
		const there = (await own.mask(id, 8)) ?? Buffer.of();
		const late = rectangle(project, [20, 20, 90, 90], 2).map((value, at) => value || there[at]!);
		const objects = [1, 2].map((number) => ({ id: number, name: `Bird ${number}`, colour: '#ff0000' }));
		await own.json(`/api/projects/${id}`, 'PATCH', { objects });
		await own.paint(id, 8, late, 0);
		await run();
		await own.until(id, ({ outdated }) => outdated.every(([from]) => from >= 16));
		const behind = (await own.mask(id, 10)) ?? Buffer.of();
		expect([behind.includes(1), behind.includes(2)]).toEqual([true, true]);
		await own.end();
	});
});

it('refuses in a sentence what cannot be served', async () => {
	const nothing = await runCli(['studio', 'nothing.mp4', '--no-open']);
	expect(nothing).toMatchObject({ code: 2, stderr: expect.stringMatching(/"nothing\.mp4" does not exist/) });
	const taken = await runCli(['studio', '--no-open', '--port', String(studio.port)]);
	expect(taken).toMatchObject({ code: 2, stderr: expect.stringMatching(/Port \d+ can't be used/) });
});

describe('a project that something has happened to', () => {
	it('that was moved while it was open takes nothing in until it is put back', async () => {
		const own = await RunningStudio.start(temporaryFolder());
		const project = await own.open({ sample: 'birds' });
		const { id, folder } = project;
		const ids = rectangle(project, [5, 5, 50, 50]);
		renameSync(folder, `${folder} moved`);
		const refused = await own.paint(id, 3, ids, 0);
		expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringMatching(/Put it back/)]);
		await expect(own.json(`/api/projects/${id}`, 'PATCH', { quality: 'fast' })).rejects.toThrow(
			/Put it back/,
		);
		// The clip's pictures may be missing for that, but the program goes on.
		await own.ask(`/api/projects/${id}/pictures/30`);
		expect(existsSync(folder) ? readdirSync(folder) : []).not.toContain('painted');
		rmSync(folder, { recursive: true, force: true });
		renameSync(`${folder} moved`, folder);
		expect((await own.paint(id, 3, ids, 0)).status).toBe(200);
		expect(await own.end()).toBe(0);
	});

	it('opens when its notes are damaged, and says which file it is when what was painted is', async () => {
		const own = await RunningStudio.start(temporaryFolder());
		const { id, folder, ...size } = await own.open({ sample: 'birds' });
		await own.paint(id, 2, rectangle(size, [5, 5, 50, 50]), 0);
		const again = async () => {
			await own.ask(`/api/projects/${id}`, { method: 'DELETE' });
			return own.open({ path: folder });
		};
		for (const file of [
			'masks/found.json',
			'edit/edit.json',
			'edited/notes.json',
			'pictures/complete.json',
		]) {
			mkdirSync(dirname(join(folder, file)), { recursive: true });
			writeFileSync(join(folder, file), '{"half of');
			expect((await again()).painted, file).toMatchObject([{ frame: 2 }]);
		}
		writeFileSync(join(folder, 'painted/00002.png'), 'no picture');
		await expect(again()).rejects.toThrow(/00002\.png" is damaged/);
		rmSync(join(folder, 'painted/00002.png'));
		expect((await again()).painted).toEqual([]);
		writeFileSync(join(folder, 'project.json'), '{"half of');
		await expect(again()).rejects.toThrow(/can't read/);
		await own.end();
	});
});
