import { execFileSync } from 'node:child_process';

/** Whether a program is there and does what it is asked without complaint. */
export const canRun = (program: string, ...args: readonly string[]): boolean => {
	try {
		execFileSync(program, args, { stdio: 'ignore' });
		return true;
	} catch {
		return false;
	}
};
