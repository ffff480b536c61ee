import { readFile } from 'node:fs/promises';
import { parseNpy } from '../../src/store/npy.js';
import { shared } from './shared.js';

/** A reference array of `fixtures/sd`, with its shape. */
export const referenceArray = async (...parts: string[]) =>
	parseNpy(await readFile(shared('fixtures', 'sd', ...parts)));
