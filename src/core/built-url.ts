/**
 * Where a file is that `npm run build` made: a worker's code, the kernels. Node can't start a worker from TypeScript source, so
 * tests that import `src` use what was built.
 *
 * @param from `import.meta.url` of a module
 * @param name path of the file relative to it, as it is in `dist`
 */
export const builtUrl = (from: string, name: string): URL => {
	const url = new URL(name, from);
	return from.endsWith('.ts') ? new URL(url.href.replace(/\/src\/(?!.*\/src\/)/, '/dist/')) : url;
};
