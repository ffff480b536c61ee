import type { DescriptorMap } from '../../core/descriptor-map.js';
import type { LabelMap, Raster } from '../../core/frame.js';
import type { SoftLabels } from '../../core/soft-labels.js';
import type { PassStart } from '../propagator.js';
import type { RefinedLabels } from '../refinement/refine-labels.js';
import type { PropagatedLabels } from './label-propagation.js';

/** What the main thread asks of the label worker: the methods of `LabelPropagation`, and refinement by itself. */
export type LabelRequest =
	| { readonly kind: 'begin'; readonly start: PassStart }
	| {
			readonly kind: 'remember';
			readonly map: DescriptorMap;
			readonly masks: LabelMap | Pick<PropagatedLabels, 'remembered'>;
	  }
	| { readonly kind: 'next'; readonly map: DescriptorMap; readonly image: Raster<3> }
	| { readonly kind: 'refine'; readonly labels: SoftLabels; readonly image: Raster<3> };

export type LabelReply = readonly number[] | PropagatedLabels | RefinedLabels | undefined;
