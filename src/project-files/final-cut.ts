import { pathToFileURL } from 'node:url';
import { clipName, type Project, xmlText } from './project.js';

/**
 * A project in Final Cut Pro's XML (FCPXML 1.9, which DaVinci Resolve reads too): the clip as the storyline, its cut-out
 * connected above it.
 */
export const finalCutProject = (project: Project): string => {
	const { clip, layer, width, height, frames, clipStart, frameRate } = project;
	/** Whole frames as seconds, in the fraction that the format wants. */
	const time = (count: number): string =>
		count === 0 ? '0s' : `${count * frameRate.denominator}/${frameRate.numerator}s`;
	const asset = (id: string, path: string, length: number, sound: boolean): string =>
		`\t\t<asset id="${id}" name="${xmlText(clipName(path))}" src="${xmlText(pathToFileURL(path).href)}" start="0s" duration="${time(length)}" hasVideo="1" format="format"${sound ? ' hasAudio="1" audioSources="1" audioChannels="2"' : ''}/>`;
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.9">
	<resources>
		<format id="format" frameDuration="${time(1)}" width="${width}" height="${height}" colorSpace="1-1-1 (Rec. 709)"/>
${asset('clip', clip.path, clipStart + frames, clip.hasAudio)}
${asset('layer', layer.path, frames, false)}
	</resources>
	<library>
		<event name="${xmlText(project.title)}">
			<project name="${xmlText(project.title)}">
				<sequence format="format" duration="${time(frames)}" tcStart="0s" tcFormat="NDF">
					<spine>
						<asset-clip ref="clip" name="${xmlText(clipName(clip.path))}" offset="0s" start="${time(clipStart)}" duration="${time(frames)}">
							<asset-clip ref="layer" name="${xmlText(clipName(layer.path))}" lane="1" offset="${time(clipStart)}" start="0s" duration="${time(frames)}"/>
						</asset-clip>
					</spine>
				</sequence>
			</project>
		</event>
	</library>
</fcpxml>
`;
};
