import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { propagateClip } from '../../src/jobs/propagate-clip.js';
import { openClip } from '../../src/media/clip.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { makeBoxMask } from '../helpers/box-clip.js';
import { ffprobeAvailable, ffprobeFrameTimes } from '../helpers/ffmpeg.js';
import { shared, sharedAvailable } from '../helpers/shared.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 180_000 });

// The model and the tracker of the quick program: it is about clips, not about the quality of masks.
vi.mock(import('../../src/store/locations.js'), async (original) => ({
	...(await original()),
	bundledModelsFolder: () => join(process.env.PROPAGATE_TEST_QUICK ?? '', 'models'),
}));

const refused: Readonly<Record<string, RegExp>> = {
	'sample_audio_only.mp4': /has no video, only audio/,
	'sample_malformed_free_box.mp4': /its index .* cannot be found/,
};

const clips = sharedAvailable ? readdirSync(shared('data/clips')) : [];

/** Every clip is carried for so many frames; that all of them are decoded is tested with the media. */
const frames = 3;

describe.skipIf(!sharedAvailable || !ffprobeAvailable)(
	'a mask is carried through awkward clips (needs ../shared and ffprobe)',
	() => {
		test.each(clips)('%s', async (name) => {
			const path = shared('data/clips', name);
			const folder = temporaryFolder();
			const reason = refused[name];
			if (reason !== undefined) {
				const error = await openClip(path).catch((thrown: unknown) => thrown);
				expect(error).toBeInstanceOf(UserError);
				expect((error as Error).message).toMatch(reason);
				return;
			}
			const { width, height } = (await openClip(path)).info;
			const mask = await makeBoxMask(join(folder, 'mask.png'), width, height);
			const [masks, overlay] = [join(folder, 'masks'), join(folder, 'overlay.mp4')];
			const result = await propagateClip({
				...{ input: path, masks: [{ frame: 0, path: mask }], outputs: [masks, overlay] },
				...{ end: String(frames), cache: false },
			});
			expect(result.frames).toBe(frames);
			const written = readdirSync(masks).filter((name) => !name.startsWith('.'));
			expect(written).toEqual(['00000.png', '00001.png', '00002.png']);
			for (const file of written) {
				expect(await readLabelMap(join(masks, file))).toMatchObject({ width, height });
			}
			expect((await openClip(overlay)).info).toMatchObject({ width, height });
			expect(await ffprobeFrameTimes(overlay)).toHaveLength(frames);
		});
	},
);
