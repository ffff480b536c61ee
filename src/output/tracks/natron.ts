import { cornersOf, keyframes, numberOfFrame, rounded, type Track, type Tracks } from './tracks.js';

/**
 * A script for Natron's script editor, or to be run with `from NAME import *`: it makes a Tracker with the tracks, and for a
 * plane a CornerPin as well.
 */
export const natronScript = (
	all: Tracks,
): string => `# Made by propagate. In Natron: open this file in the Script Editor and run it.
app = globals().get("app") or globals().get("app1")
REFERENCE = ${numberOfFrame(all, all.at)}
# Name, then frame: (x, y), from the bottom left.
TRACKS = [
${all.tracks.map((track) => `    (${JSON.stringify(track.name)}, ${keys(all, track)}),`).join('\n')}
]

tracker = app.createNode("fr.inria.built-in.Tracker")
context = tracker.getTrackerContext()
for name, places in TRACKS:
    track = context.createTrack()
    track.setLabel(name)
    centre = track.getParam("centerPoint")
    for frame, (x, y) in sorted(places.items()):
        centre.set(x, y, frame)
${all.isPlane ? cornerPin(all) : ''}`;

/** Natron counts from the bottom, and a pixel's centre is at its half. */
const keys = (all: Tracks, track: Track): string =>
	`{${keyframes(track)
		.map(
			([frame, { x, y }]) =>
				`${numberOfFrame(all, frame)}: (${rounded(x + 0.5)}, ${rounded(all.height - y - 0.5)})`,
		)
		.join(', ')}}`;

/** Corners are counted from the bottom left one, against the clock; `from` is where they were given. */
const cornerPin = (all: Tracks): string => {
	const [topLeft, topRight, bottomRight, bottomLeft] = cornersOf(all).map((_, n) => n) as [
		number,
		number,
		number,
		number,
	];
	return `
pin = app.createNode("net.sf.openfx.CornerPinPlugin")
for corner, at in enumerate([${[bottomLeft, bottomRight, topRight, topLeft].join(', ')}], 1):
    places = TRACKS[at][1]
    pin.getParam("from%d" % corner).set(*places[REFERENCE])
    to = pin.getParam("to%d" % corner)
    for frame, (x, y) in sorted(places.items()):
        to.set(x, y, frame)
`;
};
