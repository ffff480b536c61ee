import { openRegularFile } from '../core/regular-file.js';
import { children, isPictures, only, readMovieBox } from './mp4-boxes.js';

/**
 * Pictures that a track of an MP4 or MOV file lists (`stsz`): its length even where the sound is longer, and where the rate varies.
 *
 * @param index of the track among those of pictures; undefined is returned where the file lists none, as in fragments
 */
export const sampleCount = async (path: string, index: number): Promise<number | undefined> => {
	const file = await openRegularFile(path);
	try {
		const found = await readMovieBox(file);
		const track = found ? children(found.moov.subarray(8)).filter(isPictures)[index] : undefined;
		const samples = track && only(only(only(only(track.body, 'mdia'), 'minf'), 'stbl'), 'stsz');
		return samples?.readUInt32BE(8) || undefined;
	} catch {
		// A file that is not laid out as expected is as long as ffmpeg says.
		return undefined;
	} finally {
		await file.close();
	}
};
