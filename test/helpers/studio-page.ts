import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { chromium } from './studio.js';

/** A browser, and what went wrong in any of its pages. */
export class StudioBrowser {
	/** Errors of the page, and requests that leave the machine. */
	readonly problems: string[] = [];

	private constructor(private readonly browser: Browser) {}

	static async start(): Promise<StudioBrowser> {
		return new StudioBrowser(
			await playwright.launch({
				...{ executablePath: chromium ?? '', args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] },
			}),
		);
	}

	/** Opens the page as somebody else would, with storage of its own. */
	async open(address: string): Promise<StudioPage> {
		const context = await this.browser.newContext({ viewport: { width: 1280, height: 720 } });
		return this.#opened(await context.newPage(), address);
	}

	/** Opens another window of the same browser. */
	async openBeside({ page }: StudioPage, address: string): Promise<StudioPage> {
		return this.#opened(await page.context().newPage(), address);
	}

	/** Of all that the browser consists of. */
	async processIds(): Promise<number[]> {
		const session = await this.browser.newBrowserCDPSession();
		const { processInfo } = await session.send('SystemInfo.getProcessInfo');
		await session.detach();
		return processInfo.map(({ id }) => id);
	}

	close(): Promise<void> {
		return this.browser.close();
	}

	async #opened(page: Page, address: string): Promise<StudioPage> {
		this.#watch(page);
		await page.goto(address);
		return new StudioPage(page);
	}

	#watch(page: Page): void {
		page.on('pageerror', (error) => this.problems.push(error.message));
		page.on('console', (message) => {
			const text = message.text();
			if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(text)) {
				this.problems.push(text);
			}
		});
		page.on('request', (request) => {
			const { hostname } = new URL(request.url());
			if (!['127.0.0.1', ''].includes(hostname)) {
				this.problems.push(`left the machine: ${request.url()}`);
			}
		});
	}
}

/** The page, used as somebody would use it. */
export class StudioPage {
	constructor(readonly page: Page) {}

	/** A stroke from one place to another, in parts of the stage. */
	async stroke(...points: readonly (readonly [number, number])[]): Promise<void> {
		const { mouse } = this.page;
		for (const [at, point] of points.entries()) {
			await mouse.move(...(await this.onStage(point)), { steps: at === 0 ? 1 : 5 });
			if (at === 0) {
				await mouse.down();
			}
		}
		await mouse.up();
	}

	/** In pixels of the window. @param point in parts of the stage */
	async onStage([x, y]: readonly [number, number]): Promise<[number, number]> {
		const box = await this.page.getByTestId('stage').boundingBox();
		if (box === null) {
			throw new Error('There is no stage.');
		}
		return [box.x + x * box.width, box.y + y * box.height];
	}

	press(...keys: readonly string[]): Promise<void> {
		return keys.reduce<Promise<void>>(
			(before, key) => before.then(() => this.page.keyboard.press(key)),
			Promise.resolve(),
		);
	}

	/** As soon as what was painted is on disk. */
	async saved(): Promise<void> {
		await this.page.getByTestId('saved').getByText('Saved').waitFor();
	}

	async frame(): Promise<number> {
		return Number(await this.page.getByTestId('clock').locator('strong').textContent());
	}

	/** With the keys, from the first frame on. */
	async goTo(wanted: number): Promise<void> {
		await this.press('Home');
		await this.press(...Array.from({ length: Math.floor(wanted / 10) }, () => 'Shift+ArrowRight'));
		await this.press(...Array.from({ length: wanted % 10 }, () => 'ArrowRight'));
		await this.shows(`Frame ${wanted},`);
	}

	/** Waits until the stage shows a frame. @param label the beginning of what is said of it, `Frame 3, painted` */
	async shows(label: string): Promise<void> {
		await this.page.getByLabel(label).waitFor();
	}

	async says(text: string | RegExp): Promise<void> {
		await this.page.getByText(text).first().waitFor();
	}

	async runToEnd(): Promise<void> {
		await this.page.getByTestId('run').click();
		await this.page.getByText('All frames are done').waitFor({ timeout: 120_000 });
	}

	/** Milliseconds from the mouse button, up after a stroke, to the picture with what the engine makes of it. */
	strokeTime(...points: readonly (readonly [number, number])[]): Promise<number> {
		const isThinking = "document.querySelector('[data-testid=marking]') !== null";
		return this.#timeOf('pointerup', `(seen ||= ${isThinking}) && !${isThinking}`, () =>
			this.stroke(...points),
		);
	}

	/** Milliseconds from a click to the picture of a frame. @param label of the stage, `Frame 3,` */
	clickTime(x: number, y: number, label: string): Promise<number> {
		const stage = "document.querySelector('[data-testid=stage]')";
		return this.#timeOf('pointerdown', `${stage}.getAttribute('aria-label').startsWith('${label}')`, () =>
			this.page.mouse.click(x, y),
		);
	}

	/** Measured in the page, from an event to the first picture in which something is so. */
	async #timeOf(event: string, is: string, act: () => Promise<void>): Promise<number> {
		await this.page.evaluate(`window.measured = new Promise((resolve) => {
			let began, seen = false;
			addEventListener('${event}', () => { began = performance.now(); }, { capture: true, once: true });
			const look = () => (${is}) && began !== undefined
				? resolve(performance.now() - began) : requestAnimationFrame(look);
			look();
		}); 0`);
		await act();
		return Number(await this.page.evaluate('window.measured'));
	}

	/** Opens a sample, and gives its first frame the mask that comes with it, unless an earlier time has. */
	async openMarked(name: string, mask: string): Promise<void> {
		await this.page.getByTestId(`sample-${name}`).click();
		const isPainted = this.page.getByLabel('Frame 0, painted');
		await isPainted.or(this.page.getByLabel('Frame 0, no mask yet')).waitFor();
		if ((await isPainted.count()) === 0) {
			await this.page.getByTestId('mask-file').setInputFiles(mask);
			await isPainted.waitFor();
			await this.saved();
		}
	}
}
