/**
 * As much of Electron as shell 1 uses, as plain types: index.ts passes the real thing (and the compiler compares the two),
 * tests pass a stand-in. Must not import electron, and must not grow what the shell does not use.
 */

export interface Preventable {
  preventDefault(): void;
}

export interface NavigationDetails extends Preventable {
  readonly url: string;
}

export interface WebContentsFacade {
  setWindowOpenHandler(handler: () => { action: 'deny' }): void;
  setWebRTCIPHandlingPolicy(policy: 'disable_non_proxied_udp'): void;
  on(event: 'will-navigate', listener: (details: NavigationDetails) => void): unknown;
  on(event: 'will-frame-navigate', listener: (details: NavigationDetails) => void): unknown;
  on(event: 'will-redirect', listener: (details: NavigationDetails) => void): unknown;
  on(event: 'will-attach-webview', listener: (event: Preventable) => void): unknown;
}

export interface WindowOptions {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly show: boolean;
  readonly webPreferences: {
    readonly preload: string;
    readonly contextIsolation: true;
    readonly sandbox: true;
    readonly nodeIntegration: false;
    readonly nodeIntegrationInWorker: false;
    readonly nodeIntegrationInSubFrames: false;
    readonly webSecurity: true;
    readonly webviewTag: false;
    readonly spellcheck: false;
    readonly navigateOnDragDrop: false;
  };
}

export interface WindowFacade {
  loadURL(url: string): Promise<void>;
  show(): void;
  focus(): void;
  isMinimized(): boolean;
  restore(): void;
  once(event: 'ready-to-show', listener: () => void): unknown;
}

export interface SessionFacade {
  setPermissionRequestHandler(
    handler: (contents: unknown, permission: string, answer: (granted: boolean) => void) => void,
  ): void;
  setPermissionCheckHandler(handler: () => boolean): void;
  setDevicePermissionHandler(handler: () => boolean): void;
  setSpellCheckerEnabled(enabled: boolean): void;
  on(event: 'will-download', listener: (event: Preventable) => void): unknown;
  readonly webRequest: {
    onBeforeRequest(
      listener: (details: { readonly url: string }, answer: (response: { cancel: boolean }) => void) => void,
    ): void;
  };
}

export interface UtilityChildFacade {
  readonly pid: number | undefined;
  readonly stderr: NodeJS.ReadableStream | null;
  postMessage(message: unknown): void;
  kill(): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'exit', listener: (code: number) => void): unknown;
}

export interface MenuItem {
  label?: string;
  role?: 'quit' | 'cut' | 'copy' | 'paste' | 'selectAll' | 'reload' | 'toggleDevTools' | 'togglefullscreen';
  submenu?: MenuItem[];
}

export interface PrivilegedScheme {
  scheme: string;
  privileges: { standard: boolean; secure: boolean; supportFetchAPI: boolean; stream: boolean; codeCache: boolean };
}

export interface OpenDialogOptions {
  properties: ('openFile' | 'openDirectory')[];
}

export interface ElectronFacade {
  readonly app: {
    readonly commandLine: { appendSwitch(name: string, value?: string): void };
    enableSandbox(): void;
    requestSingleInstanceLock(): boolean;
    whenReady(): Promise<void>;
    quit(): void;
    exit(code?: number): void;
    on(event: 'second-instance', listener: () => void): unknown;
    on(event: 'window-all-closed', listener: () => void): unknown;
    on(event: 'before-quit', listener: (event: Preventable) => void): unknown;
    on(event: 'web-contents-created', listener: (event: Preventable, contents: WebContentsFacade) => void): unknown;
  };
  readonly protocol: {
    registerSchemesAsPrivileged(schemes: PrivilegedScheme[]): void;
    handle(scheme: string, handler: (request: Request) => Promise<Response>): void;
  };
  readonly session: { readonly defaultSession: SessionFacade };
  readonly utilityProcess: {
    fork(
      entry: string,
      args: string[],
      options: { stdio: ('ignore' | 'pipe')[]; serviceName: string },
    ): UtilityChildFacade;
  };
  readonly dialog: {
    showErrorBox(title: string, content: string): void;
    showOpenDialog(options: OpenDialogOptions): Promise<{ canceled: boolean; filePaths: string[] }>;
  };
  readonly ipcMain: {
    handle(
      channel: string,
      listener: (event: { readonly senderFrame: { readonly url: string } | null }, ...args: unknown[]) => unknown,
    ): void;
  };
  openWindow(options: WindowOptions): WindowFacade;
  setMenu(items: MenuItem[]): void;
}
