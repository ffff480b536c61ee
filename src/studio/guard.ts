import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A secret that lasts as long as the server: 256 bits, in letters that an address may have. */
export const newToken = (): string => randomBytes(32).toString('base64url');

/**
 * Lets in who has opened the address with the token, and nobody else: other users of the machine don't know it, and pages of other sites
 * that know where the studio listens are told apart by `Origin`, by `Host` (a name that was made to lead here) and by what the browser
 * says of where a request comes from.
 *
 * The token comes with the first page; from there on a cookie carries it, which browsers keep from scripts and from other sites. Programs may
 * send it as `Authorization: Bearer`.
 *
 * @param portOf known when the server listens
 */
export const guard = (app: FastifyInstance, token: string, portOf: () => number): void => {
	app.addHook('onRequest', async (request, reply) => {
		const refuse = (message: string): FastifyReply => {
			if (request.headers.upgrade !== undefined) {
				// Whoever wanted a WebSocket has taken the connection out of the server's hands: nobody else would end it.
				reply.raw.once('finish', () => request.raw.socket.end());
			}
			reply.code(403);
			// A person who has opened an old address is to read a sentence.
			return request.headers.accept?.includes('text/html') === true
				? reply.type('text/plain; charset=utf-8').send(message)
				: reply.send({ message });
		};
		setHeaders(reply, portOf());
		const hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${portOf()}`);
		const { host, origin } = request.headers;
		const site = request.headers['sec-fetch-site'];
		if (host === undefined || !hosts.includes(host)) {
			return refuse(`The studio answers to ${hosts[0]} alone.`);
		}
		if (origin !== undefined && origin !== `http://${host}`) {
			return refuse('The studio takes nothing from pages of other sites.');
		}
		// An address that is opened from elsewhere (a terminal, a bookmark) is a page, and has the token or the cookie.
		if (
			site !== undefined &&
			site !== 'same-origin' &&
			!(site === 'none' || request.headers['sec-fetch-mode'] === 'navigate')
		) {
			return refuse('The studio takes nothing from pages of other sites.');
		}
		const given = tokenOf(request, portOf());
		if (given === undefined || !isEqual(given, token)) {
			return refuse(
				'This is not the address of the studio that is running; open the one that "propagate studio" printed.',
			);
		}
		if (request.method === 'GET' && 'token' in (request.query as object)) {
			reply.header('set-cookie', `${cookieName(portOf())}=${token}; HttpOnly; SameSite=Strict; Path=/`);
		}
	});
};

/** Cookies don't tell ports apart: each studio has a name of its own. */
const cookieName = (port: number): string => `propagate-${port}`;

const tokenOf = (request: FastifyRequest, port: number): string | undefined => {
	const { token } = request.query as { readonly token?: unknown };
	if (typeof token === 'string') {
		return token;
	}
	const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
	if (bearer !== undefined) {
		return bearer;
	}
	const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
	const prefix = `${cookieName(port)}=`;
	return cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length);
};

const isEqual = (a: string, b: string): boolean => {
	const [left, right] = [Buffer.from(a), Buffer.from(b)];
	return left.length === right.length && timingSafeEqual(left, right);
};

const setHeaders = (reply: FastifyReply, port: number): void => {
	reply.headers({
		// Nothing is loaded from anywhere else, and nothing is sent there.
		'content-security-policy': [
			"default-src 'none'",
			"script-src 'self'",
			"style-src 'self'",
			"img-src 'self' blob: data:",
			`connect-src 'self' ws://127.0.0.1:${port} ws://localhost:${port}`,
			"base-uri 'none'",
			"form-action 'none'",
			"frame-ancestors 'none'",
		].join('; '),
		'cache-control': 'no-store',
		'cross-origin-opener-policy': 'same-origin',
		'cross-origin-resource-policy': 'same-origin',
		// The first address has the token in it.
		'referrer-policy': 'no-referrer',
		'x-content-type-options': 'nosniff',
	});
};
