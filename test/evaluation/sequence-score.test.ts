import { describe, expect, it } from 'vitest';
import { objectCount, scoreSequence } from '../../src/evaluation/sequence-score.js';
import { draw } from './masks.js';

describe('the score of a sequence', () => {
	it('scores every object of the first annotation on its own', () => {
		const truth = draw('11..', '11.2');
		const scorer = scoreSequence(objectCount(truth));
		scorer.add(truth, draw('11..', '11..'));
		scorer.add(truth, truth);
		const [first, second] = scorer.scores();
		expect(first).toMatchObject({ id: 1, j: { mean: 1, recall: 1 }, jAndF: 1 });
		expect(second).toMatchObject({ id: 2, j: { mean: 0.5, recall: 0.5 } });
	});

	it('counts a frame without a result as empty masks', () => {
		const scorer = scoreSequence(1);
		scorer.add(draw('11..', '....'), undefined);
		expect(scorer.scores()[0]).toMatchObject({ j: { mean: 0 }, f: { mean: 0 }, jAndF: 0 });
	});

	it('leaves void pixels out of both sides', () => {
		const scorer = scoreSequence(1);
		scorer.add(draw('11vv', '11vv'), draw('1111', '1111'));
		expect(scorer.scores()[0]).toMatchObject({ j: { mean: 1 }, f: { mean: 1 } });
	});

	it('takes the highest id as the number of objects, void aside', () => {
		expect(objectCount(draw('.1v', '.3v'))).toBe(3);
		expect(objectCount(draw('...'))).toBe(0);
	});

	it('refuses a result of another size', () => {
		expect(() => scoreSequence(1).add(draw('11'), draw('1'))).toThrow('A result of 1 x 1');
	});
});
