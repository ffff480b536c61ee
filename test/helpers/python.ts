import { execFileSync } from 'node:child_process';

const candidates = [process.env.PYTHON ?? 'python3', '/usr/bin/python3'];

/** Path of a Python with the modules of the training code; undefined where there is none. */
export const trainingPython = candidates.find((candidate) => {
	try {
		execFileSync(candidate, ['-c', 'import torch, cv2, numpy'], { stdio: 'ignore' });
		return true;
	} catch {
		return false;
	}
});

/** Path of any Python 3; undefined where there is none. */
export const python = candidates.find((candidate) => {
	try {
		execFileSync(candidate, ['-c', 'import json'], { stdio: 'ignore' });
		return true;
	} catch {
		return false;
	}
});
