import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The development data next to the checkout; absent on an ordinary machine. */
export const sharedRoot = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** Use as `describe.skipIf(!sharedAvailable)('… (needs ../shared)')`. */
export const sharedAvailable = existsSync(sharedRoot);

/** Absolute path of a file or folder in the development data. */
export const shared = (...parts: string[]): string => `${sharedRoot}${parts.join('/')}`;
