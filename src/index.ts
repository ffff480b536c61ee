/**
 * The public API: what the commands do, as functions, and the parts they are composed of. Bad input throws a
 * {@link UserError} whose message is one sentence for the person at the keyboard.
 */

export { writeFileAtomically } from './core/atomic-file.js';
export type { DescriptorExtractor, DescriptorMap } from './core/descriptor-map.js';
export { AbortedError, UserError } from './core/errors.js';
export type { Frame, LabelMap, Raster } from './core/frame.js';
export type { TrackedPoint } from './core/point.js';
export type { DavisScore, SequenceScore } from './evaluation/evaluate-davis.js';
export { type BatchEvent, type BatchJob, type BatchResult, runBatch } from './jobs/batch.js';
export { type ClipEdit, type EditClipJob, editClip, type MaskClipJob, maskClip } from './jobs/clip-frames.js';
export type { FrameProgress, PropagateClipJob, PropagateClipResult } from './jobs/clip-job.js';
export { type DavisJob, evaluateDavisModel } from './jobs/evaluate-davis-model.js';
export { evaluateFlowPairs, evaluateKeypointPairs } from './jobs/evaluate-pairs.js';
export { exportFeatures, type FeaturesJob } from './jobs/export-features.js';
export { type GenerateJob, generateImages } from './jobs/generate-images.js';
export { type MarkFrameJob, type MarkFrameResult, markFrame } from './jobs/mark-frame.js';
export { type MatchJob, matchPair, type NamedMatch } from './jobs/match-pair.js';
export { type Engine, openEngine } from './jobs/open-engine.js';
export { propagateClip } from './jobs/propagate-clip.js';
export { type PropagateEditJob, propagateEdit } from './jobs/propagate-edit.js';
export { type TrackClipJob, type TrackClipResult, trackClip } from './jobs/track-clip.js';
export {
	type TrackingJob,
	type TrackPlaneJob,
	type TrackPointsJob,
	trackPlane,
	trackPoints,
} from './jobs/track-points.js';
export { type TransferJob, type TransferResult, transferKeypoints } from './jobs/transfer-keypoints.js';
export { type WarpJob, type WarpResult, warpPair } from './jobs/warp-pair.js';
export { type Marker, openMarker } from './masks/hints/click-decoder.js';
export type { HintedImage } from './masks/hints/hinted-image.js';
export type { Hints, Stroke } from './masks/hints/hints.js';
export { propagateMasks } from './masks/labels/propagate-masks.js';
export type { MaskedFrame } from './masks/propagate-keyframes.js';
export { type Clip, openClip } from './media/clip.js';
export type { ClipInfo } from './media/clip-info.js';
export { davisPalette } from './media/davis-palette.js';
export { readImageWithAlpha } from './media/image.js';
export { writeIndexedPng as writeLabelMap } from './media/indexed-png.js';
export { readLabelMap } from './media/label-map.js';
export { openSink } from './output/encode.js';
export { listFormats, resolveFormat } from './output/output-format.js';
export type { FrameResult, VideoSink } from './output/video-sink.js';
export { type EditorPreset, editorFileName, editorNames, loadEditorPreset } from './presets/editor-preset.js';
export { loadPreset, presetNames } from './presets/preset.js';
export { addToQueue, type QueueAddition, type QueueAdditionResult } from './queue/add-jobs.js';
export { cancelQueued, drainQueue, type JobsChoice, retryQueued } from './queue/change-jobs.js';
export { type ListedQueueJob, listQueue, type QueueStatus, queueStatus } from './queue/queue-status.js';
export type { QueuePlace } from './queue/redis.js';
export {
	type QueueWork,
	type QueueWorkEvent,
	type QueueWorkResult,
	workOnQueue,
} from './queue/work-on-queue.js';
export type { Device, RuntimeOptions } from './runtime/session.js';
export type { PointsOfFrame } from './tracks/track-frames.js';
