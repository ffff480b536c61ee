/**
 * The same promise, whose rejection is met later, when its turn comes: until then it must not count as unhandled, which would end
 * the process.
 */
export const handled = <Result>(promise: Promise<Result>): Promise<Result> => {
	promise.catch(() => {});
	return promise;
};
