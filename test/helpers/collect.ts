/** Everything that an async iterable yields. (`Array.fromAsync` needs Node 22.) */
export const collect = async <Item>(items: AsyncIterable<Item>): Promise<Item[]> => {
	const collected: Item[] = [];
	for await (const item of items) {
		collected.push(item);
	}
	return collected;
};
