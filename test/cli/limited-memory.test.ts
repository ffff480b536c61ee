import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeBoxFrames } from '../helpers/box-clip.js';
import { quickCliPath } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 300_000 });

const canLimit =
	process.platform === 'linux' && process.allowedNodeEnvironmentFlags.has('--disable-wasm-trap-handler');

// Many clusters give a job so many addresses as it may use memory.
test.skipIf(!canLimit)('the command runs where addresses are limited (ulimit -v; needs Linux)', async () => {
	const folder = temporaryFolder();
	const { clip, mask } = await makeBoxFrames(folder, 3);
	const limited = (...args: string[]) =>
		spawnSync('sh', ['-c', 'ulimit -v 20000000; exec "$@"', 'sh', process.execPath, quickCliPath, ...args], {
			encoding: 'utf8',
			env: { ...process.env, PROPAGATE_HOME: join(folder, 'home') },
		});
	const output = join(folder, 'masks');
	const run = limited(clip, '--mask', mask, '--mask', `2=${mask}`, '--threads', '1', '-o', output, '-q');
	expect(run).toMatchObject({ status: 0, stderr: '' });
	expect(readdirSync(output).filter((name) => name.endsWith('.png'))).toHaveLength(3);
	// Exit codes and messages are the command's own.
	const refused = limited(join(folder, 'nothing.mp4'), '--mask', mask, '-o', join(folder, 'o'));
	expect(refused.status).toBe(2);
	expect(refused.stderr).toMatch(/^propagate: .*nothing\.mp4.*\n$/);
});
