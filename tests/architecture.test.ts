/**
 * House rules that the compiler cannot hold: who may import whom, one door per package, sizes and names. Each failure
 * prints a sentence that says why the rule is there; if the code is right and the rule is wrong, change the rule here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cyclesIn, existsInProject, type Import, importsOf, root, sourcesIn } from './fixtures/source-imports.ts';

const sources = sourcesIn('src');
const tests = sourcesIn('tests');
const imports = sources.flatMap((source) => source.imports);

/** Fails with the reason first and the offenders below it. */
function expectNone(offenders: readonly string[], because: string): void {
  expect(offenders, because).toEqual([]);
}

const arrow = ({ from, specifier }: Import) => `${from} → ${specifier}`;
const matching = (rule: (one: Import) => boolean) => imports.filter(rule).map(arrow);
const isIn = (path: string | null, folder: string) => path?.startsWith(`${folder}/`) ?? false;
/** True for files directly in a folder. */
const isDirectlyIn = (path: string | null, folder: string) =>
  isIn(path, folder) && path?.split('/').length === folder.split('/').length + 1;

describe('the reader of imports', () => {
  const read = (text: string) =>
    importsOf('src/core/a.ts', text).map(({ file, package: name, typeOnly }) => [file ?? name, typeOnly]);

  test.each([
    ["import { a } from './b.ts';", ['src/core/b.ts', false]],
    ["import type { A } from '../main/b.ts';", ['src/main/b.ts', true]],
    ["import {\n  a,\n  b,\n} from '@scope/name/deep';", ['@scope/name', false]],
    ["import 'node:fs/promises';", ['node:fs', false]],
    ["export { a } from 'pack/age';", ['pack', false]],
    ["export * as all from './b.ts';", ['src/core/b.ts', false]],
    ["const a = await import('lazy');", ['lazy', false]],
  ])('sees %j', (text, expected) => {
    expect(read(text)).toEqual([expected]);
  });

  test('is not fooled by comments and plain exports', () => {
    expect(
      read("/* import 'a' */\n// import 'b'\nexport const from = 'c';\nexport function f() { return 'd'; }"),
    ).toEqual([]);
  });
});

test('the search for rings finds one, and takes no type import for a link', () => {
  const file = (path: string, text: string) => ({ path, text, imports: importsOf(path, text) });
  const a = file('src/a.ts', "import { b } from './b.ts';");
  const b = file('src/b.ts', "import { c } from './c.ts';");
  expect(cyclesIn([a, b, file('src/c.ts', "import { a } from './a.ts';")])).toEqual([
    ['src/a.ts', 'src/b.ts', 'src/c.ts', 'src/a.ts'],
  ]);
  expect(cyclesIn([a, b, file('src/c.ts', "import type { A } from './a.ts';")])).toEqual([]);
});

describe('four runtimes', () => {
  test('are the only folders of src', () => {
    const because = 'a folder of src is a place where code runs; anything else hides which libraries it may use';
    const others = readdirSync(join(root, 'src')).filter(
      (name) => !['core', 'main', 'preload', 'renderer'].includes(name),
    );
    expectNone(others, because);
  });

  test('core stands alone', () => {
    const because =
      'core is what is true without a computer: no package, no Node, no DOM, so that it runs and is tested anywhere';
    expectNone(
      matching((one) => isIn(one.from, 'src/core') && !isIn(one.file, 'src/core')),
      because,
    );
  });

  test('a window never reaches into main, nor main into a window', () => {
    const because = 'they run in different processes and meet at the contract only';
    const directions: readonly (readonly [string, readonly string[]])[] = [
      ['src/renderer', ['src/main', 'src/preload']],
      ['src/main', ['src/renderer', 'src/preload']],
      ['src/preload', ['src/main', 'src/renderer']],
    ];
    expectNone(
      directions.flatMap(([from, to]) =>
        matching((one) => isIn(one.from, from) && to.some((folder) => isIn(one.file, folder))),
      ),
      because,
    );
  });

  test('the preload carries nothing', () => {
    const because = 'a sandboxed preload can load electron and nothing else when it runs';
    expectNone(
      matching((one) => isIn(one.from, 'src/preload') && !one.typeOnly && one.package !== 'electron'),
      because,
    );
  });

  test('sources never import tests or scripts', () => {
    const because = 'what ships must not need what does not';
    expectNone(
      matching((one) => one.file !== null && !isIn(one.file, 'src')),
      because,
    );
  });
});

describe('strangers', () => {
  test.each(['mask', 'nn', 'measure'])('core/%s knows itself and the files directly in core', (part) => {
    const because = 'mask, nn and measure are strangers; core/learn is where they are joined';
    const home = `src/core/${part}`;
    expectNone(
      matching((one) => isIn(one.from, home) && !isIn(one.file, home) && !isDirectlyIn(one.file, 'src/core')),
      because,
    );
  });

  test('the files directly in core know no folder of it', () => {
    const because = 'everything stands on them, so they can stand on nothing but each other';
    expectNone(
      matching((one) => isDirectlyIn(one.from, 'src/core') && !isDirectlyIn(one.file, 'src/core')),
      because,
    );
  });

  test.each(['slide', 'store', 'engine', 'dataset'])('main/%s knows itself and core', (part) => {
    const because =
      'the parts of main are strangers, so that each can be tested, faked or replaced alone; workstation introduces them';
    const home = `src/main/${part}`;
    expectNone(
      matching(
        (one) => isIn(one.from, home) && one.file !== null && !isIn(one.file, home) && !isIn(one.file, 'src/core'),
      ),
      because,
    );
  });

  const shells =
    /^src\/main\/(?:index|serve|cli|loopback|electron|window|http-bridge|open-address|security-headers|shell-arguments|built-files)[-.\w]*\.ts$|^src\/main\/cli\//;

  test('a shell knows the workstation, the api and the contract', () => {
    const because =
      'what one shell could do with a part directly, the others would lack; ask through the workstation (types are free)';
    const parts = ['slide', 'store', 'engine', 'dataset', 'calls'].map((part) => `src/main/${part}`);
    expectNone(
      matching((one) => shells.test(one.from) && !one.typeOnly && parts.some((part) => isIn(one.file, part))),
      because,
    );
  });

  test('nothing in main knows a shell but shells', () => {
    const because = 'the workstation must not know by which door it is used';
    const own = (one: Import) => isIn(one.from, 'src/main') && !shells.test(one.from);
    expectNone(
      matching((one) => own(one) && !one.typeOnly && one.file !== null && shells.test(one.file)),
      because,
    );
  });

  test('a tool is not a widget', () => {
    const because = 'tools turn pointer samples into edits and must be testable without React, the viewer or a window';
    const allowed = (one: Import) =>
      isIn(one.file, 'src/renderer/tools') || one.file === 'src/renderer/state.ts' || isIn(one.file, 'src/core');
    expectNone(
      matching((one) => isIn(one.from, 'src/renderer/tools') && !allowed(one)),
      because,
    );
  });
});

/** Where each package may be named. A package that is not here has no door yet: choose one. */
const doors: Readonly<Record<string, RegExp>> = {
  electron: /^src\/(?:main|preload)\/index\.ts$/,
  'better-sqlite3': /^src\/main\/store\//,
  'onnxruntime-node': /^src\/main\/engine\//,
  geotiff: /^src\/main\/slide\//,
  sharp: /^src\/main\/slide\//,
  '@orpc/server': /^src\/main\/api[-.\w]*\.ts$/,
  zod: /^src\/main\/api[-.\w]*\.ts$/,
  '@orpc/client': /^src\/renderer\/api\.ts$/,
  openseadragon: /^src\/renderer\/viewer\//,
  '@mantine/core': /^src\/renderer\/(?:App\.tsx|main\.tsx|theme\.ts|panels\/)/,
  '@mantine/hooks': /^src\/renderer\/(?:App\.tsx|main\.tsx|panels\/)/,
  '@mantine/notifications': /^src\/renderer\/(?:App\.tsx|main\.tsx|panels\/)/,
  '@tabler/icons-react': /^src\/renderer\/(?:App\.tsx|panels\/)/,
  '@tanstack/react-query': /^src\/renderer\/[-\w]+\.tsx?$/,
  react: /^src\/renderer\/(?:[-\w]+\.tsx?$|panels\/|viewer\/)/,
  'react-dom': /^src\/renderer\/main\.tsx$/,
  zustand: /^src\/renderer\/state\.ts$/,
};

/** Builtins that open connections or start programs, with the only files that may. */
const guardedBuiltins: Readonly<Record<string, RegExp>> = {
  'node:http': /^src\/main\/(?:loopback|http-bridge)\.ts$/,
  'node:net': /^src\/main\/loopback\.ts$/,
  'node:https': /^$/,
  'node:http2': /^$/,
  'node:tls': /^$/,
  'node:dgram': /^$/,
  'node:dns': /^$/,
  'node:child_process': /^src\/main\/(?:engine\/child-port|open-address)\.ts$/,
};

describe('one door per package', () => {
  const packages = imports.filter((one) => one.package !== null && !one.package.startsWith('node:'));

  test('every package comes in by its own', () => {
    const because = 'a package that is named in one place can be swapped or faked in one place';
    expectNone(packages.filter((one) => !doors[one.package ?? '']?.test(one.from)).map(arrow), because);
  });

  test('connections and programs are opened in named places only', () => {
    const because =
      'the workstation works in airplane mode: only the loopback server listens, and only the engine and the browser opener start programs';
    expectNone(
      matching((one) => guardedBuiltins[one.package ?? '']?.test(one.from) === false),
      because,
    );
  });

  test('main fetches nothing', () => {
    const because = 'no byte of a patient’s slide leaves the machine; main has nobody to ask';
    const fetching = sources.filter(
      ({ path, text }) => isIn(path, 'src/main') && /(?<![.\w])(?:await|return|=|\() ?fetch\(/.test(text),
    );
    expectNone(
      fetching.map(({ path }) => path),
      because,
    );
  });

  test('what main needs ships, and what only the window needs is built into it', () => {
    const because =
      'electron-vite leaves `dependencies` of main outside the bundle and the installer carries them; a native module among devDependencies breaks, the window’s among dependencies is dead weight';
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const ships = Object.keys(manifest.dependencies ?? {});
    const wrong = packages.filter(({ package: name, from, typeOnly }) => {
      if (typeOnly || name === 'electron') return false;
      return ships.includes(name ?? '') !== isIn(from, 'src/main');
    });
    expectNone(wrong.map(arrow), because);
  });
});

describe('shape', () => {
  test('no ring of imports', () => {
    const because = 'files that need each other are one file, or lack a third that both could need';
    expectNone(
      cyclesIn(sources).map((cycle) => cycle.join(' → ')),
      because,
    );
  });

  test('no barrel', () => {
    const because = 'a file that only hands on other files hides where a thing lives and drags all of them in';
    const isBarrel = ({ text, imports: own }: (typeof sources)[number]) => {
      const rest = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^export\s[^;]*?\sfrom\s[^;]*;/gm, '');
      return own.some((one) => one.reexport) && rest.trim() === '';
    };
    expectNone(
      sources.filter(isBarrel).map(({ path }) => path),
      because,
    );
    const entries = ['src/main/index.ts', 'src/preload/index.ts'];
    const indexes = sources.filter(({ path }) => /\/index\.tsx?$/.test(path) && !entries.includes(path));
    expectNone(
      indexes.map(({ path }) => path),
      'index files invite barrels; only the two entries of Electron are called so',
    );
  });

  test('no file over 400 lines', () => {
    const because = 'what ruins a codebase of this kind is one long file; split it by what it does';
    const long = [...sources, ...tests].map(({ path, text }) => ({ path, lines: text.split('\n').length }));
    expectNone(
      long.filter(({ lines }) => lines > 400).map(({ path, lines }) => `${path}: ${lines} lines`),
      because,
    );
  });

  test('no drawer for everything', () => {
    const because = 'a folder is named after what is in it; these names say only that nobody decided';
    const drawers = /\/(?:shared|common|utils?|helpers?|services?|types|misc|lib)\//;
    expectNone(
      [...sources, ...tests].filter(({ path }) => drawers.test(path)).map(({ path }) => path),
      because,
    );
  });

  test('every source opens with what it is', () => {
    const because =
      'the first lines of a file say what it is and what it must not do, so that the next person knows where to put things';
    expectNone(
      sources.filter(({ text }) => !text.startsWith('/**')).map(({ path }) => path),
      because,
    );
  });

  test('every import of a file names one that exists, with its ending', () => {
    const because = 'Node runs the sources as they are and looks for exactly that file';
    const all = [...imports, ...tests.flatMap((one) => one.imports)];
    expectNone(all.filter(({ file }) => file !== null && !existsInProject(file)).map(arrow), because);
  });

  test('a test of core tests core alone', () => {
    const because = 'tests/core is the band that needs nothing: no main, no window, no package beside vitest';
    const core = tests.filter(({ path }) => isIn(path, 'tests/core')).flatMap((one) => one.imports);
    const foreign = (one: Import) =>
      isIn(one.file, 'src/main') || isIn(one.file, 'src/renderer') || isIn(one.file, 'src/preload');
    expectNone(core.filter((one) => foreign(one) && !one.typeOnly).map(arrow), because);
  });

  test('every test file imports what it tests', () => {
    const because = 'a test that imports nothing of ours tests nothing of ours';
    const idle = tests.filter(
      ({ path, imports: own }) => /\.test\.tsx?$/.test(path) && own.every(({ file }) => file === null),
    );
    expectNone(
      idle.map(({ path }) => path),
      because,
    );
  });
});
