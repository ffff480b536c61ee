import OBSWebSocket, {
	EventSubscription,
	type OBSRequestTypes,
	type OBSResponseTypes,
} from 'obs-websocket-js/json';
import type { z } from 'zod';
import { answers, recordedPath } from './answers.js';
import { ConnectionLost, ObsError } from './obs-error.js';

/** Close codes of obs-websocket. */
const AUTHENTICATION_FAILED = 4009;
const NOT_IDENTIFIED = 4007;

/** Bytes of a message: before OBS has said who it is, and after; the largest are screenshots. */
const MAX_HELLO = 2 ** 16;
const MAX_MESSAGE = 2 ** 26;
/** Values in a message: a screenshot is one of them, and OBS lists some hundred things. */
const MAX_VALUES = 200_000;

/** Refuses messages that would take gigabytes once they are parsed. */
class BoundedSocket extends OBSWebSocket {
	protected override async decodeMessage(data: string): ReturnType<OBSWebSocket['decodeMessage']> {
		if (
			typeof data !== 'string' ||
			data.length > (this.identified ? MAX_MESSAGE : MAX_HELLO) ||
			!isSmall(data)
		) {
			this.disconnect().catch(() => {});
			throw new RangeError('The message is too large.');
		}
		return super.decodeMessage(data);
	}
}

const isSmall = (text: string): boolean => {
	let values = 0;
	for (let at = 0; at < text.length && values <= MAX_VALUES; at++) {
		const code = text.charCodeAt(at);
		values += code === 0x2c || code === 0x5b || code === 0x7b ? 1 : 0;
	}
	return values <= MAX_VALUES;
};

/** What is used of an answer was looked at; the others are not read. */
type Answer<Type extends keyof OBSRequestTypes> = Type extends keyof typeof answers
	? z.infer<(typeof answers)[Type]>
	: OBSResponseTypes[Type];

export type ConnectionOptions = {
	readonly url: string;
	readonly password: string | undefined;
	/** How long OBS may take for an answer. */
	readonly timeoutMs: number;
};

/**
 * A connection whose calls always settle: with obs-websocket-js alone they never do once the socket is gone, and
 * connecting has no time limit.
 */
export class ObsConnection {
	readonly #socket = new BoundedSocket();
	readonly #timeoutMs: number;
	readonly #lost: Promise<never>;
	/** Resolves when OBS or the network has ended the connection. */
	readonly closed: Promise<void>;

	private constructor(timeoutMs: number) {
		this.#timeoutMs = timeoutMs;
		this.closed = new Promise((resolve) => this.#socket.once('ConnectionClosed', () => resolve()));
		this.#lost = this.closed.then(() => {
			throw new ConnectionLost('OBS ended the connection.');
		});
		// Calls race against this; between calls nobody listens.
		this.#lost.catch(() => {});
	}

	/**
	 * @throws ObsError for a wrong or missing password
	 * @throws ConnectionLost when OBS does not answer
	 */
	static async open({ url, password, timeoutMs }: ConnectionOptions): Promise<ObsConnection> {
		const connection = new ObsConnection(timeoutMs);
		const { General, Outputs } = EventSubscription;
		const identified = connection.#socket.connect(url, password, { eventSubscriptions: General | Outputs });
		try {
			await within(timeoutMs, `OBS at ${url}`, identified);
		} catch (error) {
			identified.catch(() => {});
			connection.close();
			throw connectionFailure(error, url, password !== undefined);
		}
		return connection;
	}

	/**
	 * Calls a request of obs-websocket.
	 *
	 * @throws ObsError with OBS's own words when it refuses
	 * @throws ConnectionLost when it is gone or silent
	 */
	async call<Type extends keyof OBSRequestTypes>(
		type: Type,
		data?: OBSRequestTypes[Type],
	): Promise<Answer<Type>> {
		const answer = this.#socket.call(type, data);
		answer.catch(() => {});
		try {
			const given = await within(this.#timeoutMs, `OBS (${type})`, Promise.race([answer, this.#lost]));
			const parsed = (answers as Partial<Record<string, z.ZodType>>)[type]?.safeParse(given);
			if (parsed?.success === false) {
				throw new ObsError(
					`What answers as OBS does not answer ${type} as OBS does; check --address, or update OBS.`,
				);
			}
			return (parsed === undefined ? given : parsed.data) as Answer<Type>;
		} catch (error) {
			if (error instanceof ConnectionLost || error instanceof ObsError) {
				throw error;
			}
			throw new ObsError(`OBS refused ${type}: ${error instanceof Error ? error.message : String(error)}`, {
				cause: error,
			});
		}
	}

	/** Calls back with the path of every recording and replay that OBS has finished writing. */
	onRecorded(callback: (path: string) => void): void {
		const tell = (path: unknown): void => {
			const parsed = recordedPath.safeParse(path);
			if (parsed.success) {
				callback(parsed.data);
			}
		};
		this.#socket.on('RecordStateChanged', (event: unknown) => {
			const { outputState, outputPath } = Object(event) as Record<string, unknown>;
			if (outputState === 'OBS_WEBSOCKET_OUTPUT_STOPPED') {
				tell(outputPath);
			}
		});
		this.#socket.on('ReplayBufferSaved', (event: unknown) =>
			tell((Object(event) as Record<string, unknown>).savedReplayPath),
		);
	}

	/** Ends the connection without waiting for OBS, which may no longer be there to agree. */
	close(): void {
		this.#socket.disconnect().catch(() => {});
	}
}

const within = async <Value>(ms: number, who: string, promise: Promise<Value>): Promise<Value> => {
	let timer: NodeJS.Timeout | undefined;
	const timeout = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new ConnectionLost(`${who} has not answered for ${ms / 1000} s.`)), ms);
	});
	try {
		return await Promise.race([promise, timeout]);
	} finally {
		clearTimeout(timer);
	}
};

const connectionFailure = (error: unknown, url: string, withPassword: boolean): Error => {
	const code = (error as { code?: unknown }).code;
	if (code === AUTHENTICATION_FAILED || code === NOT_IDENTIFIED) {
		return new ObsError(
			withPassword
				? 'OBS refused the password; it is shown under Tools > WebSocket Server Settings > Show Connect Info.'
				: 'OBS asks for a password; put it into OBS_WEBSOCKET_PASSWORD or a file named with --password-file.',
		);
	}
	if (error instanceof ConnectionLost) {
		return error;
	}
	return new ConnectionLost(
		`OBS does not answer at ${url}; start it and turn on Tools > WebSocket Server Settings.`,
		{ cause: error },
	);
};
