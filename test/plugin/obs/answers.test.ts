import { type EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { ObsConnection } from '../../../plugin/obs/connection.js';
import { ConnectionLost, ObsError } from '../../../plugin/obs/obs-error.js';

type Socket = EventEmitter & { send(text: string): void; terminate(): void };
type Server = EventEmitter & {
	readonly clients: Set<Socket>;
	address(): { readonly port: number };
	close(): void;
};

/** What obs-websocket-js itself speaks through. */
const { WebSocketServer } = createRequire(import.meta.url)('ws') as {
	WebSocketServer: new (options: { port: number; host: string; handleProtocols: () => string }) => Server;
};

/** Something that listens where OBS should, and answers as it is told. */
const impostor = async (hello: string, answer: (request: string) => unknown) => {
	const server = new WebSocketServer({
		port: 0,
		host: '127.0.0.1',
		handleProtocols: () => 'obswebsocket.json',
	});
	await once(server, 'listening');
	server.on('connection', (socket: Socket) => {
		socket.send(hello);
		socket.on('message', (data: unknown) => {
			const { op, d } = JSON.parse(String(data)) as {
				op: number;
				d: { requestId: string; requestType: string };
			};
			if (op === 1) {
				socket.send('{"op":2,"d":{"negotiatedRpcVersion":1}}');
			} else {
				const status = { result: true, code: 100 };
				const { requestId, requestType } = d;
				socket.send(
					JSON.stringify({
						op: 7,
						d: { requestId, requestType, requestStatus: status, responseData: answer(requestType) },
					}),
				);
			}
		});
	});
	const { port } = server.address();
	return {
		open: () => ObsConnection.open({ url: `ws://127.0.0.1:${port}`, password: undefined, timeoutMs: 5000 }),
		close: () => {
			for (const client of server.clients) {
				client.terminate();
			}
			server.close();
		},
	};
};

const hello = '{"op":0,"d":{"obsWebSocketVersion":"5.5.0","rpcVersion":1}}';

describe('what answers in the place of OBS', () => {
	test.each([undefined, null, [], {}, { imageData: 7 }, { imageData: 'data:text/html;base64,AAAA' }])(
		'is refused in a sentence when a screenshot is %j',
		async (given) => {
			const { open, close } = await impostor(hello, () => given);
			const obs = await open();
			const call = obs.call('GetSourceScreenshot', { sourceName: 'a', imageFormat: 'png' });
			await expect(call).rejects.toThrow(ObsError);
			await expect(call).rejects.toThrow(/does not answer GetSourceScreenshot as OBS does/);
			obs.close();
			close();
		},
	);

	test('is heard when it answers as OBS does', async () => {
		const { open, close } = await impostor(hello, () => ({ currentProgramSceneName: 'Scene', more: 1 }));
		const obs = await open();
		expect(await obs.call('GetCurrentProgramScene')).toEqual({ currentProgramSceneName: 'Scene' });
		obs.close();
		close();
	});

	test('is left when it says hello with megabytes', async () => {
		const large = hello.replace('5.5.0', 'x'.repeat(2 ** 21));
		const { open, close } = await impostor(large, () => ({}));
		await expect(open()).rejects.toThrow(ConnectionLost);
		close();
	});

	test('is left when an answer would fill memory', async () => {
		const many = Array.from({ length: 300_000 }, () => []);
		const { open, close } = await impostor(hello, () => ({ scenes: many, currentProgramSceneName: 'a' }));
		const obs = await open();
		await expect(obs.call('GetSceneList')).rejects.toThrow(ConnectionLost);
		close();
	});
});
