/** Something the person at the keyboard can put right: one sentence that says what is wrong and what would be right. */
export class ObsError extends Error {
	override name = 'ObsError';
}

/** OBS went away; a watcher tries again, everything else gives up. */
export class ConnectionLost extends Error {
	override name = 'ConnectionLost';
}
