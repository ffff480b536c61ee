/** What a method scores on all of a set, and on each category of it. */
export type MethodScoreOf<Score> = Score & {
	readonly method: string;
	readonly categories: Readonly<Record<string, Score>>;
};

/**
 * Scores methods over everything they were measured on, and by category.
 *
 * @param measured of each method, in the methods' order
 */
export const scoreMethods = <Measured extends { readonly category: string }, Score>(
	methods: readonly { readonly name: string }[],
	measured: readonly (readonly Measured[])[],
	scoreOf: (measured: readonly Measured[]) => Score,
): MethodScoreOf<Score>[] =>
	methods.map(({ name }, index) => {
		const all = measured[index] ?? [];
		const categories = [...new Set(all.map(({ category }) => category))];
		return {
			method: name,
			...scoreOf(all),
			categories: Object.fromEntries(
				categories.map((category) => [category, scoreOf(all.filter((one) => one.category === category))]),
			),
		};
	});
