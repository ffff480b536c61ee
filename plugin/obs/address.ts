import { isIP } from 'node:net';
import { ObsError } from './obs-error.js';

const isLoopback = (host: string): boolean =>
	host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/**
 * The server's URL from `host`, `host:port` or `ws://host:port`.
 *
 * @throws ObsError for another machine unless `allowRemote`: the connection is not encrypted, so everything that OBS
 * shows and the answer to its password challenge would cross the network in the clear
 */
export const serverUrl = (address: string, allowRemote: boolean): string => {
	let url: URL;
	try {
		url = new URL(address.includes('://') ? address : `ws://${address}`);
	} catch {
		throw new ObsError(`"${address}" is not an address of OBS; give host:port, such as 127.0.0.1:4455.`);
	}
	if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
		throw new ObsError(
			`"${address}" is not an address of OBS; it begins with ws:// or wss://, or with the host.`,
		);
	}
	const host = url.hostname.replace(/^\[|\]$/g, '');
	if (!isLoopback(host) && !allowRemote) {
		throw new ObsError(
			`"${host}" is another machine; add --allow-remote if OBS there may be controlled over your network.`,
		);
	}
	return `${url.protocol}//${url.hostname}:${url.port || '4455'}`;
};
