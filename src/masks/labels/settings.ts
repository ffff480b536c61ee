import { z } from 'zod';
import { refinementSettingsSchema } from '../refinement/settings.js';

/** How labels are carried; the numbers are in cells of the descriptor grid unless said otherwise. */
export const propagationSettingsSchema = z.strictObject({
	/** Recent frames remembered beside the keyframes; 0 matches keyframes only, as the paper does. */
	recentFrames: z.int().min(0).max(100),
	/** Window radius around a cell in recent frames; null for no window. */
	radius: z.int().positive().max(100_000).nullable(),
	/** Window radius in keyframes, which may lie far back; null for no window. */
	keyframeRadius: z.int().positive().max(100_000).nullable(),
	/**
	 * On the CPU, how many blocks of 2 x 2 cells a block is compared with cell by cell, after a search on block means;
	 * null for all in the window: exact, and several times slower.
	 */
	candidates: z.int().min(1).max(1024).nullable().default(null),
	/** The keyframes' share in the pooled labels; the rest is the recent frames'. */
	keyframeWeight: z.number().min(0).max(1).default(0.3),
	/** The same where a keyframe matches better than every recent frame: something has come back into sight. */
	reappearedWeight: z.number().min(0).max(1).default(0.8),
	/** Matches a cell, over all keyframes, and over all recent frames. */
	topK: z.int().min(1).max(64),
	/** Softmax temperature of the matches' weights, in units of cosine similarity. */
	temperature: z.number().positive(),
	/** Which labels later frames get from this one: as they are before refinement, or after it. */
	feedBack: z.enum(['unrefined', 'refined']),
	refinement: refinementSettingsSchema,
});

export type PropagationSettings = z.infer<typeof propagationSettingsSchema>;
