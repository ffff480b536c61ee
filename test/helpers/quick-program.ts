import {
	copyFileSync,
	existsSync,
	linkSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [MODEL, TRACKER] = ['models/propagate-small', 'models/propagate-small/tracker'];

type Manifest = {
	readonly image?: { readonly resize: { shortSide: number } };
	readonly shortSide?: Record<string, number>;
};

const link = (from: string, to: string): void => {
	try {
		linkSync(from, to);
	} catch {
		copyFileSync(from, to);
	}
};

const linkAll = (from: string, to: string): void => {
	mkdirSync(to, { recursive: true });
	for (const entry of readdirSync(from, { withFileTypes: true })) {
		(entry.isDirectory() ? linkAll : link)(join(from, entry.name), join(to, entry.name));
	}
};

/** A manifest is written anew: its link leads to the project's own. */
const alter = (path: string, change: (manifest: Manifest) => void): void => {
	const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
	change(manifest);
	rmSync(path);
	writeFileSync(path, JSON.stringify(manifest));
};

/**
 * Installs the built program beside itself once for a run of the tests, with the bundled model and tracker told to work on much smaller
 * pictures: worse masks, the same code, in a fraction of the time. It needs no option, so what is typed is what everybody types.
 */
export default (): (() => void) | undefined => {
	if (!existsSync(join(root, 'dist'))) {
		return undefined;
	}
	const folder = mkdtempSync(join(tmpdir(), 'propagate-test-quick-'));
	linkAll(join(root, 'dist'), join(folder, 'dist'));
	linkAll(join(root, MODEL), join(folder, MODEL));
	link(join(root, 'package.json'), join(folder, 'package.json'));
	for (const name of ['node_modules', 'presets', 'samples']) {
		symlinkSync(join(root, name), join(folder, name), 'junction');
	}
	alter(join(folder, MODEL, 'manifest.json'), ({ image }) => {
		Object.assign(image?.resize ?? {}, { shortSide: 32 });
	});
	alter(join(folder, TRACKER, 'manifest.json'), ({ shortSide }) => {
		Object.assign(shortSide ?? {}, { fast: 32, balanced: 64, best: 96 });
	});
	process.env.PROPAGATE_TEST_QUICK = folder;
	return () => rmSync(folder, { recursive: true, force: true });
};
