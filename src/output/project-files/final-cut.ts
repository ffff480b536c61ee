import { pathToFileURL } from 'node:url';
import { clipName, type Project, xmlText } from './project.js';

/**
 * A project in Final Cut Pro's XML (FCPXML 1.9, which DaVinci Resolve reads too): the clip as the storyline, its cut-out
 * connected above it.
 */
export const finalCutProject = (project: Project): string => {
	const { clip, layer, width, height, frames, clipStart, frameRate } = project;
	const timecode = project.timecode ?? { clip: 0, layer: 0, isDropped: false };
	/** The clip's first frame on the timeline. A sequence without timecode begins at 0. */
	const first = timecode.clip + clipStart;
	const sequenceStart = project.timecode ? first : 0;
	/** Whole frames as seconds, in the fraction that the format wants. */
	const time = (count: number): string =>
		count === 0 ? '0s' : `${count * frameRate.denominator}/${frameRate.numerator}s`;
	const asset = (id: string, path: string, start: number, length: number, sound: boolean): string =>
		`\t\t<asset id="${id}" name="${xmlText(clipName(path))}" src="${xmlText(pathToFileURL(path).href)}" start="${time(start)}" duration="${time(length)}" hasVideo="1" format="format"${sound ? ' hasAudio="1" audioSources="1" audioChannels="2"' : ''}/>`;
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.9">
	<resources>
		<format id="format" frameDuration="${time(1)}" width="${width}" height="${height}" colorSpace="1-1-1 (Rec. 709)"/>
${asset('clip', clip.path, timecode.clip, clipStart + frames, clip.hasAudio)}
${asset('layer', layer.path, timecode.layer, frames, false)}
	</resources>
	<library>
		<event name="${xmlText(project.title)}">
			<project name="${xmlText(project.title)}">
				<sequence format="format" duration="${time(frames)}" tcStart="${time(sequenceStart)}" tcFormat="${timecode.isDropped ? 'DF' : 'NDF'}">
					<spine>
						<asset-clip ref="clip" name="${xmlText(clipName(clip.path))}" offset="${time(sequenceStart)}" start="${time(first)}" duration="${time(frames)}">
							<asset-clip ref="layer" name="${xmlText(clipName(layer.path))}" lane="1" offset="${time(first)}" start="${time(timecode.layer)}" duration="${time(frames)}"/>
						</asset-clip>
					</spine>
				</sequence>
			</project>
		</event>
	</library>
</fcpxml>
`;
};
