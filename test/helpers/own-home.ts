import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import installer from '@ffmpeg-installer/ffmpeg';

/**
 * Gives a test run a `PROPAGATE_HOME` of its own, so that tests, and the commands that they start, neither see nor touch
 * the models and descriptors of whoever runs them. Tests that count what is cached set one of theirs. Tests that load onnxruntime
 * themselves are to send nothing, as the program.
 *
 * They run the ffmpeg that comes with the package: it is everybody's, and starts ten times as fast as a distribution's. What depends on
 * ffmpeg's version runs with every other one as well (ffmpegs.ts). Give another one in `FFMPEG_PATH`.
 */
export default (): (() => void) => {
	const home = mkdtempSync(join(tmpdir(), 'propagate-test-home-'));
	process.env.PROPAGATE_HOME = home;
	process.env.ORT_DISABLE_TELEMETRY = '1';
	process.env.FFMPEG_PATH ||= installer.path;
	return () => rmSync(home, { recursive: true, force: true });
};
