import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObsConnection } from '../../../plugin/obs/connection.js';
import { height, width } from '../bear.js';
import { Screen, screenPrograms, within } from '../screen.js';

/** Long enough to be recognised wherever it might leak. */
export const password = 'a-password-of-the-tests-only';

/** The programs that a test with OBS Studio needs. */
export const obsPrograms = ['obs', ...screenPrograms] as const;

const globalIni = (port: number): string => `[General]
Pre19Defaults=false
Pre21Defaults=false
Pre23Defaults=false
Pre24.1Defaults=false
EnableAutoUpdates=false
FirstRun=true
LastVersion=486539266
Language=en-US

[Basic]
Profile=Lab
ProfileDir=Lab
SceneCollection=Lab
SceneCollectionFile=Lab
ConfigOnNewProfile=false

[BasicWindow]
PreviewEnabled=true
SysTrayEnabled=false

[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort=${port}
AlertsEnabled=false
AuthRequired=true
ServerPassword=${password}
`;

const basicIni = (recordings: string): string => `[General]
Name=Lab
[Output]
Mode=Simple
[SimpleOutput]
FilePath=${recordings}
RecFormat=mkv
RecQuality=Small
RecEncoder=x264
RecRB=true
RecRBTime=5
RecRBSize=64
StreamEncoder=x264
VBitrate=1000
ABitrate=128
[Video]
BaseCX=${width}
BaseCY=${height}
OutputCX=${width}
OutputCY=${height}
FPSType=1
FPSInt=24
[Audio]
SampleRate=48000
ChannelSetup=Stereo
`;

/** The real OBS Studio with a home of its own, on a screen of its own, drawn by the processor. */
export class ObsStudio {
	readonly port: number;
	readonly screen: Screen;
	readonly #folder: string;
	#obs: ChildProcess | undefined;

	private constructor(folder: string, port: number, screen: Screen) {
		this.#folder = folder;
		this.port = port;
		this.screen = screen;
	}

	/** Starts OBS; its recordings go to `<folder>/recordings`. */
	static async start(folder: string): Promise<ObsStudio> {
		const config = join(folder, 'home/.config/obs-studio');
		const recordings = join(folder, 'recordings');
		mkdirSync(join(config, 'basic/profiles/Lab'), { recursive: true });
		mkdirSync(recordings);
		mkdirSync(join(folder, 'run'), { mode: 0o700 });
		const port = await freePort();
		writeFileSync(join(config, 'global.ini'), globalIni(port));
		writeFileSync(join(config, 'basic/profiles/Lab/basic.ini'), basicIni(recordings));
		const studio = new ObsStudio(folder, port, await Screen.start(1280, 800));
		await studio.run();
		return studio;
	}

	get url(): string {
		return `ws://127.0.0.1:${this.port}`;
	}

	/** Starts OBS itself, for the first time or again. */
	async run(): Promise<void> {
		const args = ['--multi', '--disable-updater', '--disable-missing-files-check', '--websocket_ipv4_only'];
		const obs = spawn('obs', args, {
			env: {
				...process.env,
				HOME: join(this.#folder, 'home'),
				XDG_CONFIG_HOME: join(this.#folder, 'home/.config'),
				XDG_RUNTIME_DIR: join(this.#folder, 'run'),
				DISPLAY: this.screen.display,
				QT_QPA_PLATFORM: 'xcb',
				LIBGL_ALWAYS_SOFTWARE: '1',
				LP_NUM_THREADS: '1',
			},
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		this.#obs = obs;
		const log = createWriteStream(join(this.#folder, 'obs.log'), { flags: 'a' });
		await within(60_000, 'OBS did not start its WebSocket server', (resolve, reject) => {
			const read = (data: Buffer): void => {
				log.write(data);
				if (data.includes('Server started successfully')) {
					resolve();
				}
			};
			obs.stdout.on('data', read);
			obs.stderr.on('data', read);
			obs.once('error', reject);
			obs.once('exit', (code) => reject(new Error(`OBS ended with code ${code}`)));
		});
		// Its scenes are loaded a moment after the server is up; until then it refuses requests.
		for (let tries = 0; ; tries++) {
			const connection = await this.connect();
			try {
				await connection.call('GetSceneList');
				return;
			} catch (error) {
				if (tries === 20) {
					throw error;
				}
				await sleep(250);
			} finally {
				connection.close();
			}
		}
	}

	connect(): Promise<ObsConnection> {
		// A machine that is busy with other things answers late; that is not what these tests are about.
		return ObsConnection.open({ url: this.url, password, timeoutMs: 60_000 });
	}

	/** As closing its window; OBS must not be recording then, or it waits for an answer. */
	async quit(): Promise<void> {
		await this.#end('SIGINT');
	}

	/** As a crash, or the power going. */
	async kill(): Promise<void> {
		await this.#end('SIGKILL');
	}

	/** As a frozen program: its connections stay open, but nothing answers. */
	freeze(): void {
		this.#obs?.kill('SIGSTOP');
	}

	thaw(): void {
		this.#obs?.kill('SIGCONT');
	}

	/** Ends OBS and its screen. */
	async stop(): Promise<void> {
		this.thaw();
		await this.#end('SIGINT');
		this.screen.stop();
	}

	async #end(signal: NodeJS.Signals): Promise<void> {
		const obs = this.#obs;
		if (!obs || obs.exitCode !== null || obs.signalCode !== null) {
			return;
		}
		const ended = new Promise<void>((resolve) => obs.once('exit', () => resolve()));
		obs.kill(signal);
		const timer = setTimeout(() => obs.kill('SIGKILL'), 10_000);
		await ended;
		clearTimeout(timer);
	}
}

const freePort = (): Promise<number> =>
	new Promise((resolve, reject) => {
		const server = createServer();
		server.once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const address = server.address();
			server.close(() =>
				typeof address === 'object' && address !== null
					? resolve(address.port)
					: reject(new Error('There is no free port.')),
			);
		});
	});
