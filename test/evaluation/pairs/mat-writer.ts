/** A MATLAB 5 file of matrices of doubles, not compressed. */
export const matFile = (
	matrices: Readonly<Record<string, { readonly rows: number; readonly values: readonly number[] }>>,
): Buffer => {
	const header = Buffer.alloc(128, ' ');
	header.write('MATLAB 5.0 MAT-file', 'latin1');
	header.writeUInt16LE(0x0100, 124);
	header.write('IM', 126, 'latin1');
	return Buffer.concat([
		header,
		...Object.entries(matrices).map(([name, { rows, values }]) => {
			const flags = Buffer.alloc(8);
			flags.writeUInt32LE(6, 0);
			const dimensions = Buffer.alloc(8);
			dimensions.writeInt32LE(rows, 0);
			dimensions.writeInt32LE(values.length / rows, 4);
			const doubles = Buffer.alloc(values.length * 8);
			values.forEach((value, i) => {
				doubles.writeDoubleLE(value, i * 8);
			});
			return element(
				14,
				Buffer.concat([
					element(6, flags),
					element(5, dimensions),
					element(1, Buffer.from(name)),
					element(9, doubles),
				]),
			);
		}),
	]);
};

const element = (type: number, data: Buffer): Buffer => {
	const tag = Buffer.alloc(8);
	tag.writeUInt32LE(type, 0);
	tag.writeUInt32LE(data.length, 4);
	return Buffer.concat([tag, data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
};
