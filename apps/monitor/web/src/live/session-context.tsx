import { createContext, useContext } from 'react';
import type { SessionInfo } from '../../../src/api/contract.js';

/** Who looks at the page. */
export interface Session {
  readonly info: SessionInfo;
  /** Whether changes are allowed; forms and buttons are not shown to viewers. */
  readonly isOperator: boolean;
  readonly logOut: () => Promise<void>;
}

export const SessionContext = createContext<Session | undefined>(undefined);

/** Who looks at the page. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('Nobody is logged in');
  return session;
}
