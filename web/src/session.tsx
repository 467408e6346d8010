// Who is signed in, and the doors their role may use: what is not allowed is not shown.
import { createContext, type ReactNode, useContext, useMemo } from "react";
import type { Schema } from "./api/client";

interface Session {
  me: Schema["Me"];
  /** Whether the role may use a route, such as "POST /api/work/{item_id}/outcome". */
  may: (door: string) => boolean;
}

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ me, children }: { me: Schema["Me"]; children: ReactNode }) {
  const session = useMemo<Session>(() => {
    const doors = new Set(me.doors);
    return { me, may: (door) => doors.has(door) };
  }, [me]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside SessionProvider");
  return session;
}
