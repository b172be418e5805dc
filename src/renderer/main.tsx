/** Starts the window: connects to the workstation that served this page and mounts the application. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import { connectWorkstation } from './api.ts';
import { createSession } from './session.ts';

const root = document.getElementById('root');
if (root) {
  const session = createSession(connectWorkstation(window.location.origin));
  createRoot(root).render(
    <StrictMode>
      <App session={session} />
    </StrictMode>,
  );
}
