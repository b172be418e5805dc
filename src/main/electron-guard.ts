/**
 * What shell 1 forbids its window: leaving the workstation, opening others, asking for devices, downloading, and any
 * network at all. Must not serve anything (electron-scheme) and must not import electron.
 */
import type { ElectronFacade, NavigationDetails, SessionFacade, WebContentsFacade } from './electron-facade.ts';
import { isOurs } from './electron-scheme.ts';

const localSchemes: readonly string[] = ['app:', 'devtools:', 'blob:', 'data:'];

/** Switches that keep Chromium itself silent; to be set before Electron is ready. */
const quietSwitches: readonly (readonly [string, string?])[] = [
  ['disable-background-networking'],
  ['disable-component-update'],
  ['disable-domain-reliability'],
  ['disable-breakpad'],
  ['no-pings'],
  ['host-resolver-rules', 'MAP * ~NOTFOUND'],
];

export function silenceChromium(commandLine: ElectronFacade['app']['commandLine']): void {
  for (const [name, value] of quietSwitches) {
    if (value === undefined) commandLine.appendSwitch(name);
    else commandLine.appendSwitch(name, value);
  }
}

/** No permission, no device, no download, no spell checker (it fetches dictionaries), no request off this machine. */
export function guardSession(session: SessionFacade): void {
  session.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.setSpellCheckerEnabled(false);
  session.on('will-download', (event) => event.preventDefault());
  session.webRequest.onBeforeRequest(({ url }, answer) => answer({ cancel: !staysHere(url) }));
}

function staysHere(url: string): boolean {
  if (url.startsWith('app:')) return isOurs(url);
  return localSchemes.some((scheme) => url.startsWith(scheme));
}

/** Holds every page that Electron makes, ours and any other, to the workstation. */
export function guardContents(contents: WebContentsFacade): void {
  const stay = (details: NavigationDetails) => {
    if (!isOurs(details.url)) details.preventDefault();
  };
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.setWebRTCIPHandlingPolicy('disable_non_proxied_udp');
  contents.on('will-navigate', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
}
