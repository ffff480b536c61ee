import { readFile } from 'node:fs/promises';
import { stdin } from 'node:process';
import { ObsError } from './obs-error.js';

/**
 * The password of OBS's WebSocket server: from the file if one is named, else from `OBS_WEBSOCKET_PASSWORD`. It is no
 * option of the command, because other users of the machine can read the arguments of processes.
 */
export const readPassword = async (file: string | undefined): Promise<string | undefined> => {
	if (file === undefined) {
		return process.env.OBS_WEBSOCKET_PASSWORD || undefined;
	}
	try {
		return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
	} catch {
		throw new ObsError(
			`The password file "${file}" cannot be read; name a file that holds just the password.`,
		);
	}
};

/** Asks for the password on a terminal, without showing it. Undefined where there is no terminal. */
export const promptPassword = async (): Promise<string | undefined> => {
	if (!stdin.isTTY) {
		return undefined;
	}
	process.stderr.write('Password of the WebSocket server (Tools > WebSocket Server Settings): ');
	stdin.setRawMode(true);
	try {
		return await typedLine();
	} finally {
		stdin.setRawMode(false);
		stdin.pause();
		process.stderr.write('\n');
	}
};

const typedLine = (): Promise<string | undefined> =>
	new Promise((resolve) => {
		let typed = '';
		const onData = (data: Buffer): void => {
			for (const key of data.toString('utf8')) {
				if (key === '\r' || key === '\n' || key === '\u0003') {
					stdin.off('data', onData);
					resolve(key === '\u0003' ? undefined : typed);
					return;
				}
				typed = key === '\u007f' ? typed.slice(0, -1) : typed + key;
			}
		};
		stdin.resume().on('data', onData);
	});
