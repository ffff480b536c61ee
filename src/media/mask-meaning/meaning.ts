import type { LabelMap } from '../../core/frame.js';

/** How a mask says what belongs to which object. */
export const maskTypes = ['ids', 'binary', 'colour', 'alpha'] as const;

export type MaskType = (typeof maskTypes)[number];

/** The pixels of a mask file, before anybody knows what they mean. */
export type MaskPixels = {
	readonly width: number;
	readonly height: number;
	/** Whether the file's format changes values. */
	readonly isLossy: boolean;
	/** [H × W] 0..255; undefined where everything is opaque. */
	readonly alpha?: Uint8Array | undefined;
} & (
	| { readonly kind: 'grey'; readonly values: Uint8Array | Uint16Array; readonly white: number }
	| { readonly kind: 'colours'; readonly rgb: Uint8Array }
	| {
			readonly kind: 'indices';
			readonly indices: Uint8Array;
			/** Three bytes an entry. */
			readonly palette: Uint8Array;
			/** One byte an entry; entries beyond are opaque. */
			readonly opacity: Uint8Array;
	  }
);

/** A mask that was understood. */
export type MaskMeaning = LabelMap & {
	readonly type: MaskType;
	/**
	 * What an object is known by in other masks of the run: its id, its colour, or nothing, where there is one object that
	 * is simply what is marked.
	 */
	readonly knownBy: 'id' | 'colour' | 'nothing';
	/** What an id stands for in the file, where that is another number. */
	readonly fileIds?: ReadonlyMap<number, number> | undefined;
	/** The grey value of an object that is known by nothing, should other masks have ids. */
	readonly value?: number | undefined;
	/** What was left out or looks odd, as a sentence without its stop. */
	readonly remark?: string | undefined;
};

/** Why a mask can't be used, to be continued after "The mask … ", and what would be right. */
export class Unclear {
	constructor(
		readonly reason: string,
		readonly advice: string,
	) {}
}

export type Answer = MaskMeaning | Unclear;

/** Grey values up to this are ids, not levels of brightness, even where there is only one. */
export const highestSmallId = 32;

/** Ids that a label map can hold besides background. */
export const mostObjects = 255;

export const explicitly = (...types: MaskType[]): string =>
	`say what it is with ${types.map((type) => `--mask-type ${type}`).join(' or ')}`;
