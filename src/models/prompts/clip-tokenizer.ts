import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';

/** Turns a prompt into the ids that CLIP's text encoder reads, padded to its fixed length. */
export type PromptTokenizer = (prompt: string) => Int32Array;

const START = '<|startoftext|>';
const END = '<|endoftext|>';
const DEFAULT_LENGTH = 77;

const configSchema = z.object({
	model_max_length: z.number().positive().optional(),
	pad_token: z.union([z.string(), z.object({ content: z.string() })]).optional(),
});
const vocabularySchema = z.record(z.string(), z.int().nonnegative());

/** CLIP's tokenizer in the form of `tokenizer.json`, which older exports do not have (they have its two tables). */
const clipTokenizerJson = (vocab: Record<string, number>, merges: readonly string[]) => {
	const special = (content: string, normalized: boolean) => ({
		id: vocab[content],
		content,
		special: true,
		single_word: false,
		lstrip: false,
		rstrip: false,
		normalized,
	});
	return {
		version: '1.0',
		truncation: null,
		padding: null,
		added_tokens: [special(START, true), special(END, false)],
		normalizer: {
			type: 'Sequence',
			normalizers: [
				{ type: 'NFC' },
				{ type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
				{ type: 'Lowercase' },
			],
		},
		pre_tokenizer: {
			type: 'Sequence',
			pretokenizers: [
				{
					type: 'Split',
					pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
					behavior: 'Removed',
					invert: true,
				},
				{ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
			],
		},
		post_processor: {
			type: 'RobertaProcessing',
			sep: [END, vocab[END]],
			cls: [START, vocab[START]],
			trim_offsets: false,
			add_prefix_space: false,
		},
		decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
		model: {
			type: 'BPE',
			dropout: null,
			unk_token: END,
			continuing_subword_prefix: '',
			end_of_word_suffix: '</w>',
			fuse_unk: false,
			byte_fallback: false,
			vocab,
			merges,
		},
	};
};

/**
 * Opens the `tokenizer` folder of a Stable Diffusion export.
 *
 * @throws UserError when its tables are missing or malformed
 */
export const openClipTokenizer = async (folder: string): Promise<PromptTokenizer> => {
	try {
		const json = async (name: string): Promise<unknown> =>
			JSON.parse(await readFile(join(folder, name), 'utf8'));
		const config = configSchema.parse(await json('tokenizer_config.json').catch(() => ({})));
		const vocab = vocabularySchema.parse(await json('vocab.json'));
		const merges = (await readFile(join(folder, 'merges.txt'), 'utf8'))
			.split('\n')
			.filter((line) => line.trim() !== '' && !line.startsWith('#version'));
		const tokenizer = new Tokenizer(clipTokenizerJson(vocab, merges), {});
		const length = Math.min(config.model_max_length ?? DEFAULT_LENGTH, DEFAULT_LENGTH);
		const padToken =
			typeof config.pad_token === 'object' ? config.pad_token.content : (config.pad_token ?? END);
		const pad = vocab[padToken] ?? vocab[END] ?? 0;
		const end = vocab[END] ?? 0;
		return (prompt) => {
			const { ids } = tokenizer.encode(prompt);
			const padded = new Int32Array(length).fill(pad);
			padded.set(ids.slice(0, length));
			if (ids.length > length) {
				// A prompt that is too long is cut, but always ends with the end token.
				padded[length - 1] = end;
			}
			return padded;
		};
	} catch (error) {
		throw new UserError(
			`The tokenizer in ${folder} can't be read; expected CLIP's vocab.json and merges.txt.`,
			{
				cause: error,
			},
		);
	}
};
