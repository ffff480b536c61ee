import { extname } from 'node:path';
import { UserError } from '../../core/errors.js';
import { afterEffectsKeyframes, afterEffectsTracks } from './after-effects.js';
import { fusionSetting } from './fusion.js';
import { natronScript } from './natron.js';
import { nukeNodes } from './nuke.js';
import { tracksCsv, tracksJson } from './text-formats.js';
import type { Tracks } from './tracks.js';

/** How tracks are told: the file's text, given where the file will be. */
type TrackFormat = {
	readonly extension: string;
	/** For whom, as a list of the formats says it. */
	readonly reader: string;
	/** More than one track does not fit into it, unless they are a plane's corners. */
	readonly isOfOnePoint?: true;
	readonly text: (tracks: Tracks, path: string) => string | Promise<string>;
};

const trackFormats: readonly TrackFormat[] = [
	{ extension: '.json', reader: 'programs, and the Blender add-on', text: tracksJson },
	{ extension: '.csv', reader: 'spreadsheets and programs', text: tracksCsv },
	{ extension: '.jsx', reader: 'After Effects, as a script', text: afterEffectsTracks },
	{
		extension: '.txt',
		reader: 'After Effects, to be copied and pasted',
		isOfOnePoint: true,
		text: afterEffectsKeyframes,
	},
	{ extension: '.nk', reader: 'Nuke', text: nukeNodes },
	{ extension: '.setting', reader: 'Fusion', text: fusionSetting },
	{ extension: '.py', reader: 'Natron', text: natronScript },
];

/**
 * The format that a name asks for.
 *
 * @throws UserError when its extension is none of a format
 */
export const trackFormatOf = (path: string): TrackFormat => {
	const extension = extname(path).toLowerCase();
	const format = trackFormats.find((one) => one.extension === extension);
	if (format === undefined) {
		const known = trackFormats.map((one) => `${one.extension} (${one.reader})`);
		throw new UserError(
			`"${path}" is not a name for tracks; end it in ${known.slice(0, -1).join(', ')} or ${known.at(-1)}.`,
		);
	}
	return format;
};
