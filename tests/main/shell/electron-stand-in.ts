/**
 * Electron without Electron: records what the shell sets and lets a test play the window, the network stack and the user.
 * Answers of the scheme go the way Electron sends them: headers as an object, the body through a Node stream, no signal.
 */
import { EventEmitter } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import type { Handler } from '../../../src/main/api.ts';
import type {
  ElectronFacade,
  NavigationDetails,
  PrivilegedScheme,
  UtilityChildFacade,
  WebContentsFacade,
  WindowOptions,
} from '../../../src/main/electron-facade.ts';

/** A utilityProcess child that a test can make speak and die. */
export class UtilityChildStandIn extends EventEmitter implements UtilityChildFacade {
  pid: number | undefined = undefined;
  readonly stderr = new PassThrough();
  readonly posted: unknown[] = [];
  politeKills = 0;

  postMessage(message: unknown): void {
    this.posted.push(message);
  }

  kill(): boolean {
    this.politeKills += 1;
    return true;
  }
}

export interface WindowStandIn extends EventEmitter {
  readonly options: WindowOptions;
  readonly loaded: string[];
  readonly done: string[];
}

export interface ElectronStandIn {
  readonly electron: ElectronFacade;
  readonly appEvents: EventEmitter;
  readonly switches: Map<string, string | undefined>;
  readonly schemes: PrivilegedScheme[];
  readonly windows: WindowStandIn[];
  readonly children: UtilityChildStandIn[];
  readonly errorBoxes: string[];
  /** What the app was told, in order: sandbox, lock, ready, quit, exit 1 … */
  readonly log: string[];
  /** What the file dialog will answer. */
  dialogPaths: string[];
  /** Asks as the window does, through the scheme. */
  fetch(request: Request): Promise<Response>;
  /** True where the network stack lets the request out. */
  letsOut(url: string): boolean;
  grants(permission: string): boolean;
  invoke(channel: string, from: string, ...args: unknown[]): unknown;
  /** Emits a download; true where it was refused. */
  refusesDownload(): boolean;
}

export function createElectronStandIn(options: { firstInstance?: boolean } = {}): ElectronStandIn {
  const appEvents = new EventEmitter();
  const log: string[] = [];
  const switches = new Map<string, string | undefined>();
  const schemes: PrivilegedScheme[] = [];
  const windows: WindowStandIn[] = [];
  const children: UtilityChildStandIn[] = [];
  const errorBoxes: string[] = [];
  const sessionPart = createSession();
  const handlers = new Map<string, (event: { senderFrame: { url: string } }, ...args: unknown[]) => unknown>();
  let scheme: Handler | null = null;

  const electron: ElectronFacade = {
    app: {
      commandLine: { appendSwitch: (name, value) => void switches.set(name, value) },
      enableSandbox: () => void log.push('sandbox'),
      requestSingleInstanceLock: () => {
        log.push('lock');
        return options.firstInstance ?? true;
      },
      whenReady: async () => void log.push('ready'),
      quit: () => {
        log.push('quit');
        emitPreventable(appEvents, 'before-quit');
      },
      exit: (code) => void log.push(`exit ${code}`),
      on: (event: string, listener: (...args: never[]) => void) => appEvents.on(event, listener as never),
    },
    protocol: {
      registerSchemesAsPrivileged: (more) => {
        log.push('schemes');
        schemes.push(...more);
      },
      handle: (_name, handler) => {
        scheme = handler;
      },
    },
    session: { defaultSession: sessionPart.session },
    utilityProcess: {
      fork: () => {
        const child = new UtilityChildStandIn();
        children.push(child);
        return child;
      },
    },
    dialog: {
      showErrorBox: (_title, content) => void errorBoxes.push(content),
      showOpenDialog: async () => ({ canceled: standIn.dialogPaths.length === 0, filePaths: standIn.dialogPaths }),
    },
    ipcMain: { handle: (channel, listener) => void handlers.set(channel, listener as never) },
    openWindow: (windowOptions) => {
      log.push('window');
      return createWindow(windowOptions, windows);
    },
    setMenu: () => void log.push('menu'),
  };

  const standIn: ElectronStandIn = {
    ...{ electron, appEvents, switches, schemes, windows, children, errorBoxes, log },
    dialogPaths: [],
    ...sessionPart.probes,
    fetch: (request) => electronFetch(scheme!, request),
    invoke: (channel, from, ...args) => handlers.get(channel)?.({ senderFrame: { url: from } }, ...args),
  };
  return standIn;
}

function emitPreventable(emitter: EventEmitter, name: string, more: object = {}): boolean {
  let prevented = false;
  emitter.emit(name, { preventDefault: () => (prevented = true), ...more });
  return prevented;
}

function createSession() {
  const events = new EventEmitter();
  let onRequest: Parameters<ElectronFacade['session']['defaultSession']['webRequest']['onBeforeRequest']>[0] | null =
    null;
  let onPermission: ((c: unknown, p: string, answer: (granted: boolean) => void) => void) | null = null;
  let check = () => true;
  let device = () => true;
  const session: ElectronFacade['session']['defaultSession'] = {
    setPermissionRequestHandler: (handler) => {
      onPermission = handler;
    },
    setPermissionCheckHandler: (handler) => {
      check = handler;
    },
    setDevicePermissionHandler: (handler) => {
      device = handler;
    },
    setSpellCheckerEnabled: (enabled) => void events.emit('spell-checker', enabled),
    on: (event, listener) => events.on(event, listener),
    webRequest: {
      onBeforeRequest: (listener) => {
        onRequest = listener;
      },
    },
  };
  const probes = {
    letsOut: (url: string) => {
      let cancelled = false;
      onRequest?.({ url }, ({ cancel }) => {
        cancelled = cancel;
      });
      return !cancelled;
    },
    grants: (permission: string) => {
      let granted = onPermission === null;
      onPermission?.(null, permission, (answer) => {
        granted = answer;
      });
      return granted || check() || device();
    },
    refusesDownload: () => emitPreventable(events, 'will-download'),
  };
  return { session, probes };
}

function createWindow(options: WindowOptions, windows: WindowStandIn[]) {
  const loaded: string[] = [];
  const done: string[] = [];
  const window = Object.assign(new EventEmitter(), {
    ...{ options, loaded, done },
    loadURL: async (url: string) => void loaded.push(url),
    show: () => void done.push('show'),
    focus: () => void done.push('focus'),
    restore: () => void done.push('restore'),
    isMinimized: () => true,
  });
  windows.push(window);
  return window;
}

/** A page's contents: what it would be allowed to do. */
export function createContents() {
  const events = new EventEmitter();
  let open: () => { action: string } = () => ({ action: 'allow' });
  let webRtc = 'default';
  const contents: WebContentsFacade = {
    setWindowOpenHandler: (handler) => {
      open = handler;
    },
    setWebRTCIPHandlingPolicy: (policy) => {
      webRtc = policy;
    },
    on: (event: string, listener: (details: NavigationDetails) => void) => events.on(event, listener),
  };
  return {
    contents,
    opensWindows: () => open().action !== 'deny',
    webRtc: () => webRtc,
    goesTo: (url: string, event = 'will-navigate') => !emitPreventable(events, event, { url }),
    attachesWebview: () => !emitPreventable(events, 'will-attach-webview'),
  };
}

async function electronFetch(handler: Handler, request: Request): Promise<Response> {
  const { method, url } = request;
  const body = request.body === null ? {} : { body: await request.arrayBuffer() };
  const answer = await handler(new Request(url, { method, headers: request.headers, ...body }));
  const headers = Object.fromEntries(answer.headers);
  if (answer.body === null) return new Response(null, { status: answer.status, headers });
  const stream = Readable.fromWeb(answer.body as NodeReadableStream);
  return new Response(Readable.toWeb(stream) as unknown as BodyInit, { status: answer.status, headers });
}
