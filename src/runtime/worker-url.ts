/**
 * Where a worker's compiled code is. Node can't start a worker from TypeScript source, so tests that import `src` use the
 * built worker.
 *
 * @param from `import.meta.url` of a module
 * @param name path of the worker relative to it, ending in `.js`
 */
export const workerUrl = (from: string, name: string): URL => {
	const url = new URL(name, from);
	return from.endsWith('.ts') ? new URL(url.href.replace(/\/src\/(?!.*\/src\/)/, '/dist/')) : url;
};
