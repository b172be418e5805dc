/**
 * Shell 1: Electron. Only wiring: this is the one module of main that imports electron, and what it does is written in
 * electron-shell, where tests can run it.
 */
import { join } from 'node:path';
import { app, BrowserWindow, dialog, ipcMain, Menu, protocol, session, utilityProcess } from 'electron';
import { createHandler } from './api.ts';
import { builtFolder } from './built-files.ts';
import { type OpenedWorkstation, startElectronShell } from './electron-shell.ts';
import type { SpawnChild } from './engine/child-port.ts';
import { parseShellArguments } from './shell-arguments.ts';
import { openWorkstation } from './workstation.ts';

async function open(spawn: SpawnChild): Promise<OpenedWorkstation> {
  const { projectFolder, folders, provider, readOnly } = parseShellArguments(process.argv.slice(1), true);
  const workstation = await openWorkstation({
    projectFolder: projectFolder ?? join(app.getPath('userData'), 'demo'),
    shell: 'electron',
    furnish: projectFolder === null && !readOnly,
    readOnly,
    settingsFile: join(app.getPath('userData'), 'settings.json'),
    folders,
    engine: { spawn, ...(provider ? { provider } : {}) },
  });
  const { openFolder, close } = workstation;
  return { handler: createHandler(workstation), openFolder, close };
}

const facade = {
  app,
  protocol,
  session,
  utilityProcess,
  dialog,
  ipcMain,
  openWindow: (options: Electron.BrowserWindowConstructorOptions) => new BrowserWindow(options),
  setMenu: (items: Electron.MenuItemConstructorOptions[]) => Menu.setApplicationMenu(Menu.buildFromTemplate(items)),
};

/** Not awaited here: Electron becomes ready only after this module has run to its end. */
void startElectronShell(facade, {
  openWorkstation: open,
  rendererFolder: builtFolder('renderer'),
  preloadPath: join(builtFolder('preload'), 'index.cjs'),
});
