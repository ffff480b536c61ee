import { type Command, InvalidArgumentError } from 'commander';
import { type ReportOptions, withReportOptions } from '../common-options.js';
import { Reporter } from '../reporter.js';

const units: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** `500MB`, `2.5 GB`. */
const bytesFrom = (text: string): number => {
	const [, number, unit] = /^(\d+(?:\.\d+)?) *([kmgt]?b)$/i.exec(text.trim()) ?? [];
	const factor = units[unit?.toUpperCase() ?? ''];
	if (number === undefined || factor === undefined) {
		throw new InvalidArgumentError('Expected a size like 500MB or 2.5GB.');
	}
	return Math.round(Number(number) * factor);
};

const sizeText = (bytes: number): string => {
	const unit = bytes >= 1e9 ? 'GB' : 'MB';
	return `${(bytes / (units[unit] ?? 1)).toFixed(bytes >= 1e9 ? 2 : 1)} ${unit}`;
};

export const registerCache = (program: Command): void => {
	const cache = program
		.command('cache')
		.description('what runs leave on disk for later runs: shows it, clears it, limits it');
	withReportOptions(
		cache.command('show', { isDefault: true }).description('where it is and how large'),
	).action(async (options: ReportOptions) => {
		const { cacheUsage } = await import('../../store/cache.js');
		const usage = await cacheUsage();
		const total = usage.parts.reduce((sum, { bytes }) => sum + bytes, 0);
		const reporter = new Reporter(options);
		reporter.record({ type: 'done', ...usage });
		for (const { name, files, bytes, about } of usage.parts) {
			reporter.print(`${name.padEnd(12)} ${sizeText(bytes).padStart(9)}  ${files} files: ${about}`);
		}
		reporter.print(`${sizeText(total)} of at most ${sizeText(usage.limitBytes)} in ${usage.folder}`);
	});
	withReportOptions(cache.command('clear').description('removes it; models and outputs stay')).action(
		async (options: ReportOptions) => {
			const { clearCache } = await import('../../store/cache.js');
			const removed = await clearCache();
			const bytes = removed.parts.reduce((sum, part) => sum + part.bytes, 0);
			const reporter = new Reporter(options);
			reporter.record({ type: 'done', folder: removed.folder, removedBytes: bytes });
			reporter.line(`removed ${sizeText(bytes)} from ${removed.folder}`);
		},
	);
	withReportOptions(
		cache
			.command('limit')
			.description('how large it may get; what was used longest ago goes first')
			.argument('<size>', 'like 500MB or 10GB', bytesFrom),
	).action(async (limitBytes: number, options: ReportOptions) => {
		const { setCacheLimit } = await import('../../store/cache.js');
		await setCacheLimit(limitBytes);
		const reporter = new Reporter(options);
		reporter.record({ type: 'done', limitBytes });
		reporter.line(`the cache may take ${sizeText(limitBytes)}`);
	});
};
