// The application being written, kept in this tab so that a reload loses nothing. It holds personal data: it never outlives the tab or the login.
const KEY = "jiehuan.draft.application";

export function keepDraft(user: string, draft: unknown): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ user, draft }));
  } catch {
    sessionStorage.removeItem(KEY); // too large to keep: better none than an old one
  }
}

/** The draft of this person; that of another is thrown away. */
export function takeDraft<Draft>(user: string): Draft | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as { user: string; draft: Draft } | null;
    if (kept?.user === user) return kept.draft;
  } catch {
    // not ours: forgotten below
  }
  forgetDraft();
  return undefined;
}

export function forgetDraft(): void {
  sessionStorage.removeItem(KEY);
}
