/** Hands the window's session to its components. */
import { createContext, useContext } from 'react';
import type { Session } from '../session.ts';
import { useView, type ViewState } from '../state.ts';

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('bug: a panel outside the session');
  return session;
}

/** A part of the view state; the component is drawn again when that part changes. */
export function useViewState<T>(select: (state: ViewState) => T): T {
  return useView(useSession().view, select);
}
