import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/**
 * Names of what is not complete yet. No two are alike, and each says which process it belongs to, so that one which is killed leaves
 * nothing for long: what is nobody's any more is removed by the next one that works in the same place.
 */

const SUFFIX = '.partial';
/** Name, process, its start, machine, boot, chance. */
const pattern = /^\.(.+)\.(\d+)-([0-9a-z]*)-([0-9a-f]{6})-([0-9a-f]{6})-[0-9a-f]{8}\.partial$/;
/** Most file systems take names of 255 bytes. */
const LONGEST_STEM = 180;
/** Of processes that can't be looked at from here, what was not touched for so long counts as left. */
const FORGOTTEN_MS = 24 * 3600 * 1000;

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 6);

const textOf = (read: () => string): string => {
	try {
		return read();
	} catch {
		return '';
	}
};

/** A flag of the kernel's: the process is on its way out. */
const PF_EXITING = 4;

/**
 * When a process was started, in ticks since the machine was; undefined where there is no such process any more, empty where that is not told.
 * One that has been killed keeps its number until its parent has asked how it ended, which in a container may be never.
 */
const startOf = (pid: number | 'self'): string | undefined => {
	if (process.platform !== 'linux') {
		return '';
	}
	try {
		// The second field, the program's name, may hold spaces and brackets.
		const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/s, '').trim().split(' ');
		const hasEnded = /^[ZX]/.test(fields[0] ?? '') || (Number(fields[6]) & PF_EXITING) !== 0;
		return hasEnded ? undefined : Number(fields[19] ?? 0).toString(36);
	} catch {
		return undefined;
	}
};

const machine = shortHash(hostname());
const boot = shortHash(
	textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')) +
		textOf(() => readlinkSync('/proc/self/ns/pid')),
);
const thisProcess = `${process.pid}-${startOf('self') ?? ''}-${machine}-${boot}`;

const stemOf = (name: string): string =>
	Buffer.byteLength(name) <= LONGEST_STEM ? name : `${[...name].slice(0, 30).join('')}~${shortHash(name)}`;

/** A name for a file or folder until it is complete: in the same folder, so that the final rename can't fail half-way. */
export const temporaryPath = (path: string): string =>
	join(dirname(path), `.${stemOf(basename(path))}.${thisProcess}-${randomBytes(4).toString('hex')}${SUFFIX}`);

type State = 'in use' | 'left' | 'not to be seen from here';

const stateOf = async (folder: string, name: string, match: RegExpExecArray): Promise<State> => {
	const [, , pid, start = '', itsMachine, itsBoot] = match;
	if (itsMachine === machine && itsBoot === boot) {
		const found = isRunning(Number(pid)) ? startOf(Number(pid)) : undefined;
		return found === undefined || found !== start ? 'left' : 'in use';
	}
	const touched = (await lstat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? Date.now();
	return Date.now() - touched > FORGOTTEN_MS ? 'left' : 'not to be seen from here';
};

const isRunning = (pid: number): boolean => {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
};

/**
 * Removes what killed processes left in a folder under temporary names.
 *
 * @param of only what was to become files of these names; everything when omitted
 * @param mine a temporary path of this process, which does not count; without it none of this process does
 * @returns the processes that are working on such a file at this moment; this one where it has another file that is to get the name of `mine`
 */
export const clearLeftovers = async (
	folder: string,
	of?: (name: string) => boolean,
	mine?: string,
): Promise<number[]> => {
	const names = await readdir(folder).catch((): string[] => []);
	const own = mine === undefined ? undefined : basename(mine);
	const ownStem = own === undefined ? undefined : pattern.exec(own)?.[1];
	const atWork: number[] = [];
	for (const name of names) {
		const match = name.endsWith(SUFFIX) ? pattern.exec(name) : null;
		if (match === null || of?.(match[1] ?? '') === false) {
			continue;
		}
		const state = await stateOf(folder, name, match);
		if (state === 'left') {
			await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
		} else if (
			state === 'in use' &&
			(Number(match[2]) !== process.pid || (match[1] === ownStem && name !== own))
		) {
			atWork.push(Number(match[2]));
		}
	}
	return atWork;
};

/** As {@link clearLeftovers}, of one file or folder. */
export const clearLeftoversOf = (path: string, mine?: string): Promise<number[]> => {
	const stem = stemOf(basename(path));
	return clearLeftovers(dirname(path), (name) => name === stem, mine);
};

/**
 * A name among the system's temporary files. What killed processes left there for the same purpose is removed.
 *
 * @param of the purpose
 */
export const scratchPath = async (of: string): Promise<string> => {
	const place = join(tmpdir(), of);
	await clearLeftoversOf(place);
	return temporaryPath(place);
};

/** A name for a temporary folder; whoever writes there makes it. */
export class ScratchFolder {
	private constructor(readonly path: string) {}

	/** Removes those of runs that were killed. */
	static async open(): Promise<ScratchFolder> {
		return new ScratchFolder(await scratchPath('propagate'));
	}

	async remove(): Promise<void> {
		await rm(this.path, { recursive: true, force: true });
	}
}
