import { join } from 'node:path';
import { UserError } from './errors.js';

/** Where something lies in storage that speaks the S3 protocol: an object, or all of those that a key with a slash at its end begins. */
export type S3Place = { readonly bucket: string; readonly key: string };

/** Whether a text names a place in S3, rightly or not. */
export const isS3 = (text: string): boolean => /^s3:[/\\]/i.test(text);

const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Bytes, as the protocol has it. */
const LONGEST_KEY = 1024;
const LONGEST_SHOWN = 200;

/**
 * Reads `s3://bucket/key`. Keys become paths of files here, so that they may hold nothing that means something else in a path.
 *
 * @throws UserError for anything else
 */
export const parseS3Place = (text: string): S3Place => {
	const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/?(.*)$/s.exec(text) ?? [];
	const parts = key.replace(/\/$/, '').split('/');
	const isPath = key === '' || parts.every((part) => part !== '' && part !== '.' && part !== '..');
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
	const isPlain = !/[\\\u0000-\u001f\u007f]/.test(key) && Buffer.byteLength(key) <= LONGEST_KEY;
	if (!bucketName.test(bucket) || bucket.includes('..') || !isPath || !isPlain) {
		const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
		throw new UserError(
			`"${shown}" names no place in S3; expected s3://bucket/folder/clip.mp4, without empty parts, dots or backslashes between the slashes.`,
		);
	}
	return { bucket, key };
};

export const s3Text = ({ bucket, key }: S3Place): string => `s3://${bucket}/${key}`;

/** Whether a place is another one or lies in it. */
export const isWithinS3 = (place: S3Place, around: S3Place): boolean => {
	const folder = around.key.replace(/\/$/, '');
	return (
		place.bucket === around.bucket &&
		(folder === '' || place.key === folder || place.key.startsWith(`${folder}/`))
	);
};

/** As `join` of `node:path`, also of a folder in S3. A name that is only a slash makes the folder's end in one. */
export const joinPlace = (folder: string, name: string): string =>
	isS3(folder) ? `${folder.replace(/\/$/, '')}/${name.replace(/^\//, '')}` : join(folder, name);
