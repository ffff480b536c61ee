import { openChoice } from './choose';
import { plan } from './layout';
import { openSearch } from './search';
import { openStore } from './store';

export { chosenIndices, chosenOwners, chosenSimilarities, clearChoice, pick } from './choose';
export { cells, superblockColumns, superblockRows } from './layout';
export { multiplied } from './products';
export { rank } from './rank';
export { reserveFrames, searchAll, searchCandidates } from './search';
export { allocateFrame, planeOf, storeFrame } from './store';

/** Makes this instance a matcher. */
export function openMatcher(height: i32, width: i32, channels: i32, matches: i32, candidates: i32): void {
	plan(height, width, channels);
	openStore();
	openChoice(matches);
	openSearch(candidates);
}
