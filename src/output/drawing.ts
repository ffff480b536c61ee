import { extname } from 'node:path';
import { writeFileAtomically } from '../core/atomic-file.js';
import { UserError } from '../core/errors.js';
import { loadSharp } from '../media/sharp.js';

/** A `.png` gets twice the drawing's size, for sharp text on today's screens. */
const DENSITY = 144;

/** @throws UserError for a name that {@link writeDrawing} has no format for */
export const requireDrawingName = (path: string | undefined): void => {
	if (path !== undefined && !['.svg', '.png'].includes(extname(path).toLowerCase())) {
		throw new UserError(`"${path}" is not a name for a drawing; end it in .png or .svg.`);
	}
};

/**
 * Writes a drawing, as it is (`.svg`) or as pixels (`.png`).
 *
 * @param svg an SVG document
 * @throws UserError for another extension
 */
export const writeDrawing = async (path: string, svg: string): Promise<void> => {
	requireDrawingName(path);
	const drawing = Buffer.from(svg);
	await writeFileAtomically(
		path,
		extname(path).toLowerCase() === '.svg'
			? drawing
			: await loadSharp()(drawing, { density: DENSITY }).flatten({ background: '#fff' }).png().toBuffer(),
	);
};
