import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Gives a test run a `PROPAGATE_HOME` of its own, so that tests, and the commands that they start, neither see nor touch
 * the models and descriptors of whoever runs them. Tests that count what is cached set one of theirs. Tests that load onnxruntime
 * themselves are to send nothing, as the program.
 */
export default (): (() => void) => {
	const home = mkdtempSync(join(tmpdir(), 'propagate-test-home-'));
	process.env.PROPAGATE_HOME = home;
	process.env.ORT_DISABLE_TELEMETRY = '1';
	return () => rmSync(home, { recursive: true, force: true });
};
