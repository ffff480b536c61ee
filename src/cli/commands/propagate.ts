import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UserError } from '../../core/errors.js';
import { type PaintedFile, parsePaintedFile } from '../../core/painted-file.js';
import type { ClipOptions } from '../../jobs/clip-options.js';
import { maskTypes } from '../../media/mask-meaning/meaning.js';
import { docsFolder } from '../../store/locations.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	collect,
	ffmpegOption,
	fpsOption,
	type ModelOptions,
	overwriteOption,
	qualityOption,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { describeEdit, describeMask } from '../describe-painted.js';
import { Reporter } from '../reporter.js';
import { isMeantAsCommand, unknownCommand } from '../usage-error.js';

type PropagateOptions = ModelOptions &
	ReportOptions &
	ClipOptions & {
		readonly mask: readonly PaintedFile[];
		readonly ffmpeg?: string;
		readonly resume?: boolean;
	};

const collectPainted = (text: string, files: readonly PaintedFile[] = []): readonly PaintedFile[] => {
	const file = parsePaintedFile(text);
	if (file === undefined) {
		throw new InvalidArgumentError('Expected a file, or <frame>=<file>.');
	}
	if (file.path === text && /^[\d.:]+s?=./.test(text) && !existsSync(text)) {
		throw new InvalidArgumentError(
			'Expected the number of a frame before "=", which "propagate frame --at <time>" tells',
		);
	}
	return [...files, file];
};

const frameNumber = (text: string): number => {
	if (!/^\d{1,9}$/.test(text)) {
		throw new InvalidArgumentError('Expected a whole number from 0, like 1001.');
	}
	return Number(text);
};

const pixels = (text: string): number => {
	const number = Number(text);
	if (text.trim() === '' || !Number.isFinite(number)) {
		throw new InvalidArgumentError('Expected a number of pixels, like 2 or 0.5.');
	}
	return number;
};

const examples = (): string => `
Examples:
  propagate frame clip.mp4 -o first.png                  the picture to paint the mask on
  propagate clip.mp4 --mask mask.png -o masks            an indexed PNG for every frame
  propagate clip.mp4 --mask mask.png -o alpha.mov        the object on transparency
  propagate clip.mp4 --mask 0=a.png --mask 90=b.png -o masks   a second painted frame

"propagate <command> --help" says more about a command. The guides, docs/ in messages, are in
${docsFolder()}`;

export const registerPropagate = (program: Command): void => {
	program
		.argument('[clip]', 'video file, or folder or pattern of numbered frames')
		.optionsGroup('What is carried:')
		.addOption(
			new Option(
				'--mask <[frame=]image>',
				'painted mask; of frame 0 unless a frame is named; may be repeated (docs/first-mask.md)',
			)
				.argParser(collectPainted)
				.default([], 'none'),
		)
		.addOption(
			new Option(
				'--mask-type <type>',
				'what the masks are, where it cannot be seen: object ids, black and white, a colour for each object, or transparency (docs/masks.md)',
			).choices(maskTypes),
		)
		.addOption(
			new Option(
				'--edit <[frame=]image>',
				'edited frame, or layer with transparency of its size, to carry along; of frame 0 unless a frame is named; may be repeated (docs/edits.md)',
			).argParser(collectPainted),
		)
		.addOption(
			new Option('--edit-mode <mode>', 'how the edit moves: with every bend, as a plane, or affinely')
				.choices(['dense', 'planar', 'affine'])
				.default('dense'),
		)
		.option('--relight', 'let the edit get brighter and darker with what it lies on')
		.option('--behind', 'put the edit behind the objects of the masks; it goes with the background')
		.option('--linear-light', 'blend the edit in linear light instead of as image editors do')
		.option('--colormap', 'carry a map of colours that shows where everything comes from')
		.optionsGroup('What is written:')
		.addOption(
			new Option(
				'-o, --output <path>',
				'folder, file or pattern (shot.%04d.exr); may be repeated (docs/formats.md)',
			)
				.argParser(collect)
				.default([], 'a folder CLIP-masks in the working folder'),
		)
		.option('--format <name>', 'what to write when the path does not say (see "propagate formats")')
		.addOption(
			new Option('--for <program>', 'write what an editor wants (see "propagate presets editors")').conflicts(
				'format',
			),
		)
		.option(
			'--start-number <n>',
			"number of the first frame where frames are files (default: the source's, or 0)",
			frameNumber,
		)
		.option('--review <image>', 'write a sheet of the frames to look at: those that are trusted least')
		.addOption(
			new Option(
				'--alpha <edges>',
				'edges of mattes and cut-outs: soft where hair and blur are, or hard (default: soft)',
			).choices(['soft', 'hard']),
		)
		.option('--grow <pixels>', 'grow the objects in mattes and cut-outs; shrink them with -2', pixels)
		.option('--feather <pixels>', 'blur the edges of mattes and cut-outs besides', pixels)
		.option(
			'--despill',
			'take out of cut-outs the red, green or blue that their surroundings have thrown onto them',
		)
		.option('--steady', 'let soft edges change less from frame to frame')
		.option('--invert', 'cut the objects out of the picture instead of the picture away from them')
		.option('--premultiplied', 'multiply colours by alpha in formats that have alpha (default: straight)')
		.addOption(overwriteOption())
		.addOption(
			new Option(
				'--resume',
				'keep the PNGs that an interrupted run finished, and go on from there',
			).conflicts('overwrite'),
		)
		.optionsGroup('How:')
		.option('--start <frame|time>', 'first frame to use: a number, or a time like 1.5s or 00:00:01.5')
		.option('--end <frame|time>', 'first frame not to use any more')
		.addOption(fpsOption())
		.option('--preset <name|file.json>', 'settings of the run (see "propagate presets list")')
		.addOption(qualityOption())
		.addOption(
			new Option(
				'--decoder <state>',
				'on: the mask decoder tracks the objects; off: labels are propagated on descriptors alone, as in the paper (default: as the preset says)',
			).choices(['on', 'off']),
		)
		.addOption(ffmpegOption())
		.option('--no-cache', 'use nothing that earlier runs on the clip have left, and leave nothing')
		.addHelpText('after', examples);
	withReportOptions(withModelOptions(program)).action(
		async (input: string | undefined, options: PropagateOptions, command: Command) => {
			if (input === undefined) {
				if (options.mask.length > 0 || options.edit !== undefined) {
					throw new UserError('There is no clip; name it first: propagate clip.mp4 --mask mask.png.');
				}
				program.help({ error: true });
			}
			if (isMeantAsCommand(input)) {
				throw unknownCommand(program, input);
			}
			requireUse(options, command);
			await run(input, options);
		},
	);
};

/** @throws UserError for an option that would do nothing: whoever gives it expects something of it */
const requireUse = ({ edit, colormap, alpha, steady }: PropagateOptions, command: Command): void => {
	const given = ['editMode', 'relight', 'linearLight', 'behind'].find(
		(name) => command.getOptionValueSource(name) === 'cli',
	);
	if (given !== undefined && edit === undefined && colormap !== true) {
		const name = command.options.find((option) => option.attributeName() === given)?.long;
		throw new UserError(`${name} is for edits; give one with --edit, or leave ${name} out.`);
	}
	if (edit !== undefined && colormap === true) {
		throw new UserError('--edit and --colormap exclude each other; give one of them.');
	}
	if (steady === true && alpha === 'hard') {
		throw new UserError('--steady is for soft edges; leave it or --alpha hard out.');
	}
};

const run = async (input: string, options: PropagateOptions): Promise<void> => {
	const { loadEditorPreset } = await import('../../presets/editor-preset.js');
	const { runOfOptions } = await import('../../jobs/clip-options.js');
	const { runClip } = await import('../../jobs/run-clip.js');
	const reporter = new Reporter(options);
	const { job, kind } = await runOfOptions(input, options, {
		ffmpeg: options.ffmpeg,
		resume: options.resume,
		signal: cancelOnInterrupt(),
		onNote: (text) => {
			reporter.record({ type: 'note', text });
			reporter.line(`note: ${text}`);
		},
		onMask: (mask) => {
			reporter.record({ type: 'mask', ...mask });
			reporter.line(`mask ${mask.path}: ${describeMask(mask)}`);
		},
		onEdit: (edit) => {
			reporter.record({ type: 'edit', ...edit });
			reporter.line(`edit ${edit.path}: ${describeEdit(edit)}`);
		},
		onFrame: ({ frame, total, timeSeconds, confidence }) => {
			reporter.record({ type: 'progress', frame, total, timeSeconds, confidence });
			reporter.progress({ done: frame + 1, total }, 'frames');
		},
	});
	const result = await runClip(job, kind);
	reporter.end();
	reporter.record({ type: 'done', ...result });
	if (result.resumedFrames > 0) {
		reporter.line(`${result.resumedFrames} of ${result.frames} frames were finished before`);
	}
	for (const output of result.outputs) {
		reporter.line(`wrote ${output}`);
	}
	if (options.for !== undefined) {
		const editor = await loadEditorPreset(options.for);
		reporter.line(`${editor.program}: ${editor.howToOpen} ${editor.colour}`);
	}
};
