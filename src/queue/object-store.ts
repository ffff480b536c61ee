import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { makeFolder, writeFailure } from '../core/atomic-file.js';
import { messageOf, throwIfAborted, UserError } from '../core/errors.js';
import { type S3Place, s3Text } from '../core/s3-place.js';
import { temporaryPath } from '../core/temporary-names.js';

/** An object that is there. */
export type StoredObject = S3Place & {
	readonly bytes: number;
	/** Another one when its contents are others. Undefined where storage has none, of files that it was given in another way. */
	readonly tag: string | undefined;
	readonly changed: Date | undefined;
};

/** Where storage is, when it is not Amazon's. */
export type StoreAddress = {
	/** `https://storage.studio:9000`; what `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` says when omitted. */
	readonly s3Endpoint?: string | undefined;
};

const CONNECT_MS = 5000;
/** Storage that says nothing for so long has gone. */
const SILENCE_MS = 60_000;
const MOST_TRIES = 4;
/** Many servers ask for no more than some region. */
const USUAL_REGION = 'us-east-1';

/** @throws UserError, which does not repeat the text: there may be a key in it */
const endpointOf = ({ s3Endpoint }: StoreAddress, env: NodeJS.ProcessEnv): string | undefined => {
	const text = s3Endpoint || env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
	if (!text) {
		return undefined;
	}
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
		throw new UserError(
			"The address of the S3 storage can't be understood; expected https://storage.studio:9000, and keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
		);
	}
	return text;
};

/** The client's own types know no option that is undefined. */
const until = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { abortSignal: signal });

const CHECK_KEYS = 'see to the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and to what they allow';

/** What S3 calls what the person who named the place, or gave the keys, can put right. */
const reasons: Readonly<Record<string, string>> = {
	NoSuchBucket: 'there is no such bucket',
	NoSuchKey: 'there is no such object',
	NotFound: 'there is no such object',
	KeyTooLongError: 'its name is too long',
	InvalidObjectState: 'it is archived; restore it first',
	AccessDenied: `access is denied; ${CHECK_KEYS}`,
	Forbidden: `access is denied; ${CHECK_KEYS}`,
	InvalidAccessKeyId: `the key is not known there; ${CHECK_KEYS}`,
	SignatureDoesNotMatch: `the secret key is not the right one; ${CHECK_KEYS}`,
	ExpiredToken: `the session has ended; ${CHECK_KEYS}`,
	CredentialsProviderError: `there are no keys; ${CHECK_KEYS}`,
};

const failure = (what: string, place: S3Place, error: unknown): unknown => {
	const { name, code } = error as { name?: string; code?: string };
	if (name === 'AbortError' || code === 'ABORT_ERR') {
		return error;
	}
	const reason = reasons[name ?? ''];
	const told = reason ?? (messageOf(error) || name || 'no answer').replace(/\.$/, '');
	const sentence = `"${s3Text(place)}" in S3 can't be ${what}: ${told}.`;
	return reason === undefined
		? new Error(sentence, { cause: error })
		: new UserError(sentence, { cause: error });
};

/**
 * Storage that speaks the S3 protocol. Keys come from the usual environment variables, or whatever else Amazon's client looks at. What has an
 * accident on the way is tried again some times; what fails for good is a UserError where the place is at fault.
 */
export class ObjectStore {
	private constructor(
		private readonly sdk: typeof import('@aws-sdk/client-s3'),
		private readonly client: S3Client,
		private readonly parts: typeof import('@aws-sdk/lib-storage'),
	) {}

	/** @throws UserError when the client is not installed, or the address is none */
	static async open(address: StoreAddress, env: NodeJS.ProcessEnv = process.env): Promise<ObjectStore> {
		const endpoint = endpointOf(address, env);
		// It says that versions of Node get old, between the lines of whoever reads what we print.
		env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
		const load = async () => {
			try {
				return [await import('@aws-sdk/client-s3'), await import('@aws-sdk/lib-storage')] as const;
			} catch {
				throw new UserError(
					'For places in S3 Amazon\'s client is needed, which is not installed; "npm install -g @aws-sdk/client-s3 @aws-sdk/lib-storage" does that.',
				);
			}
		};
		const [sdk, parts] = await load();
		const config: S3ClientConfig = {
			...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
			...(endpoint === undefined || env.AWS_REGION ? {} : { region: USUAL_REGION }),
			// Checksums that Amazon's servers take by default are unknown to others.
			...{ requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' },
			maxAttempts: MOST_TRIES,
			requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: SILENCE_MS },
		};
		return new ObjectStore(sdk, new sdk.S3Client(config), parts);
	}

	/**
	 * The objects whose keys begin as a place's does, in order.
	 *
	 * @param depth `folder`: none that lie in a folder of it; `all`
	 * @throws UserError when the bucket is not there or not allowed
	 */
	async *list(
		place: S3Place,
		depth: 'folder' | 'all',
		signal?: AbortSignal,
	): AsyncGenerator<StoredObject, void, void> {
		let next: string | undefined;
		do {
			const answer = await this.client
				.send(
					new this.sdk.ListObjectsV2Command({
						...{ Bucket: place.bucket, Prefix: place.key, ContinuationToken: next },
						...(depth === 'folder' ? { Delimiter: '/' } : {}),
					}),
					until(signal),
				)
				.catch((error: unknown) => {
					throw failure('listed', place, error);
				});
			for (const { Key: key, Size: bytes, ETag: tag, LastModified: changed } of answer.Contents ?? []) {
				// Consoles make empty objects for folders.
				if (key?.startsWith(place.key) && !key.endsWith('/')) {
					yield { bucket: place.bucket, key, bytes: bytes ?? 0, tag: tag || undefined, changed };
				}
			}
			next = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
		} while (next !== undefined);
	}

	/** The object of just that name, if there is one. */
	async find(place: S3Place, signal?: AbortSignal): Promise<StoredObject | undefined> {
		for await (const object of this.list(place, 'folder', signal)) {
			// Of all that begin with it, it is the first.
			return object.key === place.key ? object : undefined;
		}
		return undefined;
	}

	/** @throws UserError when storage does not answer, the bucket is not there, or may not be looked into */
	async requireThere(place: S3Place): Promise<void> {
		await this.find(place).catch((error: unknown) => {
			throw error instanceof UserError ? error : new UserError(messageOf(error), { cause: error });
		});
	}

	/** Whether storage answers, and lets us in. */
	isThere(place: S3Place): Promise<boolean> {
		return this.find(place).then(
			() => true,
			() => false,
		);
	}

	/** Copies an object into a file, which is there when all of it is. */
	async download(object: StoredObject, path: string, signal?: AbortSignal): Promise<void> {
		await makeFolder(dirname(path), 0o700);
		const partial = temporaryPath(path);
		try {
			const { Body } = await this.client.send(
				new this.sdk.GetObjectCommand({
					Bucket: object.bucket,
					Key: object.key,
					IfMatch: object.tag,
				}),
				until(signal),
			);
			await pipeline(Body as Readable, createWriteStream(partial, { flags: 'wx' }), { signal });
			const { size } = await stat(partial);
			if (size !== object.bytes) {
				throw new Error(`${size} of ${object.bytes} bytes came`);
			}
			await rename(partial, path);
		} catch (error) {
			await rm(partial, { force: true });
			throwIfAborted(signal);
			const system = writeFailure(path, error);
			throw system === error ? failure('read', object, error) : system;
		}
	}

	/** Copies a file into an object, which is there when all of it is: until then there is the old one, or none. */
	async upload(path: string, place: S3Place, signal?: AbortSignal): Promise<void> {
		const upload = new this.parts.Upload({
			client: this.client,
			params: { Bucket: place.bucket, Key: place.key, Body: createReadStream(path) },
		});
		const abort = (): void => {
			void upload.abort();
		};
		signal?.addEventListener('abort', abort, { once: true });
		try {
			throwIfAborted(signal);
			await upload.done();
		} catch (error) {
			throwIfAborted(signal);
			throw failure('written', place, error);
		} finally {
			signal?.removeEventListener('abort', abort);
		}
	}

	/** As {@link upload}, of something short. */
	async put(text: string, place: S3Place, signal?: AbortSignal): Promise<void> {
		await this.client
			.send(
				new this.sdk.PutObjectCommand({ Bucket: place.bucket, Key: place.key, Body: text }),
				until(signal),
			)
			.catch((error: unknown) => {
				throwIfAborted(signal);
				throw failure('written', place, error);
			});
	}

	async remove(place: S3Place, signal?: AbortSignal): Promise<void> {
		await this.client
			.send(new this.sdk.DeleteObjectCommand({ Bucket: place.bucket, Key: place.key }), until(signal))
			.catch((error: unknown) => {
				throwIfAborted(signal);
				throw failure('removed', place, error);
			});
	}

	close(): void {
		this.client.destroy();
	}
}
