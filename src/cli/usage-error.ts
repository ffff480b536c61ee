import { existsSync } from 'node:fs';
import { Command, type CommanderError } from 'commander';
import { UserError } from '../core/errors.js';

/** Every word of the command line that leads to the command: `propagate cache limit`. */
const pathOf = (command: Command): string =>
	command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

/** As commander spells it: ` (did you mean frame?)`, or nothing where no name is near. */
const suggestion = (word: string, names: readonly string[]): string => {
	const speller = new Command().exitOverride().configureOutput({ outputError: () => {} });
	for (const name of names) {
		speller.command(name);
	}
	try {
		speller.parse([word], { from: 'user' });
	} catch (error) {
		const found = /\((Did you mean [^)]*\?)\)/.exec(error instanceof Error ? error.message : '')?.[1];
		return found === undefined ? '' : ` (${found.replace('Did', 'did')})`;
	}
	return '';
};

const list = (names: readonly string[]): string =>
	names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

const longOf = (command: Command, flags: string): string =>
	command.options.find((option) => option.flags === flags)?.long ?? flags;

/** A word that can only have been meant as a command: letters, and no file or folder of that name. */
export const isMeantAsCommand = (word: string | undefined): word is string =>
	word !== undefined && /^[a-z][a-z-]*$/i.test(word) && !existsSync(word);

/** Says of a word that it is neither a clip nor a command, and which was meant. */
export const unknownCommand = (program: Command, word: string): UserError =>
	new UserError(
		`"${word}" is neither a file or folder here nor a command${suggestion(
			word,
			program.commands.map((child) => child.name()),
		)}; see "propagate --help" for the commands.`,
	);

/** The words that were typed: of a command that runs because its group's was left at that, those of the group. */
const spoken = (command: Command): Command => {
	const { parent } = command;
	return parent?.parent && parent.args[0] !== command.name() ? parent : command;
};

/** Commander's words in quotes, of which its messages make most. */
const quotedWords = (message: string): string[] =>
	[...message.matchAll(/'([^']*)'/g)].map(([, text]) => text ?? '');

const excess = (command: Command): string => {
	const said = spoken(command);
	const takes = command.registeredArguments.map((argument) => `<${argument.name()}>`);
	const word = command.args[takes.length] ?? '';
	if (said !== command) {
		return noSubcommand(said, word);
	}
	return takes.length === 0
		? `"${pathOf(command)}" takes nothing but options, and "${word}" is none`
		: `"${pathOf(command)}" takes ${list(takes)}, but "${word}" follows; put names with spaces, and patterns, in quotes`;
};

const noSubcommand = (group: Command, word: string): string => {
	const names = group.commands.map((child) => child.name());
	return `there is no "${pathOf(group)} ${word}"${suggestion(word, names)}: there are ${list(names)}`;
};

/** An option's or argument's value that its parser refuses: commander puts what the parser says behind its own words. */
const invalid = (message: string, command: Command): string => {
	const option = /^error: option '(.*?)' argument '([\s\S]*)' is invalid\. ([\s\S]*)$/.exec(message);
	const argument =
		/^error: command-argument value '([\s\S]*)' is invalid for argument '.*?'\. ([\s\S]*)$/.exec(message);
	const [value, place, wish] = option
		? [option[2], longOf(command, option[1] ?? ''), option[3]]
		: [argument?.[1], `"${pathOf(spoken(command))}"`, argument?.[2]];
	const right = wish
		?.trim()
		.replace(/\.$/, '')
		.replace(/^Expected /, 'give ')
		.replace(/^Allowed choices are /, 'it takes ')
		.replace(/^There /, 'there ');
	return `"${value}" does not do for ${place}: ${right}`;
};

/** What commander complains of, as a sentence that says what would be right. */
const complaint = (command: Command, { code, message }: CommanderError): string => {
	const path = pathOf(spoken(command));
	const words = quotedWords(message);
	const [first = ''] = words;
	switch (code) {
		case 'commander.excessArguments':
			return excess(command);
		case 'commander.unknownOption': {
			const meant = /\(Did (you mean [^)]*\?)\)/.exec(message)?.[1];
			return `"${path}" has no option ${first}${meant === undefined ? '' : ` (did ${meant})`}`;
		}
		case 'commander.missingArgument': {
			const missing = command.registeredArguments.find((argument) => argument.name() === first);
			return `"${path}" needs <${first}>${missing?.description ? `: ${missing.description}` : ''}`;
		}
		case 'commander.missingMandatoryOptionValue': {
			const missing = command.options.find((option) => option.flags === first);
			return `"${path}" needs ${missing?.long ?? first}: ${missing?.description ?? ''}`;
		}
		case 'commander.optionMissingArgument':
			return `${longOf(command, first)} needs a value: ${first}`;
		case 'commander.conflictingOption':
			return `${words.map((flags) => longOf(command, flags)).join(' and ')} exclude each other; give one of them`;
		case 'commander.invalidArgument':
			return invalid(message, command);
		default:
			return message.replace(/^error: /, '').replace(/\.$/, '');
	}
};

/** Wrong usage as a sentence of ours: what is wrong, what would be right, and which help tells more. */
export const usageError = (command: Command, error: CommanderError): UserError => {
	const [word] = command.args;
	const isSpelling = ['commander.excessArguments', 'commander.unknownOption'].includes(error.code);
	if (command.parent === null && isSpelling && isMeantAsCommand(word)) {
		return unknownCommand(command, word);
	}
	const text = complaint(command, error);
	return new UserError(
		`${text.charAt(0).toUpperCase()}${text.slice(1)}; see "${pathOf(spoken(command))} --help".`,
	);
};
