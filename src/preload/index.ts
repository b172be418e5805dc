/**
 * The keyhole between an Electron window and main: only what the browser shell cannot do. Calls and tiles do not pass
 * here, they go to the `app:` scheme. Runs sandboxed: it may import nothing but electron.
 */
import { contextBridge, ipcRenderer } from 'electron';

contextBridge.exposeInMainWorld('histoloop', {
  shell: 'electron',
  /** Opens the system's dialog; the absolute path that was chosen, or null. */
  choosePath: (kind: 'file' | 'folder'): Promise<string | null> => ipcRenderer.invoke('histoloop:choose-path', kind),
});
