import { expect, it } from 'vitest';
import { loadPreset, withQuality } from '../../src/presets/preset.js';

it('leaves a preset as it is without a quality; the default preset is balanced', async () => {
	const preset = await loadPreset(undefined);
	expect(withQuality(preset, undefined)).toEqual(preset);
	expect(withQuality(preset, 'balanced')).toEqual(preset);
});

it('searches exactly with the full graph at best, and costs less and less below', async () => {
	const preset = await loadPreset('default');
	const [fast, balanced, best] = (['fast', 'balanced', 'best'] as const).map((quality) =>
		withQuality(preset, quality),
	);
	expect([best?.precision, best?.propagation.candidates]).toEqual(['full', null]);
	expect(fast?.propagation.candidates).toBeLessThan(balanced?.propagation.candidates ?? 0);
	expect(fast?.propagation.recentFrames).toBeLessThan(balanced?.propagation.recentFrames ?? 0);
});
