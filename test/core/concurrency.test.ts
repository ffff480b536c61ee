import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { mapTogether } from '../../src/core/concurrency.js';

describe('many things done side by side', () => {
	it('come back in their order, and no more are under way than asked for', async () => {
		let [underWay, most] = [0, 0];
		const doubled = await mapTogether([4, 3, 2, 1, 0], 2, async (number) => {
			underWay++;
			most = Math.max(most, underWay);
			await setTimeout(number * 5);
			underWay--;
			return 2 * number;
		});
		expect(doubled).toEqual([8, 6, 4, 2, 0]);
		expect(most).toBe(2);
		expect(await mapTogether([], 3, async () => 1)).toEqual([]);
	});

	it('have all come to an end when one of them fails', async () => {
		const ended: string[] = [];
		const failing = mapTogether(['bad', 'slow'], 2, async (name) => {
			await setTimeout(name === 'bad' ? 1 : 30);
			ended.push(name);
			if (name === 'bad') {
				throw new Error('the bad one');
			}
		});
		await expect(failing).rejects.toThrow('the bad one');
		expect(ended).toEqual(['bad', 'slow']);
	});
});
