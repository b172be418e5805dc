/** Runs shell 2 on a project and a window that a test names, in a process of its own. Not a test. */
import { serveUntilStopped } from '../../../src/main/serve.ts';

const [projectFolder = '', rendererFolder = ''] = process.argv.slice(2);
try {
  process.exit(await serveUntilStopped({ projectFolder, rendererFolder, openBrowser: false, provider: 'cpu' }));
} catch (error) {
  console.error(`histoloop: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
