import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { Fraction } from '../../media/clip-info.js';

/** Frames a second as a fraction: editors count in whole frames of an exact rate. */
export type FrameRate = Fraction;

/** A clip, and above it its cut-out or matte, as every project file tells it. Paths are absolute. */
export type Project = {
	readonly title: string;
	readonly clip: { readonly path: string; readonly hasAudio: boolean };
	readonly layer: { readonly path: string; readonly shows: 'cut-out' | 'matte' };
	/** As displayed, in square pixels. */
	readonly width: number;
	readonly height: number;
	readonly frameRate: FrameRate;
	/** Length of the timeline, in frames of its rate. */
	readonly frames: number;
	/** Frame of the clip that is the layer's first. */
	readonly clipStart: number;
	/** By which editors find places in files; undefined when the clip has none. */
	readonly timecode?: ProjectTimecode | undefined;
};

/** Of first frames, as frames after `00:00:00:00`. */
export type ProjectTimecode = {
	readonly clip: number;
	readonly layer: number;
	/** Some numbers are left out, so that the code keeps to the clock. */
	readonly isDropped: boolean;
};

/** The exact rate behind a decimal one: 23.976 is 24000/1001. */
export const exactFrameRate = (framesPerSecond: number): FrameRate => {
	const rounded = Math.round(framesPerSecond);
	if (Math.abs(framesPerSecond - rounded) < 1e-4) {
		return { numerator: Math.max(1, rounded), denominator: 1 };
	}
	const broadcast = Math.round(framesPerSecond * 1.001);
	return Math.abs(framesPerSecond - (broadcast * 1000) / 1001) < 0.006
		? { numerator: broadcast * 1000, denominator: 1001 }
		: { numerator: Math.round(framesPerSecond * 1000), denominator: 1000 };
};

/** How a project in `projectPath` names a file: relative when it is in the project's folder or below, so both can move. */
export const pathFromProject = (projectPath: string, file: string): string => {
	const path = relative(dirname(resolve(projectPath)), file);
	return path.startsWith('..') || isAbsolute(path) ? resolve(file) : path.split(sep).join('/');
};

/** A file's name as MLT's `resource`: what follows a question mark is options to it, unless it is behind a backslash. */
export const mltResource = (path: string): string => path.replaceAll('?', '\\?');

/** The name a clip has in the program. */
export const clipName = (path: string): string => basename(path);

/**
 * Text inside XML, in elements and in attributes. Control characters, halves of surrogate pairs and the two non-characters of the
 * first plane are not allowed there in any form.
 */
export const xmlText = (text: string): string =>
	[...text]
		.map((character) => {
			const code = character.codePointAt(0) ?? 0;
			switch (character) {
				case '&':
					return '&amp;';
				case '<':
					return '&lt;';
				case '>':
					return '&gt;';
				case '"':
					return '&quot;';
				case '\n':
				case '\t':
				case '\r':
					return `&#${code};`;
				default:
					return code < 32 || (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff
						? '\ufffd'
						: character;
			}
		})
		.join('');
