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

/**
 * What is made of each item, in their order, while `atOnce` of them are under way. All that has begun comes to an end before an error is
 * thrown: nobody is at work any more on what its caller then removes.
 */
export const mapTogether = async <Item, Result>(
	items: Iterable<Item>,
	atOnce: number,
	make: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
	const rest = items[Symbol.iterator]();
	const results: Result[] = [];
	let count = 0;
	const work = async (): Promise<void> => {
		for (let next = rest.next(); next.done !== true; next = rest.next()) {
			const at = count++;
			results[at] = await make(next.value);
		}
	};
	const ends = await Promise.allSettled(Array.from({ length: atOnce }, work));
	for (const end of ends) {
		if (end.status === 'rejected') {
			throw end.reason;
		}
	}
	return results;
};
