/**
 * Shell 1 without Electron: what happens in which order from launch to quit, over a facade, so that tests run it with a
 * stand-in. Must not import electron and must not know what calls mean.
 */
import { dirname } from 'node:path';
import { toHistoloopError } from '../core/errors.ts';
import type { Handler } from './api.ts';
import { utilityChildSpawner } from './electron-engine.ts';
import type { ElectronFacade, MenuItem, WindowFacade, WindowOptions } from './electron-facade.ts';
import { guardContents, guardSession, silenceChromium } from './electron-guard.ts';
import { appScheme, isOurs, schemeHandler, windowOrigin } from './electron-scheme.ts';
import type { SpawnChild } from './engine/child-port.ts';
import { windowDoor } from './window-door.ts';
import { openWindowFiles } from './window-files.ts';

/** What the shell needs of an opened workstation. */
export interface OpenedWorkstation {
  readonly handler: Handler;
  /** Lets the window name files of this folder, because a person chose it in a dialog. */
  openFolder(folder: string): void;
  close(): Promise<void>;
}

export interface ElectronShellOptions {
  readonly openWorkstation: (spawnEngine: SpawnChild) => Promise<OpenedWorkstation>;
  readonly rendererFolder: string;
  /** Absolute path of out/preload/index.cjs. */
  readonly preloadPath: string;
  readonly onError?: (error: unknown) => void;
}

/** Answered by the preload's `choosePath`. */
export const choosePathChannel = 'histoloop:choose-path';

const menu: MenuItem[] = [
  { label: 'Histoloop', submenu: [{ role: 'quit' }] },
  { label: 'Edit', submenu: [{ role: 'cut' }, { role: 'copy' }, { role: 'paste' }, { role: 'selectAll' }] },
  { label: 'View', submenu: [{ role: 'reload' }, { role: 'togglefullscreen' }, { role: 'toggleDevTools' }] },
];

/**
 * Runs the shell until its window is open; false where another instance was there first (it is brought to the front).
 * A workstation that cannot be opened is told in a dialog, and the program ends with status 1.
 */
export async function startElectronShell(electron: ElectronFacade, options: ElectronShellOptions): Promise<boolean> {
  const { app, protocol } = electron;
  app.enableSandbox();
  silenceChromium(app.commandLine);
  protocol.registerSchemesAsPrivileged([appScheme]);
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return false;
  }
  app.on('web-contents-created', (_event, contents) => guardContents(contents));
  app.on('window-all-closed', () => app.quit());
  await app.whenReady();
  guardSession(electron.session.defaultSession);
  electron.setMenu(menu);
  try {
    await openWorkstationWindow(electron, options);
    return true;
  } catch (error) {
    options.onError?.(error);
    electron.dialog.showErrorBox('Histoloop cannot start', toHistoloopError(error).message);
    app.exit(1);
    return false;
  }
}

async function openWorkstationWindow(electron: ElectronFacade, options: ElectronShellOptions): Promise<void> {
  const files = await openWindowFiles(options.rendererFolder);
  const workstation = await options.openWorkstation(utilityChildSpawner(electron.utilityProcess));
  const onError = options.onError ?? ((error: unknown) => console.error(error));
  closeBeforeQuit(electron.app, workstation, onError);
  const door = windowDoor({ handler: workstation.handler, files, onError });
  electron.protocol.handle(appScheme.scheme, schemeHandler(door));
  offerFileDialog(electron, workstation);
  const window = electron.openWindow(windowOptions(options.preloadPath));
  window.once('ready-to-show', () => window.show());
  electron.app.on('second-instance', () => bringToFront(window));
  await window.loadURL(`${windowOrigin}/`);
}

function windowOptions(preload: string): WindowOptions {
  return {
    width: 1440,
    height: 900,
    title: 'Histoloop',
    show: false,
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      navigateOnDragDrop: false,
    },
  };
}

function bringToFront(window: WindowFacade): void {
  if (window.isMinimized()) window.restore();
  window.focus();
}

/** Quitting waits for the workstation to close its store and its engine, once. */
function closeBeforeQuit(
  app: ElectronFacade['app'],
  workstation: OpenedWorkstation,
  onError: (error: unknown) => void,
): void {
  let state: 'open' | 'closing' | 'closed' = 'open';
  app.on('before-quit', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    if (state === 'closing') return;
    state = 'closing';
    void workstation
      .close()
      .catch(onError)
      .finally(() => {
        state = 'closed';
        app.quit();
      });
  });
}

/** The one thing that a browser cannot do: a dialog that answers with a path. Its folder counts as opened from then on. */
function offerFileDialog({ ipcMain, dialog }: ElectronFacade, workstation: OpenedWorkstation): void {
  ipcMain.handle(choosePathChannel, async (event, kind) => {
    if (event.senderFrame === null || !isOurs(event.senderFrame.url)) return null;
    const folder = kind === 'folder';
    const { canceled, filePaths } = await dialog.showOpenDialog({
      properties: [folder ? 'openDirectory' : 'openFile'],
    });
    const path = filePaths[0];
    if (canceled || path === undefined) return null;
    workstation.openFolder(folder ? path : dirname(path));
    return path;
  });
}
