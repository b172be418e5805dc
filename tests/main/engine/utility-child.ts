/** Makes a forked Node look like Electron's utility process, then runs the script it was given. */
import { pathToFileURL } from 'node:url';

Object.assign(process, {
  parentPort: {
    on: (_event: string, listener: (event: { data: unknown }) => void) =>
      process.on('message', (data) => listener({ data })),
    postMessage: (message: object) => process.send?.(structuredClone(message)),
  },
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
await import(pathToFileURL(process.argv[2] ?? '').href);
