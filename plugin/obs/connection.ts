import OBSWebSocket, {
	EventSubscription,
	type OBSRequestTypes,
	type OBSResponseTypes,
} from 'obs-websocket-js';
import { ConnectionLost, ObsError } from './obs-error.js';

/** Close codes of obs-websocket. */
const AUTHENTICATION_FAILED = 4009;
const NOT_IDENTIFIED = 4007;

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
	readonly #socket = new OBSWebSocket();
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
	): Promise<OBSResponseTypes[Type]> {
		const answer = this.#socket.call(type, data);
		answer.catch(() => {});
		try {
			return await within(this.#timeoutMs, `OBS (${type})`, Promise.race([answer, this.#lost]));
		} catch (error) {
			if (error instanceof ConnectionLost) {
				throw error;
			}
			throw new ObsError(`OBS refused ${type}: ${error instanceof Error ? error.message : String(error)}`, {
				cause: error,
			});
		}
	}

	/** Calls back with the path of every recording and replay that OBS has finished writing. */
	onRecorded(callback: (path: string) => void): void {
		this.#socket.on('RecordStateChanged', ({ outputState, outputPath }) => {
			if (outputState === 'OBS_WEBSOCKET_OUTPUT_STOPPED' && outputPath) {
				callback(outputPath);
			}
		});
		this.#socket.on('ReplayBufferSaved', ({ savedReplayPath }) => callback(savedReplayPath));
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
