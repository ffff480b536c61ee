import { clipName, mltResource, type Project, pathFromProject, xmlText } from './project.js';

type Properties = Readonly<Record<string, string | number>>;

/**
 * A project for MLT (https://www.mltframework.org/docs/mltxml/), laid out as Shotcut writes its own: the clip on V1, the
 * cut-out on V2, so that titles and effects can go between. `melt` renders the same file.
 *
 * @param path where the file will be
 */
export const mltProject = (project: Project, path: string): string => {
	const { width, height, frameRate, frames, clipStart, clip, layer } = project;
	const last = frames - 1;
	const divisor = greatestCommonDivisor(width, height);
	return `<?xml version="1.0" encoding="utf-8"?>
<mlt LC_NUMERIC="C" version="7.12.0" title="${xmlText(project.title)}" producer="main_bin">
	<profile description="automatic" width="${width}" height="${height}" progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="${width / divisor}" display_aspect_den="${height / divisor}" frame_rate_num="${frameRate.numerator}" frame_rate_den="${frameRate.denominator}" colorspace="${height < 720 ? 601 : 709}"/>
${media('clip', pathFromProject(path, clip.path), clipName(clip.path), clipStart + last)}
${media('cutout', pathFromProject(path, layer.path), clipName(layer.path), last)}
	<playlist id="main_bin">
${properties({ xml_retain: 1 }, 2)}
		<entry producer="clip" in="0" out="${clipStart + last}"/>
		<entry producer="cutout" in="0" out="${last}"/>
	</playlist>
	<producer id="black" in="0" out="${last}">
${properties({ length: frames, eof: 'pause', resource: 0, aspect_ratio: 1, mlt_service: 'color', mlt_image_format: 'rgba', 'set.test_audio': 0 }, 2)}
	</producer>
	<playlist id="background">
		<entry producer="black" in="0" out="${last}"/>
	</playlist>
	<playlist id="playlist0">
${properties({ 'shotcut:video': 1, 'shotcut:name': 'V1' }, 2)}
		<entry producer="clip" in="${clipStart}" out="${clipStart + last}"/>
	</playlist>
	<playlist id="playlist1">
${properties({ 'shotcut:video': 1, 'shotcut:name': 'V2' }, 2)}
		<entry producer="cutout" in="0" out="${last}"/>
	</playlist>
	<tractor id="tractor0" title="Shotcut version 22.12.21" in="0" out="${last}">
${properties({ shotcut: 1 }, 2)}
		<track producer="background"/>
		<track producer="playlist0"/>
		<track producer="playlist1" hide="audio"/>
${transition('mix', 0, 1, { always_active: 1, sum: 1 })}
${transition('frei0r.cairoblend', 0, 1, { version: 0.1, threads: 0, disable: 1 })}
${transition('mix', 0, 2, { always_active: 1, sum: 1 })}
${transition('frei0r.cairoblend', 1, 2, { version: 0.1, threads: 0, disable: 0 })}
	</tractor>
</mlt>
`;
};

const media = (id: string, resource: string, caption: string, last: number): string => {
	const values = {
		...{
			length: last + 1,
			eof: 'pause',
			resource: mltResource(resource),
			mlt_service: 'avformat-novalidate',
		},
		...{ seekable: 1, 'shotcut:caption': caption },
	};
	return `	<producer id="${id}" in="0" out="${last}">\n${properties(values, 2)}\n\t</producer>`;
};

const transition = (service: string, below: number, above: number, more: Properties): string =>
	`\t\t<transition>\n${properties({ a_track: below, b_track: above, mlt_service: service, ...more }, 3)}\n\t\t</transition>`;

const properties = (values: Properties, indent: number): string =>
	Object.entries(values)
		.map(
			([name, value]) =>
				`${'\t'.repeat(indent)}<property name="${name}">${xmlText(String(value))}</property>`,
		)
		.join('\n');

const greatestCommonDivisor = (a: number, b: number): number =>
	b === 0 ? a : greatestCommonDivisor(b, a % b);
