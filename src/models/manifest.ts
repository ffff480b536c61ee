import { join } from 'node:path';
import { z } from 'zod';
import { bundledModelsFolder } from '../store/locations.js';

/** Every size is bounded: a manifest is a file that somebody else made, and work is planned by it. */
const side = z.int().positive().max(8192);
const MOST_TIMESTEPS = 10_000;

const resizeSchema = z.discriminatedUnion('mode', [
	/** Any image is squeezed to one size, aspect ratio not kept (as the paper does). */
	z.object({ mode: z.literal('fixed'), width: side, height: side }),
	/** The short side becomes `shortSide`; both sides are rounded to a multiple of `multiple`. */
	z.object({ mode: z.literal('fit'), shortSide: side, multiple: z.int().positive().max(1024) }),
]);

const spaceSchema = z.discriminatedUnion('kind', [
	z.object({ kind: z.literal('pixel') }),
	z.object({
		kind: z.literal('latent'),
		encoder: z.string(),
		decoder: z.string().optional(),
		/** Latents are the posterior mean times this (0.18215 for Stable Diffusion). */
		scale: z.number().positive().max(1000),
		/** Image pixels per latent cell along a side. */
		stride: z.int().positive().max(1024),
		channels: z.int().positive().max(4096),
	}),
]);

const gridSchema = z.discriminatedUnion('mode', [
	z.object({ mode: z.literal('fixed'), height: side, width: side }),
	/** One cell for every `stride` pixels of the resized image. */
	z.object({ mode: z.literal('stride'), stride: z.int().positive().max(1024) }),
]);

const scheduleSchema = z.object({
	trainTimesteps: z.int().positive().max(MOST_TIMESTEPS),
	betaStart: z.number().positive().lt(1),
	betaEnd: z.number().positive().lt(1),
	betaSchedule: z.enum(['scaled_linear', 'linear']),
	/** Inversion steps over the whole schedule (the paper: 50; one-step: 1). */
	steps: z.int().positive().max(MOST_TIMESTEPS),
	/** Saved steps counted as in generation (`steps - 1` is the clean end), in the order of the mixing weights. */
	saveTimesteps: z.array(z.int().nonnegative().lt(MOST_TIMESTEPS)).min(1).max(MOST_TIMESTEPS),
});

/** A model's name is also its folder's. */
export const modelNameSchema = z
	.string()
	.regex(/^[a-z0-9][a-z0-9._-]*$/, 'lower-case letters, digits, dots, dashes and underscores');

/** Size and SHA-256 of each file that `models verify` checks. */
const fileRecordsSchema = z.record(
	z.string(),
	z.object({ bytes: z.int().nonnegative(), sha256: z.string() }),
);

/**
 * `manifest.json` of a model folder: everything that is particular to a backbone, as data.
 * The graph is one network with the aggregation network joined in: inputs `sample`, `timestep`,
 * (`encoder_hidden_states`) and `mixing_weights` [L]; outputs `noise_pred` and `hyperfeatures`
 * [B, C, h, w], the step's weighted partial sum (paper, section 3.2).
 */
export const manifestSchema = z.object({
	formatVersion: z.literal(1),
	name: modelNameSchema,
	/** A backbone that is no diffusion model has no timestep: it is a process of one step. */
	kind: z.enum(['diffusion', 'backbone']),
	description: z.string(),
	license: z.string(),
	graph: z.string(),
	/**
	 * For CPUs and the schedule's one step: `sample` to `hyperfeatures`, the timestep and the mixing weights folded in,
	 * convolutions on 8-bit integers. The same descriptors up to that rounding.
	 */
	fastGraph: z.string().optional(),
	space: spaceSchema,
	image: z.object({
		resize: resizeSchema,
		/** Per channel, of values in 0..1: `(value - mean) / std`. */
		mean: z.tuple([z.number(), z.number(), z.number()]),
		std: z.tuple([z.number(), z.number(), z.number()]),
	}),
	schedule: scheduleSchema,
	/** The constant prompt embedding, `.npy` float32 [1, tokens, width]; absent for unconditional models. */
	conditioning: z
		.object({
			emptyPrompt: z.string(),
			/** What turns other prompts into embeddings: a CLIP text encoder's graph and the folder of its tokenizer. */
			prompts: z.object({ encoder: z.string(), tokenizer: z.string() }).optional(),
		})
		.optional(),
	descriptor: z.object({ channels: z.int().positive(), grid: gridSchema }),
	taps: z.array(
		z.object({
			name: z.string(),
			channels: z.int().positive(),
			/** The tensor in the original graph. */
			tensor: z.string(),
			/** The graph's output that is this tap as it is, float32 [1, channels, h, w]; absent when it has none. */
			output: z.string().optional(),
		}),
	),
	/** The graph has no aggregation network (and no output `hyperfeatures`): only the taps themselves can be used. */
	rawOnly: z.literal(true).optional(),
	/** softmax(mixing weights) [S][L]; rows in the order of `schedule.saveTimesteps`, columns as `taps`; sums to 1. */
	mixingWeights: z.array(z.array(z.number())),
	/** How long a model of this project was trained on correspondences, and the softmax temperature it learned. */
	training: z
		.object({ step: z.int().nonnegative(), minutes: z.number(), temperature: z.number().positive() })
		.optional(),
	files: fileRecordsSchema,
});

export type Manifest = z.infer<typeof manifestSchema>;
export type DiffusionSchedule = z.infer<typeof scheduleSchema>;

/** What every smaller model says of itself. */
const common = {
	formatVersion: z.literal(1),
	name: modelNameSchema,
	description: z.string(),
	license: z.string(),
	files: fileRecordsSchema,
};

/**
 * `manifest.json` of a click decoder: two graphs (`prepare` once an image, `decode` with every click, see training/export_clicks.py) that
 * stand on the recognition encoder of the model whose folder theirs lies in.
 */
export const clickManifestSchema = z.object({
	...common,
	kind: z.literal('clicks'),
	/** Tensors of the model's graph, in the order of the inputs of `prepare`. */
	taps: z.array(z.string()).min(1),
	prepare: z.string(),
	decode: z.string(),
	/** Short side in pixels of an image as the encoder sees it; sides are rounded to multiples of 32. */
	shortSide: side.max(2048),
	/** A close-up has as many pixels as a square of this side. */
	closeUpSide: side.max(2048),
});

export type ClickManifest = z.infer<typeof clickManifestSchema>;

/** Folder of the click decoder that comes with the program. */
export const bundledClicksFolder = (): string => join(bundledModelsFolder(), 'propagate-small', 'clicks');

/**
 * `manifest.json` of a mask tracker: three graphs (`encode` once a frame, `step` and `memorise` for its objects, see
 * training/export_tracker.py), and the size at which they see a frame.
 */
export const trackerManifestSchema = z.object({
	...common,
	kind: z.literal('tracker'),
	encode: z.string(),
	step: z.string(),
	memorise: z.string(),
	/** Short side of a frame in pixels, for each quality; sides are rounded to multiples of 32. */
	shortSide: z.object({ fast: side, balanced: side, best: side }),
});

type TrackerManifest = z.infer<typeof trackerManifestSchema>;

/** A mask tracker on this machine. */
export type InstalledTracker = { readonly folder: string; readonly manifest: TrackerManifest };

/** Folder of the tracker that comes with the program. */
export const bundledTrackerFolder = (): string => join(bundledModelsFolder(), 'propagate-small', 'tracker');

/** What the numbers of a flow mean. */
export const flowConventionSchema = z.strictObject({
	/**
	 * Which image's places the flow has an entry for: `target` says for each place of the second image where it comes
	 * from in the first, `source` for each place of the first where it goes in the second.
	 */
	grid: z.enum(['target', 'source']),
	/** A place in the other image, or the way there. */
	values: z.enum(['position', 'displacement']),
	/** Pixels of the network's input, cells of the flow's own grid, or -1..1 between the outermost pixels' centres. */
	units: z.enum(['input-pixels', 'cells', 'normalised']),
});

export type FlowConvention = z.infer<typeof flowConventionSchema>;

const triple = z.tuple([z.number(), z.number(), z.number()]);

/**
 * `manifest.json` of a model that matches two images by itself, such as the supervised ones of the paper's table 1:
 * inputs `source` and `target` [1, 3, side, side], output `flow` [1, 2, h, w], x before y.
 */
export const pairManifestSchema = z.object({
	...common,
	kind: z.literal('pair'),
	graph: z.string(),
	image: z.object({ side: z.int().positive().max(8192), mean: triple, std: triple }),
	flow: flowConventionSchema,
});

export type PairManifest = z.infer<typeof pairManifestSchema>;
