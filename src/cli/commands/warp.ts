import { type Command, InvalidArgumentError, Option } from 'commander';
import { UserError } from '../../core/errors.js';
import { type WarpMode, warpModes } from '../../pairs/modes.js';
import {
	type ModelOptions,
	oneOutput,
	overwriteOption,
	presetOption,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type WarpOptions = ModelOptions &
	ReportOptions & {
		readonly preset?: string;
		readonly output?: string;
		readonly flow?: string;
		readonly confidence?: string;
		readonly sourceMask?: string;
		readonly targetMask?: string;
		readonly mode: WarpMode;
		readonly colormap?: boolean;
		readonly colormapSource?: string;
		readonly blend?: true | number;
		readonly overwrite?: boolean;
	};

/** Below this a warp shows little but what the model made up: of two unrelated pictures it has 0.2, of one object in two places 0.8. */
const LOW_CONFIDENCE = 0.4;

const opacity = (text: string): number => {
	const value = Number(text);
	if (text.trim() === '' || !(value >= 0 && value <= 1)) {
		throw new InvalidArgumentError('Expected an opacity from 0 to 1.');
	}
	return value;
};

export const registerWarp = (program: Command): void => {
	const command = program
		.command('warp')
		.description("warps one image's appearance into another's shape")
		.argument('<source>', 'image that the appearance is taken from')
		.argument('<target>', 'image that gives the shape')
		.option('-o, --output <image>', "the warped image, of the target's size", oneOutput)
		.option('--source-mask <png>', 'take only from what this mask marks in the source')
		.option('--target-mask <png>', 'warp only to what this mask marks in the target')
		.addOption(
			new Option('--mode <mode>', 'smooth: between cells, keeps texture; paper: nearest pixel for each pixel')
				.choices(warpModes)
				.default('smooth'),
		)
		.option('--blend [opacity]', 'put the result on the target (opacity 0..1, default 1)', opacity)
		.option('--colormap', 'warp a reference colour map instead of the source')
		.option('--colormap-source <image>', 'write the reference colour map on the source, to compare with')
		.option('--flow <file>', 'write the flow from target to source pixels: .flo, or a 16-bit .png')
		.option('--confidence <png>', 'write how far each match is to be trusted, as grey levels')
		.addOption(presetOption())
		.addOption(overwriteOption());
	withReportOptions(withModelOptions(command)).action(
		async (source: string, target: string, options: WarpOptions) => {
			const { json, quiet, blend, colormap, ...job } = options;
			if (colormap && options.output === undefined) {
				throw new UserError('--colormap has nothing to write to; give -o <image>.');
			}
			const { warpPair } = await import('../../jobs/warp-pair.js');
			const reporter = new Reporter({ json, quiet });
			const result = await warpPair({
				...job,
				source,
				target,
				colormap,
				blend: blend === true ? 1 : blend,
			});
			reporter.record({ type: 'done', ...result });
			for (const output of result.outputs) {
				reporter.line(`wrote ${output}`);
			}
			reporter.line(`mean confidence ${result.meanConfidence.toFixed(2)}`);
			if (result.meanConfidence < LOW_CONFIDENCE) {
				const advice =
					options.sourceMask === undefined || options.targetMask === undefined
						? 'mark the object in both with --source-mask and --target-mask'
						: 'the objects may show too little in common for this model';
				reporter.line(`warning: that is too low to be of use: the pictures hardly match; ${advice}`);
			}
		},
	);
};
