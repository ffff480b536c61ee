import type { GridSize } from '../correspondence/tiles.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import type { Raster } from '../media/frame.js';
import type { RefinedLabels } from '../refinement/refine-labels.js';
import type { RefinementSettings } from '../refinement/settings.js';
import type { PropagationSettings } from './settings.js';
import type { SoftLabels } from './soft-labels.js';
import type { Vote } from './vote.js';

/** A remembered frame's say in a vote, as the label worker is told of it. */
export type ToldWitness = {
	readonly handle: number;
	/** Undefined when the worker has them: from the last vote that this frame had a say in, or from its own refinement. */
	readonly labels: SoftLabels | undefined;
	/** Window radius in cells; null for no window. */
	readonly radius: number | null;
};

/** What the main thread asks of the label worker. Handles number stored frames. */
export type LabelRequest =
	| { readonly kind: 'store'; readonly handle: number; readonly map: DescriptorMap }
	| { readonly kind: 'load'; readonly handle: number; readonly file: string }
	| {
			readonly kind: 'vote';
			readonly query: number;
			readonly keyframes: readonly ToldWitness[];
			readonly recent: readonly ToldWitness[];
	  }
	| {
			readonly kind: 'refine';
			/** Or the frame whose vote has been taken; the worker then remembers what comes out as that frame's labels. */
			readonly labels: SoftLabels | number;
			readonly image: Raster<3>;
			readonly settings: RefinementSettings;
	  }
	| { readonly kind: 'free'; readonly handle: number };

/** Frames that were stored or loaded are answered with the size of their grid. */
export type LabelReply = Vote | RefinedLabels | GridSize | undefined;

/** Start-up data of the worker. */
export type LabelWorkerSettings = Pick<
	PropagationSettings,
	'topK' | 'candidates' | 'temperature' | 'keyframeWeight' | 'reappearedWeight' | 'feedBack'
>;
