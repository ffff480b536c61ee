import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a screen needs: Debian's xvfb, and ImageMagick for pictures of it. */
export const screenPrograms = ['Xvfb', 'import'] as const;

/** A screen without a monitor, for a program with windows. */
export class Screen {
	/** For the variable DISPLAY. */
	readonly display: string;
	readonly #server: ChildProcess;

	private constructor(server: ChildProcess, display: string) {
		this.#server = server;
		this.display = display;
	}

	static async start(width: number, height: number): Promise<Screen> {
		const server = spawn(
			'Xvfb',
			// It chooses a free number itself, and writes it to this descriptor.
			[
				...['-displayfd', '3', '-screen', '0', `${width}x${height}x24`],
				...['-nolisten', 'tcp', '+extension', 'GLX'],
			],
			{ stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
		);
		let number = '';
		await within(20_000, 'Xvfb did not start', (resolve, reject) => {
			server.once('error', reject);
			server.stdio[3]?.on('data', (data: Buffer) => {
				number += data.toString();
				if (number.endsWith('\n')) {
					resolve();
				}
			});
		});
		return new Screen(server, `:${number.trim()}`);
	}

	/** A picture of all of it, as PNG. */
	async picture(): Promise<Buffer> {
		const { stdout } = await run('import', ['-display', this.display, '-window', 'root', 'png:-'], {
			encoding: 'buffer',
			maxBuffer: 1 << 26,
		});
		return stdout;
	}

	stop(): void {
		this.#server.kill();
	}
}

/** Waits for `start` to call back, but not for ever. */
export const within = async (
	ms: number,
	otherwise: string,
	start: (resolve: () => void, reject: (error: Error) => void) => void,
): Promise<void> => {
	let timer: NodeJS.Timeout | undefined;
	try {
		await new Promise<void>((resolve, reject) => {
			timer = setTimeout(() => reject(new Error(otherwise)), ms);
			start(resolve, reject);
		});
	} finally {
		clearTimeout(timer);
	}
};
