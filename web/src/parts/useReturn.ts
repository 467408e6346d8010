// Where the keyboard was before a dialog opened: it goes back there when the dialog is gone.
import { useEffect, useState } from "react";

export function useReturn(): void {
  const [from] = useState(() => document.activeElement);
  useEffect(() => () => {
    setTimeout(() => { if (from instanceof HTMLElement && from.isConnected) from.focus(); });
  }, [from]);
}
