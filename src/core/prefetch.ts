/**
 * The same promise, whose rejection is met later, when its turn comes: until then it must not count as unhandled, which would end
 * the process.
 */
export const handled = <Result>(promise: Promise<Result>): Promise<Result> => {
	promise.catch(() => {});
	return promise;
};

/**
 * Reads ahead: while the consumer works on one item, the next `depth` are already being made.
 * Ends the source when the consumer stops early.
 */
export async function* prefetch<Item>(source: AsyncIterable<Item>, depth: number): AsyncGenerator<Item> {
	const iterator = source[Symbol.asyncIterator]();
	const ahead: Promise<IteratorResult<Item>>[] = [];
	const request = (): void => {
		ahead.push(handled(iterator.next()));
	};
	try {
		for (let i = 0; i < depth; i++) {
			request();
		}
		for (;;) {
			request();
			const result = await ahead.shift();
			if (result === undefined || result.done) {
				return;
			}
			yield result.value;
		}
	} finally {
		await Promise.allSettled(ahead);
		await iterator.return?.();
	}
}
