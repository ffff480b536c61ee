export { decodeHalves, encodeHalves } from './half-precision';
export { convertToLab } from './lab';
export * from './matching/index';
export { findForeground, foregroundAlpha, foregroundPixels, openForeground } from './matte/foreground';
export { distanceToBorder } from './matte/planes';
export { findLines, matteMask, mattePixels, openMatte, writeAlpha } from './matte/soft-alpha';
export { cellRowBytes, openBefore, steadyLines } from './matte/steady';
export {
	compareNeighbours,
	fieldBand,
	fieldOdds,
	fieldPixel,
	fieldProbabilities,
	iterate,
	openField,
} from './mean-field';
export { allocate, free } from './memory';
export { filterColumns, filterRow } from './resize';
