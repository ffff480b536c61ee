import { describe, expect, it } from 'vitest';
import { serverUrl } from '../../../plugin/obs/address.js';

describe('the address of OBS', () => {
	it('may be written with or without port and scheme', () => {
		expect(serverUrl('localhost', false)).toBe('ws://localhost:4455');
		expect(serverUrl('127.0.0.1:4444', false)).toBe('ws://127.0.0.1:4444');
		expect(serverUrl('[::1]:4444', false)).toBe('ws://[::1]:4444');
		expect(serverUrl('wss://localhost:4444', false)).toBe('wss://localhost:4444');
	});

	it('is this machine unless another is allowed', () => {
		for (const other of ['192.168.1.7', 'studio.example', '0.0.0.0', '127.0.0.1.example:4455', '[::2]']) {
			expect(() => serverUrl(other, false)).toThrow(/another machine; add --allow-remote/);
		}
		expect(serverUrl('studio.example', true)).toBe('ws://studio.example:4455');
	});

	it('is refused with a sentence when it is none', () => {
		expect(() => serverUrl('http://localhost', false)).toThrow(/begins with ws:/);
		expect(() => serverUrl('127.0.0.1:port', false)).toThrow(/give host:port/);
	});
});
