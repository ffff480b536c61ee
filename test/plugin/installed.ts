import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a program is on the PATH. Use as `describe.skipIf(!installed('blender'))('… (needs blender)')`. */
export const installed = (...programs: string[]): boolean =>
	programs.every((program) =>
		(process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program))),
	);
