import { openRegularFile } from '../core/regular-file.js';
import { children, isPictures, only, readMovieBox } from './mp4-boxes.js';

/** ffmpeg's filter that shows a mirrored picture the right way round. */
export type Mirroring = 'hflip' | 'vflip' | 'transpose=0' | 'transpose=3';

/**
 * How a track of an MP4 or MOV file is mirrored for display, by its matrix (`tkhd`). ffmpeg prints only the angle, and
 * older versions turn mirrored pictures as if they were not.
 *
 * @param index of the track among those of pictures; undefined is returned when it is not mirrored
 */
export const readMirroring = async (path: string, index: number): Promise<Mirroring | undefined> => {
	const file = await openRegularFile(path);
	try {
		const found = await readMovieBox(file);
		const tracks = found ? children(found.moov.subarray(8)).filter(isPictures) : [];
		const track = tracks[index];
		if (track === undefined) {
			return undefined;
		}
		const header = only(track.body, 'tkhd');
		const at = header[0] === 1 ? 52 : 40;
		const [a = 0, b = 0, , c = 0, d = 0] = [0, 1, 2, 3, 4].map((n) => header.readInt32BE(at + 4 * n));
		// x' = a x + c y, y' = b x + d y: mirrored when the determinant is negative.
		if (a * d - b * c >= 0) {
			return undefined;
		}
		if (Math.abs(a) > Math.abs(b)) {
			return a < 0 ? 'hflip' : 'vflip';
		}
		return b > 0 ? 'transpose=0' : 'transpose=3';
	} catch {
		// A file that is not laid out as expected is shown as ffmpeg understands it.
		return undefined;
	} finally {
		await file.close();
	}
};
