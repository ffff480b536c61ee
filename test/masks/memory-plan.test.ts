import { describe, expect, it } from 'vitest';
import { MemoryPlan } from '../../src/masks/tracker/memory-plan.js';

const passed = (frames: number, quality = 0.9, start = 0, step = 1): MemoryPlan => {
	const plan = new MemoryPlan(start);
	for (let i = 1; i <= frames; i++) {
		plan.add(start + i * step, quality);
	}
	return plan;
};

describe('MemoryPlan', () => {
	it('keeps every fifth frame of the pass', () => {
		expect(passed(12).kept).toEqual([5, 10]);
	});

	it('counts from the painted frame, also backwards', () => {
		expect(passed(12, 0.9, 100, -1).kept).toEqual([95, 90]);
	});

	it('keeps no mask that the tracker does not trust', () => {
		expect(passed(30, 0.2).kept).toEqual([]);
	});

	it('keeps three frames of however long a clip, spread over all of it', () => {
		const { kept } = passed(10_000);
		expect(kept).toHaveLength(3);
		expect(kept.at(-1)).toBe(10_000);
		// None of the gaps that the kept frames leave is more than half of the clip.
		const at = [0, ...kept];
		expect(Math.max(...kept.map((frame, i) => frame - at[i]!))).toBeLessThan(5001);
	});

	it('says which frame goes for a new one', () => {
		const plan = passed(15);
		expect(plan.kept).toEqual([5, 10, 15]);
		const { keep, drop } = plan.add(20, 0.9);
		expect(keep).toBe(true);
		expect([5, 10, 15]).toContain(drop);
		expect(plan.kept).not.toContain(drop);
	});
});
