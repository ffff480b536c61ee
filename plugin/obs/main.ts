#!/usr/bin/env node
import { stat } from 'node:fs/promises';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { serverUrl } from './address.js';
import { type ConnectionOptions, ObsConnection } from './connection.js';
import { grab } from './grab.js';
import { ConnectionLost, messageOf, ObsError, printable } from './obs-error.js';
import { promptPassword, readPassword } from './password.js';
import { type Placement, showInScene } from './scene.js';
import { type WatchRecord, watch } from './watch.js';

type ConnectionFlags = {
	readonly address: string;
	readonly allowRemote?: boolean;
	readonly passwordFile?: string;
	readonly timeout: number;
};

type PlacementFlags = {
	readonly scene?: string;
	readonly source: string;
	readonly above?: string;
	readonly insteadOf?: string;
};

const seconds = (text: string): number => {
	const value = Number(text);
	if (!(value > 0 && value <= 3600)) {
		throw new InvalidArgumentError('Expected seconds, more than 0 and at most 3600.');
	}
	return value;
};

const withConnection = (command: Command): Command =>
	command
		.option('--address <host:port>', 'where the WebSocket server of OBS listens', '127.0.0.1:4455')
		.option('--allow-remote', 'let the address be another machine')
		.option('--password-file <file>', 'file that holds the password (default: OBS_WEBSOCKET_PASSWORD)')
		.option('--timeout <seconds>', 'how long OBS may take for an answer', seconds, 10);

const withPlacement = (command: Command): Command =>
	command
		.option('--scene <name>', 'scene to show the result in (default: the one on air)')
		.option('--source <name>', 'name of the media source', 'Propagate')
		.option('--above <source>', 'put the result right above this source, at its place and size')
		.addOption(new Option('--instead-of <source>', 'as --above, and hide the source').conflicts('above'));

const connectionOf = async (flags: ConnectionFlags): Promise<ConnectionOptions> => ({
	url: serverUrl(flags.address, flags.allowRemote === true),
	password: (await readPassword(flags.passwordFile)) ?? (await promptPassword()),
	timeoutMs: 1000 * flags.timeout,
});

const placementOf = ({ scene, source, above, insteadOf }: PlacementFlags): Placement => ({
	...{ scene, source, above, insteadOf },
});

const withObs = async (flags: ConnectionFlags, use: (obs: ObsConnection) => Promise<void>): Promise<void> => {
	const obs = await ObsConnection.open(await connectionOf(flags));
	try {
		await use(obs);
	} finally {
		obs.close();
	}
};

/** A log gets a line of progress no more often than this. */
const PROGRESS_INTERVAL_MS = 5000;

/** Prints records as lines for people; of progress only some. */
const sayer = (): ((record: WatchRecord) => void) => {
	let lastProgress = performance.now();
	return (record) => {
		if (record.type === 'progress') {
			if (performance.now() - lastProgress < PROGRESS_INTERVAL_MS) {
				return;
			}
			lastProgress = performance.now();
		}
		process.stderr.write(`${printable(sentence(record))}\n`);
	};
};

const sentence = (record: WatchRecord): string => {
	switch (record.type) {
		case 'connected':
			return 'connected to OBS; waiting for recordings and replays';
		case 'lost':
			return `${record.reason} Trying again until it is back.`;
		case 'recorded':
			return `recorded ${record.clip}`;
		case 'paint':
			return `paint the object on ${record.image} and save it`;
		case 'progress':
			return record.total === undefined
				? `${record.done} frames`
				: `${record.done} of about ${record.total} frames`;
		case 'shown':
			return `showing ${record.output} in the scene "${record.scene}"`;
		case 'failed':
			return `${record.clip}: ${record.reason}`;
	}
};

const program = new Command('propagate obs')
	.description('follow OBS Studio: cut the object out of recordings and put it into a scene')
	.exitOverride()
	.configureOutput({
		outputError: (text, write) => {
			const line = text
				.trim()
				.replace(/^error: /, '')
				.replaceAll(/\s*\n\s*/g, ' ')
				.replace(/\.$/, '');
			write(`propagate: ${line}; see "propagate obs --help".\n`);
		},
	});

withPlacement(withConnection(program.command('watch')))
	.description('when a recording or replay is saved, propagate a mask through it and show the result')
	.option('--mask <png>', 'mask of the first frame of every recording (default: the last one used)')
	.addOption(new Option('--paint', 'ask for a painted mask for every recording').conflicts('mask'))
	.option('--json', 'one JSON object a line on stdout')
	.action(
		async (
			flags: ConnectionFlags & PlacementFlags & { mask?: string; paint?: boolean; json?: boolean },
		): Promise<void> => {
			const interrupted = new AbortController();
			for (const signal of ['SIGINT', 'SIGTERM'] as const) {
				process.once(signal, () => interrupted.abort());
			}
			if (flags.mask !== undefined) {
				await requireFile(flags.mask);
			}
			await watch({
				connection: await connectionOf(flags),
				placement: placementOf(flags),
				mask: flags.paint ? 'paint' : flags.mask,
				signal: interrupted.signal,
				say: flags.json ? (record) => process.stdout.write(`${JSON.stringify(record)}\n`) : sayer(),
			});
			process.exitCode = 130;
		},
	);

withPlacement(withConnection(program.command('apply')))
	.description('show a finished result with alpha in a scene')
	.argument('<clip>', 'video with alpha, e.g. alpha.webm')
	.action(async (clip: string, flags: ConnectionFlags & PlacementFlags) => {
		await requireFile(clip);
		await withObs(flags, async (obs) => {
			const scene = await showInScene(obs, clip, placementOf(flags));
			process.stderr.write(`showing ${clip} in the scene "${scene}"\n`);
		});
	});

withConnection(program.command('grab'))
	.description('save what a source shows now, faint, to paint the object on: the painted file is a mask')
	.argument('[source]', 'source or scene (default: the scene on air)')
	.requiredOption('-o, --output <png>', 'file to write')
	.option('--overwrite', 'replace the file if it exists')
	.action(
		async (source: string | undefined, flags: ConnectionFlags & { output: string; overwrite?: boolean }) => {
			await withObs(flags, (obs) => grab(obs, source, flags.output, flags.overwrite === true));
			process.stderr.write(`wrote ${flags.output}\n`);
		},
	);

const requireFile = async (path: string): Promise<void> => {
	if (!(await stat(path).catch(() => undefined))?.isFile()) {
		throw new ObsError(`There is no file "${path}"; name one that exists.`);
	}
};

try {
	await program.parseAsync();
} catch (error) {
	if (error instanceof CommanderError) {
		process.exitCode = error.exitCode === 0 ? 0 : 2;
	} else {
		// A wrong password or name is for the user to put right; an OBS that is gone or silent is not.
		process.exitCode = error instanceof ObsError ? 2 : 1;
		const known = error instanceof ObsError || error instanceof ConnectionLost;
		const text =
			known || !(error instanceof Error) || process.env.PROPAGATE_DEBUG === undefined
				? messageOf(error)
				: (error.stack ?? '');
		process.stderr.write(`propagate: ${printable(text, true)}\n`);
	}
}
