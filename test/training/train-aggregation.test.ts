import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli as propagate } from '../helpers/cli.js';
import { trainingPython } from '../helpers/python.js';
import { sharedAvailable } from '../helpers/shared.js';
import { readAnnotation, reference, temporaryModels } from '../helpers/stable-diffusion.js';

const script = fileURLToPath(new URL('../../training/train_aggregation.py', import.meta.url));
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

describe.skipIf(!sharedAvailable || trainingPython === undefined)(
	'training aggregation weights (needs ../shared and PyTorch)',
	() => {
		let home: Awaited<ReturnType<typeof temporaryModels>>;
		beforeAll(async () => {
			home = await temporaryModels();
		});
		afterAll(() => home.remove());

		it('has the published losses at each step, and writes weights that import takes', {
			timeout: 900_000,
		}, async () => {
			const env = { ...process.env, PROPAGATE_HOME: home.folder };
			const at = (name: string): string => join(home.folder, name);
			const pair = {
				...(await readAnnotation()),
				source_path: 'image1_112.png',
				target_path: 'image2_112.png',
			};
			await writeFile(at('pairs.json'), JSON.stringify([pair]));
			const imported = await propagate(
				['models', 'import', reference('sd15'), '--name', 'raw', '--grid', '32'],
				{ env },
			);
			expect(imported.code).toBe(0);
			const { stdout } = await promisify(execFile)(
				trainingPython ?? '',
				[
					...[script, at('pairs.json'), '--images', reference('inputs'), '--model', 'raw'],
					...['--program', `"${process.execPath}" "${program}"`, '--cache', at('cache'), '--width', '128'],
					...['--steps', '5', '--start', reference('inv1', 'aggregation_network.pt'), '-o', at('weights.pt')],
				],
				{ env },
			);
			const losses = stdout
				.trim()
				.split('\n')
				.map((line) => (JSON.parse(line) as { loss?: number }).loss)
				.filter((loss) => loss !== undefined);
			const expected = JSON.parse(await readFile(reference('inv1', 'train', 'train.json'), 'utf8')) as {
				losses: number[];
			};
			expect(losses).toHaveLength(expected.losses.length);
			for (const [step, loss] of losses.entries()) {
				expect(Math.abs(loss / (expected.losses[step] ?? 0) - 1)).toBeLessThan(1e-3);
			}
			const weights = ['--aggregation', at('weights.pt'), '--name', 'trained'];
			const trained = await propagate(['models', 'import', reference('sd15'), ...weights], { env });
			expect(trained.stderr).toContain('imported "trained"');
			const info = await propagate(['models', 'info', 'trained'], { env });
			expect(JSON.parse(info.stdout)).toMatchObject({
				schedule: { steps: 1, saveTimesteps: [0] },
				descriptor: { channels: 128, grid: { height: 32 } },
			});
		});
	},
);
