import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** With this, a WebAssembly memory takes the addresses that it uses, and checks its bounds itself. */
const FLAG = '--disable-wasm-trap-handler';
/** Otherwise each of them reserves 10 GB of addresses, and a run has up to two dozen. */
const ADDRESSES_WANTED = 256 * 2 ** 30;
/** Set for a process that is {@link restartedWithinLimit}'s. */
const MARK = 'PROPAGATE_RESTARTED';

/** Bytes of addresses that this session may use (`ulimit -v`), where that is limited. */
const addressLimit = (): number => {
	if (process.platform !== 'linux') {
		return Number.POSITIVE_INFINITY;
	}
	try {
		const soft = /^Max address space +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
		return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
	} catch {
		return Number.POSITIVE_INFINITY;
	}
};

/**
 * Where addresses are limited, runs the command in another process that reserves few of them, and ends with its exit code: how they are
 * reserved is decided when Node starts.
 *
 * @returns false where the command is to be run here
 */
export const restartedWithinLimit = async (): Promise<boolean> => {
	if (process.env[MARK] !== undefined) {
		delete process.env[MARK];
		// Not to outlive the process that was started by the person, or killed by them.
		process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
		process.channel?.unref();
		return false;
	}
	if (addressLimit() >= ADDRESSES_WANTED || !process.allowedNodeEnvironmentFlags.has(FLAG)) {
		return false;
	}
	const child = spawn(process.execPath, [...process.execArgv, FLAG, ...process.argv.slice(1)], {
		stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
		env: { ...process.env, [MARK]: '1' },
	});
	// From a terminal, the child gets Ctrl-C itself.
	process.on('SIGINT', () => {});
	process.on('SIGTERM', () => child.kill('SIGTERM'));
	await new Promise<void>((resolve, reject) => {
		child.once('error', reject);
		child.once('exit', (code, signal) => {
			process.exitCode = code ?? (signal === null ? 1 : 128);
			resolve();
		});
	});
	return true;
};
