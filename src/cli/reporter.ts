import { printable } from './printable.js';

/** Where a long command stands. */
type Progress = {
	/** May lie between two whole ones. */
	readonly done: number;
	/** Undefined when the length is not known. */
	readonly total: number | undefined;
};

/** As the command line says it: `--json` and `--quiet`. */
type ReporterOptions = { readonly json?: boolean | undefined; readonly quiet?: boolean | undefined };

const BAR_WIDTH = 24;
/** A terminal is redrawn, and a log gets a line, no more often than this. */
const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 5000;

/**
 * Tells the person (stderr) or the program (`--json`: one object a line on stdout) how a command goes:
 * a bar with rate and time left on a terminal, plain lines otherwise, nothing with `--quiet`.
 */
export class Reporter {
	readonly #options: ReporterOptions;
	readonly #started = performance.now();
	readonly #onTerminal = process.stderr.isTTY === true;
	#lastShown = 0;
	/** Lines of the bar that stand on the terminal, with those above it. */
	#linesShown = 0;

	constructor(options: ReporterOptions) {
		this.#options = options;
	}

	/** A record for programs; printed with `--json` only. */
	record(record: object): void {
		if (this.#options.json) {
			process.stdout.write(`${JSON.stringify(record)}\n`);
		}
	}

	/** What a command was asked for, for people: on stdout, not with `--json` or `--quiet`. */
	print(text: string): void {
		if (!this.#options.json && !this.#options.quiet) {
			this.#clearBar();
			process.stdout.write(`${text}\n`);
		}
	}

	/** A line for people about how it goes, on stderr; not with `--json` or `--quiet`. */
	line(text: string): void {
		if (!this.#options.json && !this.#options.quiet) {
			this.#clearBar();
			process.stderr.write(`${printable(text)}\n`);
		}
	}

	/** A line for people about what failed while the rest goes on: on stderr, with `--quiet` too. */
	failure(text: string): void {
		if (!this.#options.json) {
			this.#clearBar();
			process.stderr.write(`${printable(text)}\n`);
		}
	}

	/** @param above lines for a terminal, which stand above the bar: the parts of a whole */
	progress({ done, total }: Progress, unit: string, above: readonly string[] = []): void {
		if (this.#options.json || this.#options.quiet) {
			return;
		}
		const now = performance.now();
		const finished = done === total;
		const interval = this.#onTerminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS;
		if (!finished && now - this.#lastShown < interval) {
			return;
		}
		this.#lastShown = now;
		const seconds = (now - this.#started) / 1000;
		const rate = done / seconds;
		const whole = Math.floor(done);
		const text = [
			total === undefined ? `${whole} ${unit}` : `${whole}/${total} ${unit}`,
			rate < 1 ? `${(rate * 60).toFixed(1)} ${unit}/min` : `${rate.toFixed(1)} ${unit}/s`,
			...(total === undefined || finished ? [] : [`${duration((total - done) / rate)} left`]),
		].join('  ');
		if (this.#onTerminal) {
			this.#clearBar();
			const width = (process.stderr.columns ?? 80) - 1;
			const lines = [...above, `${bar(done, total)}${text}`].map((line) => printable(line).slice(0, width));
			process.stderr.write(lines.join('\n'));
			this.#linesShown = lines.length;
		} else {
			process.stderr.write(`${text}\n`);
		}
	}

	/** Ends the bar, so that what follows starts on a line of its own. */
	end(): void {
		if (this.#linesShown > 0) {
			process.stderr.write('\n');
			this.#linesShown = 0;
		}
	}

	#clearBar(): void {
		if (this.#linesShown > 0) {
			process.stderr.write(`\r\x1b[K${'\x1b[1A\x1b[K'.repeat(this.#linesShown - 1)}`);
			this.#linesShown = 0;
		}
	}
}

/** How much is done, as a bar of letters; empty where the whole is not known. */
export const bar = (done: number, total: number | undefined): string => {
	if (total === undefined || total === 0) {
		return '';
	}
	const filled = Math.round(BAR_WIDTH * Math.min(1, done / total));
	return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] `;
};

const duration = (seconds: number): string => {
	if (!Number.isFinite(seconds)) {
		return '?';
	}
	const whole = Math.ceil(seconds);
	return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
};
