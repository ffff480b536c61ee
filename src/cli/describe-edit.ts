import type { UnderstoodEdit } from '../jobs/propagate-edit.js';
import { percent } from './percent.js';

/** As a person reads it: `a layer over 3 % of the frame`. */
export const describeEdit = ({ frame, kind, share }: UnderstoodEdit): string =>
	kind === 'layer'
		? `a layer over ${percent(share)} of frame ${frame}`
		: `frame ${frame} with ${percent(share)} of it changed`;
