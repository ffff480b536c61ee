/**
 * A UNet of Stable Diffusion 1.5's size with random weights: what import and a step of the real model cost on this
 * machine in time and memory, without the real weights. Needs 3.5 GB of disk and about 8 GB of memory.
 *
 *   npm run build && npx tsx bench/stable-diffusion/full-size-unet.ts [--side 64] [--keep] [--folder /tmp/full-size]
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FULL_WIDTH, writeRandomExport } from './random-unet.js';

/** Of Stable Diffusion 1.5's UNet. */
const PARAMETERS = 859_520_964;
/** Kills the child when it grows past this, rather than let the machine swap. */
const MEMORY_LIMIT_KB = 9_000_000;

type Measured = { readonly seconds: number; readonly peakMegabytes: number; readonly stdout: string };

const measure = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Measured> =>
	new Promise((resolve, reject) => {
		const started = performance.now();
		const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
		let peak = 0;
		let stdout = '';
		child.stdout.on('data', (chunk: Buffer) => {
			stdout += chunk.toString();
		});
		const watch = setInterval(() => {
			try {
				const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
				peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
				if (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) > MEMORY_LIMIT_KB) {
					child.kill('SIGKILL');
				}
			} catch {
				// It has just ended.
			}
		}, 100);
		child.on('close', (code) => {
			clearInterval(watch);
			const measured = { seconds: (performance.now() - started) / 1000, peakMegabytes: peak / 1024, stdout };
			if (code === 0) {
				resolve(measured);
			} else {
				reject(new Error(`ended with ${code} at ${measured.peakMegabytes.toFixed(0)} MB`));
			}
		});
	});

const { values } = parseArgs({
	options: {
		side: { type: 'string', default: '64' },
		folder: { type: 'string', default: join(tmpdir(), 'propagate-full-size') },
		keep: { type: 'boolean', default: false },
	},
});
const side = Number(values.side);
const env = { ...process.env, PROPAGATE_HOME: join(values.folder, 'home') };
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
try {
	const started = performance.now();
	const { folder, prompt, aggregation, parameters } = await writeRandomExport(
		values.folder,
		side,
		FULL_WIDTH,
	);
	if (parameters !== PARAMETERS) {
		throw new Error(`${parameters} parameters; Stable Diffusion 1.5 has ${PARAMETERS}.`);
	}
	console.log(
		`wrote ${PARAMETERS} random parameters in ${((performance.now() - started) / 1000).toFixed(0)} s`,
	);
	const imported = await measure(
		[
			program,
			'models',
			'import',
			folder,
			'--aggregation',
			aggregation,
			'--empty-prompt',
			prompt,
			'--name',
			'full',
		],
		env,
	);
	console.log(`import: ${imported.seconds.toFixed(1)} s, ${imported.peakMegabytes.toFixed(0)} MB`);
	const steps = await measure(
		[
			'--import',
			'tsx',
			fileURLToPath(new URL('full-size-steps.ts', import.meta.url)),
			join(values.folder, 'home/models/full'),
		],
		env,
	);
	process.stdout.write(steps.stdout);
	console.log(`steps: peak ${steps.peakMegabytes.toFixed(0)} MB`);
} finally {
	if (!values.keep) {
		rmSync(values.folder, { recursive: true, force: true });
	}
}
