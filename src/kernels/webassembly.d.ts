/** The parts of JavaScript's WebAssembly interface used here; TypeScript has them only among the browser's types. */
declare namespace WebAssembly {
	class Memory {
		constructor(size: { readonly initial: number; readonly maximum?: number });
		readonly buffer: ArrayBuffer;
		/** Adds pages of 64 KiB; detaches `buffer`. */
		grow(pages: number): number;
	}
	class Module {
		constructor(bytes: Uint8Array);
	}
	class Instance {
		constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
		readonly exports: Readonly<Record<string, unknown>>;
	}
}
