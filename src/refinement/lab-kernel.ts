import {
	assign,
	differenceOfReals,
	forEach,
	isLess,
	loadedByte,
	loadedFrom,
	loadedReal,
	product,
	productOfReals,
	quotient,
	real,
	smaller,
	storeReal,
	sum,
	sumOfReals,
	truncated,
} from '../wasm/expressions.js';
import { add, advance, type Code, compileKernel, F64, get, I32, repeatWhile, set } from '../wasm/module.js';

/** Byte addresses of the tables that the kernel reads. */
export type LabTables = {
	/** float32 [256]: linear light of an 8-bit sRGB value. */
	readonly linear: number;
	/** float32 [curveSteps + 1]: the cube-root curve of L*a*b* from 0 to 1. */
	readonly curve: number;
	readonly curveSteps: number;
};

/**
 * Converts blocks of an image's pixels to L*a*b*.
 *
 * `image` is the byte address of RGB pixels, rows `rowBytes` apart; from `runs` to `runsEnd` lie the first numbers and the ends of
 * runs of blocks, int32 [runs, 2], in a picture of `width` blocks a row. Float32 planes are written to `planes`, `planeBytes` apart.
 */
export type LabKernel = (
	image: number,
	rowBytes: number,
	runs: number,
	runsEnd: number,
	width: number,
	planes: number,
	planeBytes: number,
) => void;

/** sRGB to XYZ relative to the D65 white point. */
const XYZ = [
	[0.433953, 0.376219, 0.189828],
	[0.212671, 0.71516, 0.072169],
	[0.017758, 0.109477, 0.872766],
] as const;

/** @param factor sides of a block, in pixels */
export const compileLabKernel = (
	memory: WebAssembly.Memory,
	factor: number,
	{ linear, curve, curveSteps }: LabTables,
): LabKernel => {
	const [image, rowBytes, runs, runsEnd, width, planes, planeBytes] = [0, 1, 2, 3, 4, 5, 6];
	const [run, block, end, row, at, pixel, to] = [7, 8, 9, 10, 11, 12, 13];
	const rgb = [14, 15, 16] as const;
	const xyz = [17, 18, 19] as const;
	const area = factor * factor;

	/** The mean of a block's bytes of one channel, rounded, in linear light. */
	const linearMean = (channel: number): Code => {
		const across = Array.from({ length: factor }, (_, dx) => loadedByte(get(pixel), 3 * dx + channel));
		const total = Array.from({ length: factor }, (_, dy) => [
			...assign(pixel, dy === 0 ? get(at) : sum(get(pixel), get(rowBytes))),
			...sum(0, ...across),
			...(dy === 0 ? [] : add),
		]).flat();
		const rounded = quotient(sum(product(total, 2), area), 2 * area);
		return loadedReal(sum(product(rounded, 4), linear));
	};
	const curved = (weights: readonly [number, number, number]): Code => {
		const [r, g, b] = weights.map((weight, channel) =>
			productOfReals(real(weight), get(rgb[channel] as number)),
		) as [Code, Code, Code];
		const step = truncated(sumOfReals(productOfReals(sumOfReals(r, g, b), real(curveSteps)), real(0.5)));
		return loadedReal(sum(product(smaller(step, curveSteps), 4), curve));
	};
	const [fx, fy, fz] = xyz.map((local) => get(local)) as [Code, Code, Code];
	const convert = [
		...rgb.flatMap((local, channel) => [...linearMean(channel), ...set(local)]),
		...xyz.flatMap((local, axis) => [...curved(XYZ[axis] as (typeof XYZ)[number]), ...set(local)]),
		...storeReal(get(to), differenceOfReals(productOfReals(real(1.16), fy), real(0.16))),
		...storeReal(sum(get(to), get(planeBytes)), productOfReals(real(5), differenceOfReals(fx, fy))),
		...storeReal(
			sum(get(to), get(planeBytes), get(planeBytes)),
			productOfReals(real(2), differenceOfReals(fy, fz)),
		),
	];
	return compileKernel(
		{
			parameters: Array(7).fill(I32),
			locals: [...Array(7).fill(I32), ...Array(6).fill(F64)],
			body: forEach(
				run,
				{ from: get(runs), until: get(runsEnd), step: 8 },
				assign(block, loadedFrom(get(run))),
				assign(end, loadedFrom(get(run), 4)),
				assign(row, quotient(get(block), get(width))),
				assign(
					at,
					sum(
						get(image),
						product(get(row), get(rowBytes), factor),
						product(sum(get(block), product(get(row), get(width), -1)), 3 * factor),
					),
				),
				assign(to, sum(get(planes), product(get(block), 4))),
				repeatWhile(
					convert,
					advance(at, 3 * factor),
					advance(to, 4),
					advance(block, 1),
					isLess(get(block), get(end)),
				),
			),
		},
		memory,
	);
};
