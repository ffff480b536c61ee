import type { Quality } from '../core/quality.js';
import type { Preset } from './preset.js';

/**
 * A preset with the settings that trade quality for speed replaced. Without a quality it is returned as it is;
 * the default preset is `balanced`.
 */
export const withQuality = (preset: Preset, quality: Quality | undefined): Preset => {
	const { propagation } = preset;
	switch (quality) {
		case undefined:
			return preset;
		case 'fast':
			return {
				...preset,
				precision: 'fast',
				propagation: {
					...propagation,
					candidates: 8,
					recentFrames: Math.min(propagation.recentFrames, 3),
				},
			};
		case 'balanced':
			return { ...preset, precision: 'fast', propagation: { ...propagation, candidates: 16 } };
		case 'best':
			return { ...preset, precision: 'full', propagation: { ...propagation, candidates: null } };
	}
};
