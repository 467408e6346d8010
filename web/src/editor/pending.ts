// The decision editor tells of an edit a moment after the key was struck, twice over: a table tells the graph, the graph tells
// the page. Its own delay (use-debounce) forgets what still waits when a table's tab is closed, and cannot be asked to hurry.
// This one tells before it goes and when `tellNow` is called. vite.config.ts puts this file in use-debounce's place.
import { useEffect, useMemo, useRef } from "react";

const waiting = new Set<() => void>();

/** Everything typed so far reaches the page at once; what one telling sets waiting is told too. */
export function tellNow(): void {
  for (const tell of waiting) tell();
}

export function useDebouncedCallback<Told extends unknown[]>(act: (...told: Told) => void, wait: number) {
  const latest = useRef(act);
  latest.current = act;
  const held = useMemo(() => {
    let last: Told | undefined;
    let timer = 0;
    const tell = () => {
      window.clearTimeout(timer);
      waiting.delete(tell);
      const told = last;
      last = undefined;
      if (told) latest.current(...told);
    };
    const later = (...told: Told) => {
      last = told;
      window.clearTimeout(timer);
      timer = window.setTimeout(tell, wait);
      waiting.add(tell);
    };
    return { later, tell };
  }, [wait]);
  useEffect(() => held.tell, [held]);
  return held.later;
}

/** The editor's other use of the package: to lay its code boxes out again after a change of size. */
export const useThrottledCallback = useDebouncedCallback;
