import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Screen } from '../screen.js';

/** A real Kdenlive with a project open, on a screen of its own and with a home of its own below `folder`. */
export const openInKdenlive = async (
	project: string,
	folder: string,
): Promise<{ screen: Screen; close: () => Promise<void> }> => {
	const [home, runtime, temporary] = ['home', 'run', 'tmp'].map((name) => join(folder, name));
	for (const path of [home, runtime, temporary]) {
		mkdirSync(path ?? '', { mode: 0o700, recursive: true });
	}
	const screen = await Screen.start(1440, 900);
	const kdenlive = spawn('dbus-run-session', ['--', 'kdenlive', project], {
		// In a group of its own, so that the session's programs end with it.
		detached: true,
		stdio: 'ignore',
		env: {
			...process.env,
			HOME: home,
			XDG_CONFIG_HOME: join(home ?? '', '.config'),
			XDG_DATA_HOME: join(home ?? '', '.local/share'),
			XDG_CACHE_HOME: join(home ?? '', '.cache'),
			XDG_RUNTIME_DIR: runtime,
			// Its lock file: one that is left makes the next start ask about a crash.
			TMPDIR: temporary,
			DISPLAY: screen.display,
			QT_QPA_PLATFORM: 'xcb',
			LIBGL_ALWAYS_SOFTWARE: '1',
			LANG: 'C.UTF-8',
		},
	});
	const ended = new Promise<void>((resolve) => kdenlive.once('exit', () => resolve()));
	return {
		screen,
		close: async () => {
			if (kdenlive.pid !== undefined && kdenlive.exitCode === null) {
				process.kill(-kdenlive.pid, 'SIGKILL');
				await ended;
			}
			screen.stop();
		},
	};
};
