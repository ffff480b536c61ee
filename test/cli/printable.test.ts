import { expect, test } from 'vitest';
import { printable } from '../../src/cli/printable.js';
import { xmlText } from '../../src/output/project-files/project.js';

test('what a terminal would obey is shown instead', () => {
	expect(printable('clip\u001b[2J\u0007.mp4')).toBe('clip\\u{1b}[2J\\u{7}.mp4');
	expect(printable('a\u009b31mb\u202egpj.exe')).toBe('a\\u{9b}31mb\\u{202e}gpj.exe');
	expect(printable('one\ntwo\rthree', true)).toBe('one\ntwo\\u{d}three');
	expect(printable('Größe 12 % 日本 🐻')).toBe('Größe 12 % 日本 🐻');
});

test('what XML does not allow is replaced', () => {
	expect(xmlText('a\ufffeb\uffffc\u0001d\ud800e')).toBe('a\ufffdb\ufffdc\ufffdd\ufffde');
	expect(xmlText('<&">\n🐻')).toBe('&lt;&amp;&quot;&gt;&#10;🐻');
});
