import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** CUDA is listed even where its libraries were never downloaded; trying it then would print a runtime error. */
export const cudaInstalled = (): boolean => {
	const binaries = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '../bin');
	return readdirSync(binaries, { recursive: true, encoding: 'utf8' }).some((file) =>
		/onnxruntime_providers_cuda\.(so|dll)$/.test(file),
	);
};
