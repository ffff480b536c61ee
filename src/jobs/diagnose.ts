import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtUrl } from '../core/built-url.js';
import { firstLineOf } from '../core/errors.js';
import { findFfmpeg } from '../media/ffmpeg-binary.js';
import { listModels } from '../models/registry.js';
import { verifyModel } from '../models/verify.js';
import { type Device, devices } from '../runtime/session.js';
import { cacheUsage } from '../store/cache.js';
import { docsFolder, userModelsFolder } from '../store/locations.js';

const run = promisify(execFile);

/** One thing that was tried; `detail` says what was found, or what to do about it. */
type Check = { readonly name: string; readonly ok: boolean; readonly detail: string };

/** Tries everything a run needs: ffmpeg, the inference runtime on each device, the models' files. */
export const diagnose = async (): Promise<Check[]> => [
	{ name: 'node', ok: true, detail: `${process.version} on ${process.platform}/${process.arch}` },
	await check('ffmpeg', async () => {
		const { path, version, origin, reason } = await findFfmpeg();
		return `${version} (${origin}: ${path}; ${reason})`;
	}),
	...(await deviceChecks()),
	...(await modelChecks()),
	await check('cache', async () => {
		const { folder, limitBytes, parts } = await cacheUsage();
		const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
		return `${(bytes / 1e9).toFixed(2)} of at most ${(limitBytes / 1e9).toFixed(2)} GB in ${folder}`;
	}),
	{ name: 'guides', ok: true, detail: docsFolder() },
];

const check = async (name: string, attempt: () => Promise<string>): Promise<Check> => {
	try {
		return { name, ok: true, detail: await attempt() };
	} catch (error) {
		return { name, ok: false, detail: firstLineOf(error) };
	}
};

/** Each device in a process of its own: graphics drivers and the runtime write what they think to stderr. Only the CPU must work. */
const deviceChecks = async (): Promise<Check[]> => {
	const checks: Check[] = [];
	for (const device of devices.filter(mayBeHere)) {
		const attempt = await check(`device ${device}`, () => tryDevice(device));
		checks.push(
			device === 'cpu'
				? attempt
				: { ...attempt, ok: true, detail: attempt.ok ? attempt.detail : 'not available here' },
		);
	}
	return checks;
};

/** What belongs to other systems is not even tried. */
const mayBeHere = (device: Device): boolean => {
	const only: Partial<Record<Device, NodeJS.Platform>> = { cuda: 'linux', dml: 'win32', coreml: 'darwin' };
	return device !== 'auto' && (only[device] ?? process.platform) === process.platform;
};

const tryDevice = async (device: Device): Promise<string> => {
	const program = fileURLToPath(builtUrl(import.meta.url, './try-device.js'));
	const { stdout } = await run(process.execPath, [program, device], { windowsHide: true }).catch(
		(error: { stdout?: string }) => {
			throw new Error(error.stdout?.trim() || 'the runtime does not start');
		},
	);
	return stdout.trim();
};

const modelChecks = async (): Promise<Check[]> => {
	const checks: Check[] = [];
	for (const model of await listModels()) {
		if (!('manifest' in model)) {
			checks.push({ name: 'model', ok: false, detail: model.error.message });
			continue;
		}
		checks.push(
			await check(`model ${model.manifest.name}`, async () => {
				for await (const { file, result } of verifyModel(model)) {
					if (result !== 'ok') {
						throw new Error(`${file}: ${result}`);
					}
				}
				return model.folder;
			}),
		);
	}
	checks.push({ name: 'models folder', ok: true, detail: userModelsFolder() });
	return checks;
};
