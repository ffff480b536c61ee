import type { ClipInfo, Fraction } from '../media/clip-info.js';

/** What is known of when a clip's frames come. */
type Timing = Pick<ClipInfo, 'rate' | 'tickSeconds'>;

/** The usual clock of video where no rate is known. */
const usualClock = 90_000;
/** Finer clocks than this overflow the 32 bits of older players within an hour. */
const finestClock = 1_000_000;
/** Coarser clocks than this blur frames that do not keep to the rate; ffmpeg's MP4 writer has the same bound. */
const coarsestClock = 10_000;

/**
 * The whole number of ticks a second in which every frame of the clip's rate lasts a whole number of them, and times of frames
 * that do not keep to it are as exact as in the file where possible: 24000 for 23.976 frames a second.
 */
export const clockOf = ({ rate, tickSeconds }: Timing): number => {
	const fromFile = tickSeconds ? Math.round(1 / tickSeconds) : 0;
	const isWhole = fromFile > 0 && Math.abs(tickSeconds ? 1 / tickSeconds - fromFile : 1) < 1e-6 * fromFile;
	const bases = [
		...(rate && isWhole ? [leastCommonMultiple(rate.numerator, fromFile)] : []),
		...(rate ? [rate.numerator] : []),
		...(isWhole ? [fromFile] : []),
	];
	let clock = bases.find((base) => base <= finestClock) ?? usualClock;
	while (clock < coarsestClock) {
		clock *= 2;
	}
	return clock;
};

const leastCommonMultiple = (a: number, b: number): number => (a / greatestCommonDivisor(a, b)) * b;

const greatestCommonDivisor = (a: number, b: number): number =>
	b === 0 ? a : greatestCommonDivisor(b, a % b);

/**
 * Times of frames in whole ticks of an output. A file that counts in milliseconds tells a frame's time up to half of one: such
 * a time is moved to where the clip's rate has it. Other times stay as they are.
 */
export class FrameTicks {
	readonly #rate: Fraction | undefined;
	readonly #tolerance: number;
	#first: { seconds: number; tick: number } | undefined;
	#last: number | undefined;
	#duration: number | undefined;
	#isConstant = true;

	/**
	 * @param perSecond from {@link clockOf}
	 * @param smallestStep ticks between two frames that the output can tell apart
	 */
	constructor(
		timing: Timing,
		private readonly perSecond: number,
		private readonly smallestStep: number,
	) {
		this.#rate = timing.rate;
		const tick = timing.tickSeconds ?? 0;
		const frame = timing.rate ? timing.rate.denominator / timing.rate.numerator : 0;
		// Both this frame's time and the first one's may be half a tick off. Where that reaches far into a frame, times say little.
		this.#tolerance = tick <= frame / 4 ? Math.max(tick, 1 / perSecond) : 0;
	}

	/** The tick of the next frame, later than the one before in any case: ffmpeg would drop one of two at the same time. */
	next(seconds: number): number {
		this.#first ??= { seconds, tick: Math.round(seconds * this.perSecond) };
		const tick = Math.max(
			this.#first.tick + this.#ticksFor(seconds - this.#first.seconds),
			this.#last === undefined ? 0 : this.#last + this.smallestStep,
		);
		if (this.#last !== undefined) {
			const step = tick - this.#last;
			this.#isConstant &&= this.#duration === undefined || step === this.#duration;
			this.#duration = step;
		}
		this.#last = tick;
		return tick;
	}

	/** Ticks from the first frame to one so much later. */
	#ticksFor(seconds: number): number {
		if (this.#rate && this.#tolerance > 0) {
			const { numerator, denominator } = this.#rate;
			const frames = Math.round((seconds * numerator) / denominator);
			if (Math.abs((frames * denominator) / numerator - seconds) <= this.#tolerance) {
				return Math.round((frames * denominator * this.perSecond) / numerator);
			}
		}
		return Math.round(seconds * this.perSecond);
	}

	/** Whether all frames so far came at one rate. */
	get isConstant(): boolean {
		return this.#isConstant;
	}

	/** How long the last frame lasts: as long as the one before it, and a lone one by the clip's rate. */
	get lastDurationSeconds(): number {
		const rate = this.#rate ?? { numerator: 25, denominator: 1 };
		return this.#duration === undefined ? rate.denominator / rate.numerator : this.#duration / this.perSecond;
	}

	/** From time 0 to the end of the last frame. */
	get endSeconds(): number {
		return (this.#last ?? 0) / this.perSecond + this.lastDurationSeconds;
	}
}
