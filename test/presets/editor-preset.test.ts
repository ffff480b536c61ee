import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { resolveFormat } from '../../src/output/output-format.js';
import {
	editorFileName,
	editorNames,
	editorOutputs,
	loadEditorPreset,
} from '../../src/presets/editor-preset.js';

describe('editor presets', () => {
	it('are there for the programs people edit in', async () => {
		expect(await editorNames()).toEqual([
			'after-effects',
			'blender',
			'final-cut',
			'fusion',
			'kdenlive',
			'natron',
			'nuke',
			'obs',
			'premiere',
			'resolve',
			'shotcut',
		]);
	});

	it('name formats that exist, and file names that mean the same format', async () => {
		for (const name of await editorNames()) {
			const preset = await loadEditorPreset(name);
			expect(preset.name).toBe(name);
			const byFileName = await resolveFormat(`out/${editorFileName(preset, 'in/bear.mp4')}`);
			expect(byFileName.format.name, name).toBe(preset.format);
			for (const { format } of preset.alternatives) {
				expect((await resolveFormat(`out/x.${format.split('.').at(-1)}`, format)).format.name).toBe(format);
			}
		}
	});

	it('do not offer ProRes where its alpha is known to be ignored', async () => {
		for (const name of ['kdenlive', 'shotcut']) {
			const { format, alternatives } = await loadEditorPreset(name);
			expect([format, ...alternatives.map((other) => other.format)]).not.toContain('alpha.mov');
		}
	});

	it('call the result after the clip, also where its name has characters special to replacement', async () => {
		const preset = await loadEditorPreset('resolve');
		expect(editorFileName(preset, '/clips/take $& 1.mp4')).toBe('take $& 1-alpha.mov');
	});

	it('give pictures a folder of their own, and numbers as the program counts frames', async () => {
		const preset = await loadEditorPreset('nuke');
		expect(await editorOutputs(preset, 'in/bear.mp4', ['out', 'mine.%04d.exr'])).toEqual([
			join('out', 'bear-alpha', 'bear-alpha.%04d.exr'),
			'mine.%04d.exr',
		]);
		expect(preset.firstNumber).toBe(1);
		expect((await loadEditorPreset('fusion')).firstNumber).toBe(0);
	});

	it('put the result into the folder given, or keep the file name given', async () => {
		const preset = await loadEditorPreset('obs');
		expect(await editorOutputs(preset, 'in/bear.mp4', [])).toEqual(['bear-alpha.webm']);
		expect(await editorOutputs(preset, 'in/bear.mp4', ['out', 'mine.webm'])).toEqual([
			join('out', 'bear-alpha.webm'),
			'mine.webm',
		]);
	});

	it('refuse an unknown program with the names of those there are', async () => {
		await expect(loadEditorPreset('photoshop')).rejects.toThrow(UserError);
		await expect(loadEditorPreset('../default')).rejects.toThrow(/resolve, shotcut/);
	});
});
