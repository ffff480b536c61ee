import { Icon } from './icons';

/** A button that asks for a picture on the disk. */
export const FileButton = ({
	label,
	title,
	testId,
	onFile,
}: {
	readonly label: string;
	readonly title: string;
	readonly testId: string;
	readonly onFile: (file: File) => void;
}) => (
	<label class="file small" title={title}>
		<Icon name="folder" /> {label}
		<input
			type="file"
			class="visually-hidden"
			accept="image/*"
			data-testid={testId}
			onChange={(event) => {
				const file = event.currentTarget.files?.[0];
				event.currentTarget.value = '';
				if (file !== undefined) {
					onFile(file);
				}
			}}
		/>
	</label>
);
