import { render } from 'preact';
import { App } from './app';
import { start } from './app-state';
import { listenToKeys } from './shortcuts';

const place = document.getElementById('studio');
if (place !== null) {
	render(<App />, place);
	listenToKeys();
	void start();
}
