/** The command line of the windowed shells. */
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openerOf } from '../../../src/main/open-address.ts';
import { parseShellArguments } from '../../../src/main/shell-arguments.ts';

describe('the command line', () => {
  test('without a word means a free port, the default project and the browser', () => {
    const nothing = { projectFolder: null, folders: [], port: 0, openBrowser: true, readOnly: false, provider: null };
    expect(parseShellArguments([])).toEqual(nothing);
  });

  test('names project and folders by paths that do not depend on where it stands', () => {
    const { projectFolder, folders } = parseShellArguments(['--project', 'a', '--folder', 'b', '--folder', '/c']);
    expect([projectFolder, ...folders]).toEqual([resolve('a'), resolve('b'), '/c']);
  });

  test.each([
    [['--port', '65536'], /--port 65536/],
    [['--port', '-1'], /port/],
    [['--port', 'many'], /--port many/],
    [['--provider', 'tpu'], /--provider tpu.*auto, cpu/],
    [['--provider', 'constructor'], /--provider constructor/],
    [['--projekt', 'x'], /--projekt.*usage/],
    [['--project'], /--project.*usage/],
    [['stray'], /stray.*usage/],
  ])('%j is refused with a sentence that names it', (args, sentence) => {
    expect(() => parseShellArguments(args)).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(sentence) }),
    );
  });

  test('asks to look only', () => {
    expect(parseShellArguments(['--read-only']).readOnly).toBe(true);
  });

  test('of Electron may carry Chromium’s own words', () => {
    const args = ['/program', '--no-sandbox', '--project', '/p', '--enable-features=X'];
    expect(parseShellArguments(args, true).projectFolder).toBe('/p');
    expect(() => parseShellArguments(['--project'], true)).toThrow(/--project wants a value/);
  });
});

describe('the browser', () => {
  test('is opened by a program and never by a shell', () => {
    expect(openerOf('darwin', {})).toEqual(['open']);
    expect(openerOf('win32', {})?.[0]).toBe('rundll32');
    expect(openerOf('linux', { DISPLAY: ':0' })).toEqual(['xdg-open']);
    expect(openerOf('linux', { WAYLAND_DISPLAY: 'wayland-0' })).toEqual(['xdg-open']);
  });

  test('is not looked for where there is no display', () => {
    expect(openerOf('linux', {})).toBeNull();
    expect(openerOf('linux', { DISPLAY: '' })).toBeNull();
  });
});
