import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { cliPath, quickCliPath, records, runCli, sample } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 180_000 });

const leaves = (command: Command, path = command.name()): [string, Command][] => [
	...(command.commands.length === 0 || path === 'propagate' ? [[path, command] as [string, Command]] : []),
	...command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`)),
];
// The plugin of OBS is a program of its own with its own options.
const commands = leaves(buildProgram()).filter(([path]) => path !== 'propagate obs');
const described = (command: Command): Map<string | undefined, string> =>
	new Map(command.options.map(({ long, description }) => [long, description]));

describe('every command', () => {
	it.each(commands)('%s has --json and -q, which mean the same as anywhere', (_path, command) => {
		const options = described(command);
		expect(options.get('--json')).toBe('print JSON on stdout, one value a line, and nothing for people');
		expect(options.get('--quiet')).toBe('print nothing but errors');
		expect(command.options.find(({ long }) => long === '--quiet')?.short).toBe('-q');
	});

	it.each(commands.filter(([, command]) => described(command).has('--output')))(
		'%s writes, so it replaces with --overwrite only',
		(_path, command) => {
			expect(described(command).get('--overwrite')).toBe('replace outputs that exist');
		},
	);
});

describe('what is said', () => {
	it('a word that is neither a file nor a command', async () => {
		const { code, stderr } = await runCli(['frobnicate'], { cwd: temporaryFolder() });
		expect([code, stderr]).toEqual([
			2,
			'propagate: "frobnicate" is neither a file or folder here nor a command; see "propagate --help" for the commands.\n',
		]);
	});

	it.each([
		// Misspelt commands, whatever follows them.
		[
			'frmae x.mp4',
			'"frmae" is neither a file or folder here nor a command (did you mean frame?); see "propagate --help" for the commands.',
		],
		['frmae x.mp4 --at 3 -o y.png', '(did you mean frame?)'],
		['Doctro', '(did you mean doctor?)'],
		[
			'cache shwo',
			'There is no "propagate cache shwo" (did you mean show?): there are show, clear and limit; see "propagate cache --help".',
		],
		['models foo', 'there are list, info, pull, import and verify; see "propagate models --help".'],
		// Values.
		[
			'cache limit abc',
			'"abc" does not do for "propagate cache limit": give a size like 500MB or 2.5GB; see "propagate cache limit --help".',
		],
		['a.mp4 --fps x', '"x" does not do for --fps: give frames a second, like 24'],
		['a.mp4 --quality bset', '"bset" does not do for --quality: it takes fast, balanced, best;'],
		['a.mp4 --mask', '--mask needs a value'],
		// What is missing, and what is too much.
		['cache limit', '"propagate cache limit" needs <size>: like 500MB or 10GB;'],
		['frame a.mp4', '"propagate frame" needs --output: picture to write'],
		['--mask m.png', 'There is no clip; name it first'],
		[
			'a/1.png a/2.png --mask m.png',
			'"propagate" takes <clip>, but "a/2.png" follows; put names with spaces, and patterns, in quotes;',
		],
		[
			'match a.png b.png -o a.json -o b.png',
			'"b.png" does not do for --output: give one output; "a.json" is given already;',
		],
		['doctor all', '"propagate doctor" takes nothing but options, and "all" is none;'],
		['a.mp4 --for x --format y', '--for and --format exclude each other;'],
		[
			'frame a.mp4 -o x.png --outptu y.png',
			'"propagate frame" has no option --outptu (did you mean --output?); see "propagate frame --help".',
		],
		['presets --jsno', '"propagate presets" has no option --jsno'],
		['obs wacth', '(Did you mean watch?); see "propagate obs --help".'],
	])('wrong usage is one line that says what would be right: %s', async (line, said) => {
		const { code, stdout, stderr } = await runCli(line.split(' '), { cwd: temporaryFolder() });
		expect([code, stdout]).toEqual([2, '']);
		expect(stderr).toMatch(/^propagate: [^\n]*\.\n$/);
		expect(stderr).toContain(said);
	});

	it.each(['presets', 'models'])('%s alone lists them, with --json too', async (group) => {
		const [list, json] = await Promise.all([runCli([group]), runCli([group, '--json'])]);
		expect([list.code, list.stderr, json.code]).toEqual([0, '', 0]);
		const [names] = records(json.stdout) as unknown as { name: string }[][];
		for (const { name } of names ?? []) {
			expect(list.stdout).toContain(name);
		}
		expect(names?.length).toBeGreaterThan(0);
	});

	it('where the guides are to which messages point', async () => {
		const help = await runCli(['--help']);
		const folder = help.stdout.trim().split('\n').at(-1) ?? '';
		expect(readdirSync(folder)).toContain('first-mask.md');
		const doctor = await runCli(['doctor', '--json']);
		expect(doctor.stdout).toContain(JSON.stringify(folder));
	});

	it('a picture as output of masks', async () => {
		const args = [sample('birds/clip.mp4'), '--mask', sample('birds/first.png'), '-o', 'foo.png'];
		const { code, stderr } = await runCli(args, { cwd: temporaryFolder(), program: quickCliPath });
		expect(code).toBe(2);
		expect(stderr).toContain('"foo.png" is one picture, but there is a mask for every frame');
	});

	it('doctor: nothing of what drivers and the runtime say', async () => {
		const { code, stdout, stderr } = await runCli(['doctor']);
		expect([code, stderr]).toEqual([0, '']);
		expect(stdout).toMatch(/^ok {3}device cpu {5}works$/m);
		expect(stdout).toMatch(/^ok {3}cache /m);
	});

	it('features says what it wrote, or nothing', async () => {
		const cwd = temporaryFolder();
		const quick = { cwd, program: quickCliPath };
		const first = await runCli(['features', sample('pair/source.jpg'), '-o', 'a.npy'], quick);
		expect([first.stdout, first.stderr]).toEqual(['', 'wrote a.npy\n']);
		const second = await runCli(['features', sample('pair/source.jpg'), '-q', '--pca', 'a.png'], quick);
		expect([second.code, second.stdout, second.stderr]).toEqual([0, '', '']);
		const third = await runCli(['weights', '--heatmap', 'w.svg', '--json'], quick);
		expect(third.stderr).toBe('');
		expect(records(third.stdout)[0]).toHaveProperty('weights');
		expect(readdirSync(cwd).sort()).toEqual(['a.npy', 'a.png', 'w.svg']);
	});
});

describe('a reader that has seen enough', () => {
	const readOneLine = async (args: readonly string[], cwd: string): Promise<[number | null, string]> => {
		const child = spawn(process.execPath, [cliPath, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
		let stderr = '';
		child.stderr.on('data', (data: Buffer) => {
			stderr += data.toString();
		});
		child.stdout.once('data', () => child.stdout.destroy());
		const code = await new Promise<number | null>((fulfil) => child.once('close', fulfil));
		return [code, stderr];
	};

	it('ends a run as Ctrl-C does, and nothing is said', async () => {
		const cwd = temporaryFolder();
		const args = [sample('birds/clip.mp4'), '--mask', sample('birds/first.png'), '-o', 'masks', '--json'];
		expect(await readOneLine(args, cwd)).toEqual([130, '']);
		expect(existsSync(join(cwd, 'masks/00000.png'))).toBe(true);
		expect(existsSync(join(cwd, 'masks/00035.png'))).toBe(false);
	});

	it('is no failure of a list', async () => {
		expect(await readOneLine(['presets', 'list'], temporaryFolder())).toEqual([0, '']);
	});
});
