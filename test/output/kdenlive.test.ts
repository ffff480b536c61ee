import { describe, expect, it } from 'vitest';
import { kdenliveProject } from '../../src/output/project-files/kdenlive.js';
import { mltProject } from '../../src/output/project-files/mlt.js';
import type { Project } from '../../src/output/project-files/project.js';

const project: Project = {
	title: 'clip',
	clip: { path: '/films/clip.mp4', hasAudio: true },
	layer: { path: '/films/cut/clip-alpha.mkv', shows: 'cut-out' },
	width: 854,
	height: 480,
	frameRate: { numerator: 30000, denominator: 1001 },
	frames: 50,
	clipStart: 0,
};

const tracksOf = (xml: string): string[] =>
	[...xml.matchAll(/<property name="kdenlive:track_name">(.*?)<\/property>/g)].map(([, name]) => name ?? '');

describe('a Kdenlive project', () => {
	it('has the sound, the clip and above it the object, at the exact rate', () => {
		const xml = kdenliveProject(project, '/films/clip.kdenlive');
		expect(tracksOf(xml)).toEqual(['Sound', 'Clip', 'Object']);
		expect(xml).toContain('frame_rate_num="30000" frame_rate_den="1001"');
		expect(xml.match(/<entry producer="(sound|picture|object)" in="0" out="49">/g)).toHaveLength(3);
	});

	it('has no track for sound that the clip does not have', () => {
		const silent = { ...project, clip: { ...project.clip, hasAudio: false } };
		expect(tracksOf(kdenliveProject(silent, '/films/clip.kdenlive'))).toEqual(['Clip', 'Object']);
	});

	it('begins where the cut-out begins in the clip', () => {
		const xml = kdenliveProject({ ...project, clipStart: 24 }, '/films/clip.kdenlive');
		expect(xml).toContain('<entry producer="picture" in="24" out="73">');
		expect(xml).toContain('<entry producer="object" in="0" out="49">');
	});

	it('names files in its folder relative to it, and others by their full path', () => {
		const inside = kdenliveProject(project, '/films/clip.kdenlive');
		expect(inside).toContain('<property name="resource">cut/clip-alpha.mkv</property>');
		expect(inside).toContain('<property name="resource">clip.mp4</property>');
		const elsewhere = kdenliveProject(project, '/projects/clip.kdenlive');
		expect(elsewhere).toContain('<property name="resource">/films/clip.mp4</property>');
	});

	it('hides question marks from MLT, which takes what follows one for options', () => {
		const odd = { ...project, clip: { path: '/films/who?.mp4', hasAudio: false } };
		for (const xml of [kdenliveProject(odd, '/films/clip.kdenlive'), mltProject(odd, '/films/clip.mlt')]) {
			expect(xml).toContain('<property name="resource">who\\?.mp4</property>');
		}
		expect(kdenliveProject(odd, '/films/clip.kdenlive')).toContain('>who?.mp4</property>');
	});

	it('stays XML whatever a file is called', () => {
		const odd = { ...project, clip: { path: '/films/a & b <"c">.mp4', hasAudio: false } };
		const xml = kdenliveProject(odd, '/films/clip.kdenlive');
		expect(xml).toContain('<property name="resource">a &amp; b &lt;&quot;c&quot;&gt;.mp4</property>');
	});
});
