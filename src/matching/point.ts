/** x, y in pixels of an image as displayed; top-left origin, pixel centres at integers. */
export type Point = readonly [x: number, y: number];
