import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { melt } from '../../helpers/melt.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import {
	compareComposite,
	decodedFrame,
	height,
	objectPixels,
	smallBear,
	truthEngine,
	width,
} from '../bear.js';
import { installed } from '../installed.js';

const run = promisify(execFile);
const frames = 12;
const index = 6;
const blue = [0, 0, 255] as const;

/** MLT XML of one clip with filters, over blue, as Kdenlive and Shotcut write them. */
const project = (clip: string, filters: string): string => `<?xml version="1.0"?>
<mlt LC_NUMERIC="C">
<profile width="${width}" height="${height}" progressive="1" sample_aspect_num="1" sample_aspect_den="1"
 display_aspect_num="16" display_aspect_den="9" frame_rate_num="24" frame_rate_den="1" colorspace="601"/>
<producer id="blue" out="${frames - 1}"><property name="mlt_service">color</property>
 <property name="resource">#0000ff</property><property name="mlt_image_format">rgba</property></producer>
<producer id="clip" out="${frames - 1}"><property name="resource">${clip}</property>
 <property name="mlt_service">avformat</property>${filters}</producer>
<tractor out="${frames - 1}"><track producer="blue"/><track producer="clip"/>
<transition><property name="a_track">0</property><property name="b_track">1</property>
 <property name="mlt_service">frei0r.cairoblend</property></transition></tractor></mlt>`;

const filter = (properties: Record<string, string | number>): string =>
	`<filter>${Object.entries(properties)
		.map(([name, value]) => `<property name="${name}">${value}</property>`)
		.join('')}</filter>`;

/** What Kdenlive's "Shape Alpha" sets with Use Luma and Use Threshold off, and Shotcut's "Mask: From File" with Alpha. */
const byAlpha = { use_luminance: 0, use_mix: 0, mix: 100, audio_match: 0, softness: 0 };

const masked = (cutOut: string): Record<string, string | number> =>
	Object.fromEntries(
		Object.entries({ resource: cutOut, ...byAlpha }).map(([name, value]) => [`filter.${name}`, value]),
	);

describe.skipIf(!installed('melt', 'ffprobe'))('Results in MLT (needs melt and ffprobe)', () => {
	const files = async () => {
		const folder = temporaryFolder();
		const { clip, mask, truth } = await smallBear(folder, frames);
		const cutOut = async (name: string): Promise<string> => {
			const output = join(folder, name);
			const [program = '', ...args] = [...truthEngine, clip, '--mask', mask, '-o', output];
			await run(program, args, { env: { ...process.env, PROPAGATE_TRUTH: truth } });
			return output;
		};
		const rendered = async (filters: string, of: string): Promise<Buffer> => {
			const [xml, video] = [join(folder, 'project.mlt'), join(folder, 'rendered.mkv')];
			writeFileSync(xml, project(of, filters));
			await melt(xml, video, frames);
			return decodedFrame(video, index);
		};
		const object = await objectPixels(join(truth, `0000${index}.png`));
		return { clip, cutOut, rendered, object, frame: await decodedFrame(clip, index) };
	};

	it('alpha.mkv and alpha.webm show the object over the track below', async () => {
		const { cutOut, rendered, object, frame } = await files();
		for (const name of ['bear-alpha.mkv', 'bear-alpha.webm']) {
			const picture = await rendered('', await cutOut(name));
			const { inside, outside } = compareComposite(picture, frame, object, blue);
			expect(inside, name).toBeLessThan(8);
			expect(outside, name).toBeLessThan(2);
		}
	});

	it('alpha.mkv cuts the object out of the clip, as the resource of Shape Alpha', async () => {
		const { clip, cutOut, rendered, object, frame } = await files();
		const resource = await cutOut('bear-alpha.mkv');
		const picture = await rendered(filter({ mlt_service: 'shape', resource, ...byAlpha }), clip);
		const { inside, outside } = compareComposite(picture, frame, object, blue);
		expect(inside).toBeLessThan(4);
		expect(outside).toBeLessThan(1);
	});

	it('alpha.mkv limits other effects to the object, as the resource of Shape Alpha (Mask)', async () => {
		const { clip, cutOut, rendered, object, frame } = await files();
		const resource = await cutOut('bear-alpha.mkv');
		const filters = [
			filter({ mlt_service: 'mask_start', filter: 'shape', ...masked(resource) }),
			filter({ mlt_service: 'invert' }),
			filter({ mlt_service: 'mask_apply', transition: 'frei0r.composition' }),
		];
		const picture = await rendered(filters.join(''), clip);
		// Outside it is the clip, inside its negative.
		const sums = { inside: 0, outside: 0 };
		const counts = { inside: 0, outside: 0 };
		object.forEach((isObject, pixel) => {
			const part = isObject ? 'inside' : 'outside';
			const value = frame[pixel * 3] ?? 0;
			sums[part] += Math.abs((picture[pixel * 3] ?? 0) - (isObject ? 255 - value : value));
			counts[part]++;
		});
		expect(sums.outside / counts.outside).toBeLessThan(4);
		expect(sums.inside / counts.inside).toBeLessThan(12);
	});
});
