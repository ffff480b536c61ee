import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readLabelMap } from '../../src/index.js';
import type { ProjectState } from '../../src/studio/protocol.js';
import { quickCliPath, runCli, sample } from '../helpers/cli.js';
import { type Answer, messageOf, RunningStudio } from '../helpers/studio.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let projects: string;
let studio: RunningStudio;
beforeAll(async () => {
	projects = mkdtempSync(join(tmpdir(), 'propagate-test-studio-'));
	studio = await RunningStudio.start(projects);
});
afterAll(async () => {
	await studio.end();
	rmSync(projects, { recursive: true, force: true });
});

type Loading = { readonly frame?: number; readonly basis?: number; readonly at?: readonly [number, number] };

/** Loads a picture as the page does. */
const load = (
	{ id }: ProjectState,
	picture: Buffer,
	{ frame = 0, basis = 0, at: [x, y] = [100, 100] }: Loading = {},
	from = studio,
): Promise<Answer> => {
	const query = new URLSearchParams({
		...{ frame: String(frame), basis: String(basis), name: 'star.png' },
		...{ x: String(x), y: String(y), size: '60' },
	});
	return from.ask(`/api/projects/${id}/edit?${query}`, {
		...{ method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: picture },
	});
};

/** A red disc on transparency. */
const sticker = (size: number): Promise<Buffer> =>
	sharp(
		Buffer.from(`<svg width="${size}" height="${size}"><circle cx="50%" cy="50%" r="50%" fill="red"/></svg>`),
	)
		.png()
		.toBuffer();

/** [height, width, 3] of a picture. */
const pixelsOf = (picture: Buffer): Promise<Buffer> => sharp(picture).removeAlpha().raw().toBuffer();
/** How red a place is, against its other colours. */
const redness = async (picture: Buffer, { width }: ProjectState, [x, y]: readonly [number, number]) => {
	const pixels = await pixelsOf(picture);
	const at = (y * width + x) * 3;
	return pixels[at]! - Math.max(pixels[at + 1]!, pixels[at + 2]!);
};

describe('an edit', () => {
	it('is carried from its frame on, and written as the command line that is told writes it', async () => {
		const project = await studio.open({ sample: 'birds' });
		const { id } = project;
		const { ids } = await readLabelMap(sample('birds/first.png'));
		await studio.paint(id, 0, ids, 0);
		await studio.json(`/api/projects/${id}`, 'PATCH', { end: 6 });
		const place = middleOf(ids, project.width, 1);
		expect((await load(project, await sticker(40), { at: place })).status).toBe(200);
		await studio.json(`/api/projects/${id}/run`, 'POST', { what: 'edit' });
		const { edit } = await studio.until(id, (state) => state.edit?.carriedTo === 6);
		expect(edit).toMatchObject({ kind: 'sticker', frame: 0, isCurrent: true, place: { x: place[0] } });
		const carried = await studio.ask(`/api/projects/${id}/edited/5`);
		expect(await pixelsOf(carried.body)).not.toEqual(await pixelsOf((await picture(id, 5)).body));
		expect(
			await redness((await studio.ask(`/api/projects/${id}/edited/0`)).body, project, place),
		).toBeGreaterThan(150);

		const request = { format: 'edit-png' };
		const { command } = await studio.json<{ command: string }>(
			`/api/projects/${id}/export/command`,
			'POST',
			request,
		);
		const words = command.split(' ').slice(1);
		const output = words[words.indexOf('-o') + 1] ?? '';
		await until(async () => {
			const answer = await studio.ask(`/api/projects/${id}/export`, {
				...{ method: 'POST', headers: { 'content-type': 'application/json' } },
				body: Buffer.from(JSON.stringify(request)),
			});
			return answer.status === 200;
		});
		words[words.indexOf('-o') + 1] = join(projects, 'twin');
		expect(await runCli(words, { program: quickCliPath })).toMatchObject({ code: 0 });
		await until(async () => {
			try {
				readFileSync(join(output, '00005.png'));
				return true;
			} catch {
				return false;
			}
		});
		for (const name of ['00000.png', '00005.png']) {
			expect(
				Buffer.compare(readFileSync(join(output, name)), readFileSync(join(projects, 'twin', name))),
				name,
			).toBe(0);
		}
	});

	it('is behind what is marked when that is chosen', async () => {
		const own = await RunningStudio.start(temporaryFolder());
		const project = await own.open({ sample: 'birds' });
		const { id } = project;
		const { ids } = await readLabelMap(sample('birds/first.png'));
		await own.paint(id, 0, ids, 0);
		await own.json(`/api/projects/${id}`, 'PATCH', { end: 2 });
		const middle = middleOf(ids, project.width, 1);
		expect((await load(project, await sticker(200), { at: middle }, own)).status).toBe(200);
		const { edit } = await own.json<ProjectState>(`/api/projects/${id}`);
		await own.json(`/api/projects/${id}/edit?basis=${edit?.revision}`, 'PATCH', { behind: true });
		await own.json(`/api/projects/${id}/run`, 'POST', { what: 'edit' });
		await own.until(id, (state) => state.edit?.carriedTo === 2);
		const carried = (await own.ask(`/api/projects/${id}/edited/0`)).body;
		expect(await redness(carried, project, middle)).toBeLessThan(60);
		// Below the bird's body.
		expect(await redness(carried, project, [middle[0] - 13, middle[1] + 22])).toBeGreaterThan(150);
		const { command } = await own.json<{ command: string }>(`/api/projects/${id}/export/command`, 'POST', {
			format: 'edit-png',
		});
		expect(command).toContain(' --behind ');
		await own.end();
	});

	it('is a picture, of the size of the clip where it is a retouched frame', async () => {
		const project = await studio.open({ sample: 'bear' });
		const { id, width, height } = project;
		const refused = async (picture: Buffer): Promise<string> => {
			const answer = await load(project, picture);
			expect(answer.status).toBe(400);
			return messageOf(answer);
		};
		expect(await refused(Buffer.from('Dear editor'))).toMatch(/^This file .*image/);
		expect(await refused(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toMatch(/^This file /);
		const opaque = {
			create: { width: width * 2, height: height * 2, channels: 3, background: 'red' },
		} as const;
		expect(await refused(await sharp(opaque).png().toBuffer())).toBe(
			"A retouched frame must have the clip's size, 854×480; this one has 1708×960.",
		);
		const clear = { create: { width: 9, height: 7, channels: 4, background: '#ff000000' } } as const;
		expect(await refused(await sharp(clear).png().toBuffer())).toMatch(/fully transparent/);
		const huge = await studio.ask(`/api/projects/${id}/edit?frame=0&basis=0&name=a.png&x=1&y=1&size=9`, {
			method: 'PUT',
			headers: { 'content-type': 'application/octet-stream', 'content-length': String(2 ** 30) },
			isUnfinished: true,
		});
		expect([huge.status, messageOf(huge)]).toEqual([400, "A picture of more than 128 MB can't be loaded."]);

		// A frame that is fetched to be retouched is the one that the engine compares with.
		const { body, headers } = await studio.ask(`/api/projects/${id}/frames/7`);
		expect(headers['content-disposition']).toBe('attachment; filename="bear-frame-7.png"');
		const retouched = await sharp(body)
			.composite([{ input: await sticker(60), left: 200, top: 250 }])
			.png()
			.toBuffer();
		expect((await load(project, retouched, { frame: 7 })).status).toBe(200);
		const { edit } = await studio.json<ProjectState>(`/api/projects/${id}`);
		expect(edit).toMatchObject({ kind: 'picture', frame: 7, carriedTo: 7, width, height });
		await studio.json(`/api/projects/${id}`, 'PATCH', { end: 9 });
		await studio.json(`/api/projects/${id}/run`, 'POST', { what: 'edit' });
		await studio.until(id, (state) => state.edit?.carriedTo === 9);
		const carried = await studio.ask(`/api/projects/${id}/edited/7`);
		expect(await redness(carried.body, project, [230, 280])).toBeGreaterThan(150);
	});

	it('stays through a crash, is not lost to another window, and can be taken away', async () => {
		const folder = temporaryFolder();
		const first = await RunningStudio.start(folder);
		const project = await first.open({ sample: 'birds' });
		const { id } = project;
		expect((await load(project, await sticker(50), {}, first)).status).toBe(200);
		const loaded = (await first.json<ProjectState>(`/api/projects/${id}`)).edit;
		const basis = loaded?.revision ?? 0;
		const change = (what: object, from: RunningStudio, basisOf: number) =>
			from.ask(`/api/projects/${id}/edit?basis=${basisOf}`, {
				...{ method: 'PATCH', headers: { 'content-type': 'application/json' } },
				body: Buffer.from(JSON.stringify(what)),
			});
		const place = { x: 200, y: 150, scale: 1.5, angle: 30 };
		expect((await change({ place }, first, basis)).status).toBe(200);
		// Who has not seen that is told so.
		const late = await change({ relight: true }, first, basis);
		expect([late.status, messageOf(late)]).toEqual([409, expect.stringMatching(/another window/)]);
		expect((await load(project, await sticker(20), { basis }, first)).status).toBe(409);
		await first.kill();

		const second = await RunningStudio.start(folder);
		const { edit } = await second.open({ project: id });
		expect(edit).toMatchObject({ kind: 'sticker', name: 'star.png', place, width: 50, relight: false });
		expect((await second.ask(`/api/projects/${id}/edit/picture`)).headers['content-type']).toBe('image/png');
		expect((await change({ place: { ...place, x: -900 } }, second, edit?.revision ?? 0)).status).toBe(200);
		await expect(second.json(`/api/projects/${id}/run`, 'POST', { what: 'edit' })).rejects.toThrow(
			/outside of the picture/,
		);
		const { edit: moved } = await second.json<ProjectState>(`/api/projects/${id}`);
		await second.json(`/api/projects/${id}/edit?basis=${moved?.revision}`, 'DELETE');
		expect((await second.json<ProjectState>(`/api/projects/${id}`)).edit).toBeNull();
		await expect(second.json(`/api/projects/${id}/run`, 'POST', { what: 'edit' })).rejects.toThrow(
			/no edit yet/,
		);
		await second.end();
	});
});

const picture = (id: string, frame: number): Promise<Answer> =>
	studio.ask(`/api/projects/${id}/pictures/${frame}`);

const until = async (is: () => Promise<boolean>): Promise<void> => {
	while (!(await is())) {
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
};

/** The middle of an object. */
const middleOf = (ids: Uint8Array, width: number, id: number): readonly [number, number] => {
	let [x, y, count] = [0, 0, 0];
	for (const [at, value] of ids.entries()) {
		if (value === id) {
			[x, y, count] = [x + (at % width), y + Math.floor(at / width), count + 1];
		}
	}
	return [Math.round(x / count), Math.round(y / count)];
};
